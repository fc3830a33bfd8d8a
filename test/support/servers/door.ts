import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface Door extends AsyncDisposable {
  readonly url: string;
  readonly wsUrl: string;
  /** Connections from now on lead to this replica. */
  lead(replica: { url: string }): void;
  /** Breaks every connection, as a network does: no close frame, no last chunk. */
  cut(): void;
  /** How many connections came. */
  count(): number;
}

/** An address in front of replicas, like a load balancer's: what a client sees when its connection breaks. */
export async function door(replica: { url: string }): Promise<Door> {
  let port = Number(new URL(replica.url).port);
  let count = 0;
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    count++;
    const outgoing = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = `//127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  return {
    url: `http:${at}`,
    wsUrl: `ws:${at}`,
    lead: ({ url }) => {
      port = Number(new URL(url).port);
    },
    cut,
    count: () => count,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

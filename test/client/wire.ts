import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Wire extends AsyncDisposable {
  readonly url: string;
  /** What comes from the server on the connections of now is kept back: they are open, and silent. */
  hold(): void;
  /** It comes after all. Resolves when the client has taken it and those connections are over. */
  release(): Promise<void>;
  /** How many connections came. */
  count(): number;
}

/** A line to a server that can fall silent without breaking, as a phone's does in a tunnel. */
export async function wire(to: { url: string }): Promise<Wire> {
  const open = new Set<{ server: Socket; client: Socket }>();
  let held: { server: Socket; client: Socket }[] = [];
  let count = 0;
  const listener = createServer((client) => {
    count++;
    const server = connect(Number(new URL(to.url).port), '127.0.0.1');
    const pair = { server, client };
    open.add(pair);
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) socket.on('error', () => socket.destroy());
    client.on('close', () => {
      open.delete(pair);
      server.destroy();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/graphql`,
    hold() {
      held = [...open];
      for (const { server, client } of held) server.unpipe(client).pause();
    },
    async release() {
      const over = held.map(({ client }) => new Promise((resolve) => client.once('close', resolve)));
      for (const { server, client } of held) server.pipe(client);
      await Promise.all(over);
    },
    count: () => count,
    async [Symbol.asyncDispose]() {
      for (const { server, client } of open) {
        server.destroy();
        client.destroy();
      }
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

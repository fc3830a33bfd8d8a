import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Balancer extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open now. */
  connections(): number;
  /** Cuts every connection without a word. */
  cut(): void;
}

/** A TCP balancer in front of several ports: each connection goes to the next one that takes it, none are tried twice. */
export async function balancer(ports: readonly number[]): Promise<Balancer> {
  const open = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    attempt(client, ports.length);
  });

  function attempt(client: Socket, left: number) {
    const port = ports[turn++ % ports.length] as number;
    const upstream = connect(port, '127.0.0.1');
    upstream.once('connect', () => {
      open.add(client);
      client.pipe(upstream).pipe(client);
      client.once('close', () => {
        open.delete(client);
        upstream.destroy();
      });
      upstream.once('close', () => client.destroy());
    });
    upstream.on('error', () => {
      if (upstream.readyState !== 'open' && left > 1 && !open.has(client)) attempt(client, left - 1);
      else client.destroy();
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => open.size,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

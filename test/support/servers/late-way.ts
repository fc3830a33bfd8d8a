import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface LateWay extends AsyncDisposable {
  readonly port: number;
  /** Milliseconds by which what the server says comes later, from now on. */
  late: number;
  /** How often something has come late. */
  count(): number;
}

/** A way to a port of this machine, on which requests pass and answers are late. Nothing overtakes. */
export async function lateWay(to: number): Promise<LateWay> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    near.pipe(far);
    let due = 0;
    const later = (then: () => void) => {
      due = Math.max(due, performance.now() + way.late);
      setTimeout(then, due - performance.now());
    };
    far.on('data', (bytes) => {
      const isLate = way.late > 0;
      later(() => {
        if (near.writable) near.write(bytes);
        if (isLate) count++;
      });
    });
    far.on('close', () => later(() => near.destroy()));
    near.on('close', () => far.destroy());
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const way: LateWay = {
    port: (server.address() as AddressInfo).port,
    late: 0,
    count: () => count,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return way;
}

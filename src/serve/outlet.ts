import type { Writable } from 'node:stream';

/** How much of a socket's output still waits, and when it does not. */
export interface Backlog {
  /** Null while less than the limit waits in memory; else resolves when the socket has drained or is gone. */
  drained(): Promise<void> | null;
}

/** One for all subscriptions of a socket: they wait for the same thing. `limit` in bytes. */
export function backlogOf(socket: Writable, limit: number): Backlog {
  let waiting: Promise<void> | null = null;
  return {
    drained() {
      if (waiting) return waiting;
      if (socket.destroyed || socket.writableLength <= limit) return null;
      waiting = new Promise<void>((resolve) => {
        const done = () => {
          socket.off('drain', done);
          socket.off('close', done);
          waiting = null;
          resolve();
        };
        socket.once('drain', done);
        socket.once('close', done);
      });
      return waiting;
    },
  };
}

import type { Socket } from 'node:net';

/** How much of a socket's output still waits, and when it does not. */
export interface Backlog {
  /** Null while no more than the limit waits in memory; else resolves when the socket has drained or is gone. */
  drained(): Promise<void> | null;
  /**
   * To be asked at every heartbeat: true when the peer has taken nothing of what waits for the last few of them.
   * A peer that never reads is alive to TCP, for ever.
   */
  isStuck(): boolean;
}

/** Heartbeats without a byte leaving that a backlog may take. */
const patience = 5;

/** One for all subscriptions of a socket: they wait for the same thing. `limit` in bytes. */
export function backlogOf(socket: Socket, limit: number): Backlog {
  let waiting: Promise<void> | null = null;
  let sent = -1;
  let beats = 0;

  function drained() {
    if (waiting) return waiting;
    if (!socket.writable || socket.writableLength <= limit) return null;
    // Not by 'drain': a socket that holds less than Node's own mark, which may be above the limit, never emits it.
    waiting = new Promise<void>((resolve) => {
      socket.write('', () => {
        waiting = null;
        resolve();
      });
    });
    return waiting;
  }

  return {
    drained,
    isStuck() {
      const before = sent;
      sent = socket.bytesWritten - socket.writableLength;
      beats = drained() && sent === before ? beats + 1 : 0;
      return beats >= patience;
    },
  };
}

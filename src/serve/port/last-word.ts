import type { Duplex } from 'node:stream';

/** Milliseconds in which a client that sends without end can read why it is refused. */
const lastWord = 1_000;

/**
 * Answers, and closes the connection when the other end has, or in a moment. What still comes meanwhile is thrown away: closed
 * before it is read, TCP would take back the answer; and with it unread, a connection would never be told that its other end has
 * closed, and stay for ever.
 */
export function endWith(socket: Duplex, answer: string): void {
  socket.end(answer);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lastWord);
  socket.on('close', () => clearTimeout(timer));
}

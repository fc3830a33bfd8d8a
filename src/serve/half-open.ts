import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** Of both ends a socket knows, what tells a connection from all others: behind TLS a request has another object. */
const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/**
 * Bounds the connections on which no request has come yet: bound by their time alone, they are as many as strangers open
 * in it, up to the last descriptor of the process. With one more than `most`, the eldest is closed and `closed` called: an
 * honest client speaks as soon as it may, so those that have waited longest are others, and who comes anew is never turned
 * away for them.
 */
export function boundHalfOpen(server: Server, most: number, closed: () => void): void {
  const waiting = new Map<string, Socket>();
  const keys = new Map<Socket, string>();

  function forget(key: string): void {
    const socket = waiting.get(key);
    if (!socket) return;
    waiting.delete(key);
    keys.delete(socket);
    socket.off('close', gone);
  }
  /** No closure for each: a socket that has closed knows its peer no more. */
  function gone(this: Socket): void {
    forget(keys.get(this) as string);
  }

  server.on('connection', (socket: Socket) => {
    // Gone already: it would wait under a name that others have as well.
    if (socket.remoteAddress === undefined) return;
    const key = keyOf(socket);
    waiting.set(key, socket);
    keys.set(socket, key);
    socket.on('close', gone);
    if (waiting.size <= most) return;
    const [[eldest, idle]] = waiting as unknown as [[string, Socket]];
    forget(eldest);
    idle.destroy();
    closed();
  });
  const spoke = ({ socket }: IncomingMessage) => forget(keyOf(socket));
  server.prependListener('request', spoke);
  server.prependListener('upgrade', spoke);
}

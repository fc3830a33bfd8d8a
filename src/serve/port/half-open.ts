import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The name of a connection, by both of its ends: behind TLS a request has another socket object. */
export const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

interface Connected {
  readonly key: string;
  readonly socket: Socket;
  /** Requests that came whole and are not answered yet. */
  due: number;
  answered: boolean;
}

/**
 * Bounds the connections on which no answer is due: those on which no request has come, or not the whole of one, and those
 * on which all were answered, read or not, each to `most`. Bound by their time alone, they are as many as strangers open in
 * it, up to the last descriptor of the process. With one more, the one that has waited longest is closed and `closed`
 * called: an honest client speaks as soon as it may, so those are others, and who comes anew is never turned away for them.
 */
export function boundHalfOpen(server: Server, most: number, closed: () => void): void {
  const connected = new Map<string, Connected>();
  /** Connections on which no answer is due, before their first one and after it; the one that waits longest first. */
  const silent = new Set<Connected>();
  const idle = new Set<Connected>();
  const keys = new WeakMap<Socket, string>();

  function wait(one: Connected): void {
    const waiting = one.answered ? idle : silent;
    waiting.add(one);
    if (waiting.size <= most) return;
    const [eldest] = waiting as unknown as [Connected];
    forget(eldest.key);
    eldest.socket.destroy();
    closed();
  }

  function leave(one: Connected): void {
    silent.delete(one);
    idle.delete(one);
  }

  function forget(key: string): void {
    const one = connected.get(key);
    if (!one) return;
    connected.delete(key);
    leave(one);
    one.socket.off('close', gone);
  }
  /** A listener without a closure for each socket. One that has closed knows its peer no more, so its name is looked up. */
  function gone(this: Socket): void {
    forget(keys.get(this) as string);
  }

  function hear(one: Connected, response: ServerResponse): void {
    // A request that was answered before its body had come waits as it did.
    if (response.destroyed) return;
    one.due++;
    leave(one);
    let isDue = true;
    const answered = () => {
      if (!isDue) return;
      isDue = false;
      one.answered = true;
      if (--one.due === 0 && connected.get(one.key) === one) wait(one);
    };
    response.once('close', answered);
    // At its `end` nothing more of an answer is owed. It is not waited for until it closes: whoever reads nothing of it, or
    // has no window for it over HTTP/2, would never be counted again.
    const { end } = response;
    response.end = ((...last: Parameters<typeof end>) => {
      answered();
      return end.apply(response, last);
    }) as typeof end;
  }

  server.on('connection', (socket: Socket) => {
    // A socket that is gone already would wait under a name that others have as well.
    if (socket.remoteAddress === undefined) return;
    const one: Connected = { key: keyOf(socket), socket, due: 0, answered: false };
    connected.set(one.key, one);
    keys.set(socket, one.key);
    socket.on('close', gone);
    wait(one);
  });
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const one = connected.get(keyOf(request.socket));
    if (!one) return;
    if (hasBody(request)) request.once('end', () => hear(one, response));
    else hear(one, response);
  });
  // A WebSocket is counted as one from here on.
  server.prependListener('upgrade', ({ socket }: IncomingMessage) => forget(keyOf(socket)));
}

/** Whether a body is to come: one that comes byte by byte holds its connection as a header without end does. */
const hasBody = ({ headers, method }: IncomingMessage): boolean =>
  method === 'POST' || headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Of both ends a socket knows, what tells a connection from all others: behind TLS a request has another object. */
const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

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
  /** Those of them on which no answer is due, before their first one and after it; the one that waits longest first. */
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
  /** No closure for each: a socket that has closed knows its peer no more. */
  function gone(this: Socket): void {
    forget(keys.get(this) as string);
  }

  function hear(one: Connected, response: ServerResponse): void {
    // Answered before its body had come: it waits as it did.
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
    // By then nothing more is owed. Whoever reads nothing of it, or has no window for it over HTTP/2, would else never be
    // counted again: its answer is not closed before it is taken.
    const { end } = response;
    response.end = ((...last: Parameters<typeof end>) => {
      answered();
      return end.apply(response, last);
    }) as typeof end;
  }

  server.on('connection', (socket: Socket) => {
    // Gone already: it would wait under a name that others have as well.
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
  // From here on it is counted as what it has become.
  server.prependListener('upgrade', ({ socket }: IncomingMessage) => forget(keyOf(socket)));
}

/** A body that comes byte by byte holds its connection as a header does that does not come to its end. */
const hasBody = ({ headers, method }: IncomingMessage): boolean =>
  method === 'POST' || headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

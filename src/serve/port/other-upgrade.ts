import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** True for an offer of another protocol than WebSocket. Over TLS nobody makes one: there it is refused. */
export function isOtherUpgrade(request: IncomingMessage, socket: Duplex): boolean {
  return request.headers.upgrade?.toLowerCase() !== 'websocket' && !(socket instanceof TLSSocket);
}

/**
 * Who offers another protocol than WebSocket may be answered as if they had not. Java's HttpClient offers h2c with every
 * request without TLS, and Node takes each for the end of HTTP on its connection: so it is written anew, without the
 * offer, and read as HTTP again.
 */
export function declineUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name, value] = rawHeaders.slice(at, at + 2) as [string, string];
    if (/^(upgrade|http2-settings)$/i.test(name)) continue;
    const kept = /^connection$/i.test(name) ? withoutOffer(value) : value;
    if (kept !== '' || value === '') lines.push(`${name}: ${kept}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}

const withoutOffer = (connection: string): string =>
  connection
    .split(',')
    .map((token) => token.trim())
    .filter((token) => !/^(upgrade|http2-settings)$/i.test(token))
    .join(', ');

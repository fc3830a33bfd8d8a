import { type ClientHttp2Session, connect } from 'node:http2';
import { streamOpening, streamPath } from './graphql.js';
import { type Client, eachEvent } from './reader.js';

/** What a gateway allows on one connection; the others would wait for their turn. */
const perConnection = 100;

const sessions: ClientHttp2Session[] = [];

function sessionOf(number: number, port: number): ClientHttp2Session {
  const at = Math.floor(number / perConnection);
  const old = sessions[at];
  if (old) return old;
  // Its certificate is the benchmark's own.
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on('close', () => {
    throw new Error('the server has closed a connection');
  });
  sessions[at] = session;
  return session;
}

/**
 * Server-sent events over HTTP/2: each client has a stream and a token of its own, and shares its connection with others.
 * So there can be more users than a process may open sockets.
 */
export function openStream(number: number, client: Client): void {
  const { crowd, token, subscribed, count } = client;
  const opening = streamOpening(client);
  const stream = sessionOf(number, crowd.port).request({
    ':path': streamPath(client),
    accept: 'text/event-stream',
    ...(token && { authorization: `Bearer ${token}` }),
  });
  stream.on('response', ({ ':status': status }) => {
    if (status !== 200) throw new Error(`the server answers ${status}`);
  });
  stream.once('data', subscribed);
  let rest: Buffer | null = null;
  stream.on('data', (bytes: Buffer) => {
    const all = rest ? Buffer.concat([rest, bytes]) : bytes;
    const at = eachEvent(all, 0, opening, count);
    // Copied: it would keep all that came with it.
    rest = at < all.length ? Buffer.from(all.subarray(at)) : null;
  });
  stream.on('close', () => {
    throw new Error(`the server has closed a stream: ${stream.rstCode}`);
  });
}

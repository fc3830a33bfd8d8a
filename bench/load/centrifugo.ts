import { type Kind, kinds } from '../events.js';
import { masked } from './frames.js';
import { type Client, type Reader, serverSentEvents, webSocket } from './reader.js';

/** In `orders:#user-1` the server lets nobody but `user-1`, as its token says it. */
export const channelOf = (kind: Kind, subject: number): string => kind.channel(subject).replace(/(?<=^orders:)/, '#');

/** Clients get the record as it is; that of a vehicle has the vehicle inside. */
const dataOf = (kind: Kind) => (kind === kinds.vehicles ? '{"entity":[{"n":' : '{"n":');

const newline = 10;

/** Centrifugo's JSON protocol: one message may hold several replies, a line each. */
export function centrifugoOverWebSocket(client: Client): Reader {
  const { kind, subject, token, subscribed, count, stray } = client;
  const channel = channelOf(kind, subject);
  const opening = Buffer.from(`{"push":{"channel":"${channel}","pub":{"data":${dataOf(kind)}`);

  function line(all: Buffer, start: number, end: number): void {
    const from = start + opening.length;
    if (opening.compare(all, start, Math.min(from, end)) === 0) count(all, from);
    else control(all.toString('utf8', start, end));
  }

  function control(text: string): void {
    const { id, error, push } = JSON.parse(text);
    // Its ping; it closes the connection of a client that does not answer.
    if (text === '{}') client.say(masked('{}'));
    else if (push?.pub) stray();
    else if (error || push) throw new Error(`unexpected: ${text}`);
    else if (id === 2) subscribed();
  }

  // Both in one message, as its own client library sends them.
  const greet = () =>
    client.say(
      masked(
        `${JSON.stringify({ id: 1, connect: token ? { token } : {} })}\n${JSON.stringify({ id: 2, subscribe: { channel } })}`,
      ),
    );
  return webSocket(client, { path: '/connection/websocket', protocol: null }, greet, (all, start, end) => {
    for (let at = start; at < end; ) {
      const found = all.indexOf(newline, at);
      const stop = found < 0 || found > end ? end : found;
      if (stop > at) line(all, at, stop);
      at = stop + 1;
    }
  });
}

export function centrifugoOverSse(client: Client): Reader {
  const { kind, subject, token } = client;
  const channel = channelOf(kind, subject);
  const connect = JSON.stringify({ ...(token && { token }), subs: { [channel]: {} } });
  const opening = Buffer.from(`data: {"channel":"${channel}","pub":{"data":${dataOf(kind)}`);
  return serverSentEvents(client, `/connection/uni_sse?cf_connect=${encodeURIComponent(connect)}`, opening);
}

import { randomUUID } from 'node:crypto';
import { masked } from './frames.js';
import { type Client, type Reader, serverSentEvents, webSocket } from './reader.js';

/** `graphql-transport-ws`; with `plain` a server that sends its one subscription's events unasked. */
export function graphqlOverWebSocket(client: Client): Reader {
  const { crowd, kind, subject, token, subscribed, count, stray } = client;
  const say = (message: object) => client.say(masked(JSON.stringify(message)));
  const plain = crowd.protocol === 'plain';
  const id = randomUUID();
  const { query, field } = kind;
  const opening = Buffer.from(
    plain ? `{"data":{"${field}":{"n":` : `{"id":"${id}","type":"next","payload":{"data":{"${field}":{"n":`,
  );

  function control(type: string, text: string): void {
    if (type === 'connection_ack') {
      say({ id, type: 'subscribe', payload: { query, variables: kind.variables(subject) } });
      // Answered after what was asked before it.
      say({ type: 'ping' });
    } else if (type === 'ping') say({ type: 'pong' });
    else if (type === 'pong') subscribed();
    else throw new Error(`unexpected: ${text}`);
  }

  const asked = plain ? { path: '/', protocol: null } : { path: '/graphql', protocol: 'graphql-transport-ws' };
  const greet = () =>
    plain
      ? subscribed()
      : say({ type: 'connection_init', ...(token && { payload: { Authorization: `Bearer ${token}` } }) });
  return webSocket(client, asked, greet, (all, start, end) => {
    const from = start + opening.length;
    if (opening.compare(all, start, Math.min(from, end)) === 0) return count(all, from);
    const text = all.toString('utf8', start, end);
    const { type } = JSON.parse(text);
    if (type === 'next') stray();
    else control(type, text);
  });
}

export function graphqlOverSse(client: Client): Reader {
  const path = client.crowd.protocol === 'plain' ? '/' : streamPath(client);
  return serverSentEvents(client, path, streamOpening(client));
}

export function streamPath({ kind, subject }: Pick<Client, 'kind' | 'subject'>): string {
  const variables = JSON.stringify(kind.variables(subject));
  return `/graphql?query=${encodeURIComponent(kind.query)}&variables=${encodeURIComponent(variables)}`;
}

export const streamOpening = ({ kind }: Pick<Client, 'kind'>): Buffer =>
  Buffer.from(`data: {"data":{"${kind.field}":{"n":`);

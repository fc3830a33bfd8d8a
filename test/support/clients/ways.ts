import type { Transport } from '../../../src/observe/transport.js';
import { eventually } from '../eventually.js';
import type { Result, River } from '../river.js';
import { socket } from './socket.js';
import { events } from './stream.js';

/** An operation as a client words it: `query`, `operationName`, `variables`, `extensions`, `documentId`. */
export type Wording = Readonly<Record<string, unknown>>;

/** How an operation may come to a gateway, and how its refusal is told there. */
export interface Way {
  readonly transport: Transport;
  readonly takes: readonly ('query' | 'mutation' | 'subscription')[];
  /** The code of the refusal; `come back` where the client is only told to try again; null when it was not refused. */
  ask(r: River, wording: Wording, token: string | null): Promise<string | null>;
}

const signed = (token: string | null): Record<string, string> =>
  token === null ? {} : { authorization: `Bearer ${token}` };

const inUrl = (wording: Wording) =>
  new URLSearchParams(
    Object.entries(wording).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );

const codeOf = ({ errors }: Result): string | null => errors?.[0].extensions.code ?? null;

async function overHttp(url: string, init: RequestInit, token: string | null): Promise<string | null> {
  const headers = { accept: 'application/graphql-response+json', ...signed(token), ...init.headers };
  return codeOf((await (await fetch(url, { ...init, headers })).json()) as Result);
}

async function overEvents(url: string, wording: Wording | null, token: string | null): Promise<string | null> {
  await using stream = await events(url, wording, null, signed(token));
  await eventually('it is told, or it runs', () => stream.results.length > 0 || stream.isOver() || stream.cursor());
  if (stream.results.length > 0) return codeOf(stream.results[0]);
  return stream.isOver() ? 'come back' : null;
}

/** Every way there is. A transport that comes anew is one entry more. */
export const ways: Readonly<Record<string, Way>> = {
  WebSocket: {
    transport: 'websocket',
    takes: ['query', 'mutation', 'subscription'],
    async ask(r, wording, token) {
      await using client = socket(r.wsUrl);
      await client.init(token === null ? undefined : { Authorization: `Bearer ${token}` });
      await client.subscribe('1', { query: '', ...wording });
      let closed = false;
      void client.closed.then(() => {
        closed = true;
      });
      const said = (type: string) => client.messages.find((message) => message.type === type);
      await eventually('it is told, or it runs', () => closed || ['next', 'error', 'ping'].some(said));
      const error = said('error');
      if (error) return codeOf({ errors: error.payload });
      return said('next') ? codeOf(said('next').payload) : closed ? 'come back' : null;
    },
  },
  'server-sent events by POST': {
    transport: 'sse',
    takes: ['query', 'mutation', 'subscription'],
    ask: (r, wording, token) => overEvents(`${r.url}/stream`, wording, token),
  },
  'server-sent events by GET': {
    transport: 'sse',
    takes: ['subscription'],
    ask: (r, wording, token) => overEvents(`${r.url}/stream?${inUrl(wording)}`, null, token),
  },
  'HTTP by POST': {
    transport: 'http',
    takes: ['query', 'mutation'],
    ask: (r, wording, token) =>
      overHttp(
        r.url,
        { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(wording) },
        token,
      ),
  },
  'HTTP by GET': {
    transport: 'http',
    takes: ['query'],
    ask: (r, wording, token) => overHttp(`${r.url}?${inUrl(wording)}`, {}, token),
  },
};

import { socket } from '../support/clients/socket.js';
import { events } from '../support/clients/stream.js';
import { eventually } from '../support/eventually.js';
import type { Result, River } from '../support/river.js';

/** One operation on its way, as its client sees it. */
export interface Asked extends AsyncDisposable {
  /** What it was shown; errors too. */
  readonly results: readonly Result[];
  /** How it ended, in a word: `closed <code>`, the code of an error, or `<status>`; null while it runs. */
  ended(): string | null;
  /** True when the token was renewed, else the code of why not. */
  renew(token: string): Promise<true | string>;
}

export type Ask = (r: River, query: string, token: string | null) => Promise<Asked>;

async function overWebSocket(r: River, query: string, token: string | null): Promise<Asked> {
  const client = socket(r.wsUrl);
  let closed: string | null = null;
  void client.closed.then(({ code }) => {
    closed = `closed ${code}`;
  });
  await client.send({ type: 'connection_init', payload: token === null ? {} : { Authorization: `Bearer ${token}` } });
  const is = (name: string) => client.messages.filter(({ type }) => type === name);
  await eventually('an answer', () => closed ?? is('connection_ack').length > 0);
  if (closed === null) await client.subscribe('1', { query });
  return {
    get results() {
      return is('next').map(({ payload }) => payload);
    },
    ended: () => closed ?? is('error')[0]?.payload[0].extensions.code ?? null,
    async renew(renewed) {
      await client.send({ type: 'ping', payload: { Authorization: `Bearer ${renewed}` } });
      const { payload } = await eventually('a pong', () => is('pong')[0] ?? null);
      return payload.ok || payload.code;
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

type Stream = Awaited<ReturnType<typeof events>>;

function asAsked(stream: Stream, renewAt: string): Asked {
  const codes = () => stream.results.flatMap(({ errors = [] }: Result) => errors[0]?.extensions?.code ?? []);
  return {
    get results() {
      return stream.results.filter(({ data }: Result) => data);
    },
    ended: () => (stream.isOver() ? (codes()[0] ?? String(stream.status)) : null),
    async renew(renewed) {
      const { status, body } = await stream.renew(renewed, renewAt);
      return status === 200 || body.errors[0].extensions.code;
    },
    [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
  };
}

const byFetch: Ask = async (r, query, token) => asAsked(await events(`${r.url}/stream`, { query }, token), r.url);

/** A browser's own `EventSource`: a GET that cannot set a header of its own. */
const byGet = async (r: River, query: string, search: string, headers: object) => {
  const url = `${r.url}/stream?query=${encodeURIComponent(query)}${search}`;
  return asAsked(await events(url, null, null, headers), r.url);
};

const byCookie: Ask = (r, query, token) =>
  byGet(r, query, '', token === null ? {} : { cookie: `tailrace_token=${token}`, origin: new URL(r.url).origin });

const byTicket: Ask = async (r, query, token) => {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${r.url}/ticket`, { method: 'POST', headers });
  const { ticket, errors } = (await response.json()) as Result;
  if (ticket) return byGet(r, query, `&ticket=${ticket}`, {});
  return {
    results: [],
    ended: () => errors[0].extensions.code,
    renew: async () => 'no stream',
    async [Symbol.asyncDispose]() {},
  };
};

const overHttp: Ask = async (r, query, token) => {
  const response = await fetch(r.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as Result;
  return {
    results: data ? [{ data }] : [],
    ended: () => errors?.[0].extensions.code ?? null,
    renew: async () => 'no stream',
    async [Symbol.asyncDispose]() {},
  };
};

export const transports = {
  WebSocket: overWebSocket,
  'server-sent events by fetch': byFetch,
  'EventSource with a cookie': byCookie,
  'EventSource with a ticket': byTicket,
  HTTP: overHttp,
} satisfies Record<string, Ask>;

export type Transport = keyof typeof transports;

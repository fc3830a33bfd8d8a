import { socket } from '../../support/clients/socket.js';
import { events } from '../../support/clients/stream.js';
import { eventually } from '../../support/eventually.js';
import type { Result } from '../../support/river.js';

/** What came over a connection, in its order. */
export type Heard =
  | { readonly kind: 'event'; readonly id: string; readonly payload: Result }
  /** An operation has ended, and why. */
  | { readonly kind: 'over'; readonly id: string; readonly code: string | null }
  /** A renewal is done. */
  | { readonly kind: 'renewed' };

export interface Operation {
  readonly id: string;
  readonly query: string;
  readonly variables: object;
  /** After which it goes on; null: it begins. */
  readonly cursor: string | null;
  /** As the test has reckoned: one that is let in may have nothing to say. */
  readonly allowed: boolean;
}

/** One connection of somebody to a gateway, by a transport. */
export interface Wire extends AsyncDisposable {
  readonly heard: readonly Heard[];
  /** True when what comes after `renewed` was judged after it. */
  readonly ordered: boolean;
  /** Resolves when it has begun or was refused. */
  open(operation: Operation): Promise<void>;
  /** The newest cursor of an operation. */
  cursor(id: string): string | null;
  /** Resolves when it is acknowledged; with the code when it was refused. */
  renew(token: string): Promise<string | null>;
  /** True once the gateway has ended all of it. */
  isClosed(): boolean;
}

export type Connect = (urls: { url: string; wsUrl: string; other: string }, token: string | null) => Promise<Wire>;

export const overWebSocket: Connect = async ({ wsUrl }, token) => {
  const client = socket(wsUrl);
  let closed = false;
  void client.closed.then(() => {
    closed = true;
  });
  await client.init(token === null ? {} : { Authorization: `Bearer ${token}` });
  const { messages } = client;
  const is = (type: string) => messages.filter((message) => message.type === type);
  const renewals = () => is('pong').filter(({ payload }) => payload?.ok !== undefined);
  return {
    ordered: true,
    get heard() {
      return messages.flatMap(({ type, id, payload }): Heard | [] => {
        if (type === 'next') return { kind: 'event', id, payload };
        if (type === 'error') return { kind: 'over', id, code: payload[0].extensions.code };
        return type === 'pong' && payload?.ok !== undefined ? { kind: 'renewed' } : [];
      });
    },
    async open({ id, query, variables, cursor }) {
      // A stream begins with a ping; one with `rewind` has no cursor for it yet.
      const before = is('ping').length;
      const refused = () => is('error').some((message) => message.id === id);
      await client.subscribe(id, {
        query,
        variables,
        ...(cursor ? { extensions: { after: cursor, onGap: 'CONTINUE' } } : {}),
      });
      await eventually('an answer', () => closed || is('ping').length > before || refused(), { every: 2 });
    },
    cursor: (id) =>
      messages.reduce<string | null>((newest, { type, id: its, payload }) => {
        if (type === 'next' && its === id) return payload.extensions.cursor;
        return (type === 'ping' && payload?.cursors?.[id]) || newest;
      }, null),
    async renew(token) {
      const { length } = renewals();
      await client.send({ type: 'ping', payload: { Authorization: `Bearer ${token}` } });
      const { payload } = await eventually('a pong', () => renewals()[length] ?? null, { every: 2 });
      return payload.ok ? null : payload.code;
    },
    isClosed: () => closed,
    [Symbol.asyncDispose]: client[Symbol.asyncDispose],
  };
};

type Stream = Awaited<ReturnType<typeof events>>;

/** Server-sent events by fetch: a stream for each operation, renewed by the other gateway. */
export const overEvents: Connect = async ({ url, other }, first) => {
  let token = first;
  const streams = new Map<string, Stream>();
  const heard: Heard[] = [];
  function hear(id: string, ...results: Result[]) {
    for (const payload of results) {
      if (payload.data) heard.push({ kind: 'event', id, payload });
      else heard.push({ kind: 'over', id, code: payload.errors?.[0]?.extensions?.code ?? null });
    }
    return 0;
  }
  return {
    heard,
    // The answer to a renewal comes over a connection of its own.
    ordered: false,
    async open({ id, query, variables, cursor, allowed }) {
      const headers = cursor ? { 'last-event-id': cursor } : {};
      const stream = await events(`${url}/stream`, { query, variables }, token, headers);
      streams.set(id, stream);
      hear(id, ...stream.results);
      stream.results.push = (...results) => hear(id, ...results);
      // One that is let in and has no cursor yet is one with `rewind`.
      if (!allowed) await eventually('a refusal', () => stream.isOver(), { every: 2 });
    },
    cursor: (id) => streams.get(id)?.cursor() ?? null,
    async renew(renewed) {
      token = renewed;
      for (const stream of streams.values()) {
        if (stream.isOver()) continue;
        const { status, body } = await stream.renew(renewed, other);
        if (status !== 200 && !stream.isOver()) return body.errors[0].extensions.code;
      }
      heard.push({ kind: 'renewed' });
      return null;
    },
    isClosed: () => [...streams.values()].every((stream) => stream.isOver()),
    async [Symbol.asyncDispose]() {
      await Promise.all([...streams.values()].map((stream) => stream[Symbol.asyncDispose]()));
    },
  };
};

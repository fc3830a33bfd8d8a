import { createClient as createSseClient } from 'graphql-sse';
import { type ClientOptions, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { type Gap, resumingEvents, resumingWebSocket as resumingOptions } from '../../../src/client/index.js';
import type { Result } from '../river.js';
import { eventSource } from './event-source.js';

/** Who listens to a client that goes on by itself. */
export interface Hearing {
  result(result: Result): void;
  gap(reason: Gap['reason']): void;
  /** The operation is over: an error, or `complete`. */
  ended(how: unknown): void;
}

/** A client that goes on by itself after any disconnect. */
export interface Resuming {
  /** How often it had to connect again. */
  readonly reconnects: () => number;
  close(): void;
}

export type Connect = (url: string, token: string, query: string, hearing?: Hearing) => Resuming;

const deaf: Hearing = { result() {}, gap() {}, ended() {} };

/** Milliseconds without a sign of life: gateways of these tests speak every second. */
const silence = 5_000;
/** Never nothing: a socket that was refused tells it twice, and graphql-ws takes the second for the next one's. */
const pause = () => 30 + Math.random() * 100;
const soon = () => new Promise<void>((resolve) => setTimeout(resolve, pause()));

function counted() {
  let connects = 0;
  return { connected: () => void connects++, reconnects: () => Math.max(0, connects - 1) };
}

const sinkOf = ({ result, ended }: Hearing) => ({
  next: result,
  error: ended,
  complete: () => ended('complete'),
});

/** graphql-ws with `tailrace/client`. `url` is that of HTTP. */
export const resumingWebSocket: Connect = (url, token, query, hearing = deaf) => {
  const { connected, reconnects } = counted();
  const options: ClientOptions = {
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: () => ({ Authorization: `Bearer ${token}` }),
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: soon,
    on: { connected },
  };
  const client = createClient(resumingOptions(options, { silence, onGap: ({ reason }) => hearing.gap(reason) }));
  client.subscribe({ query }, sinkOf(hearing));
  return { reconnects, close: () => void Promise.resolve(client.dispose()).catch(() => undefined) };
};

/** graphql-sse with `tailrace/client`. */
export const resumingSse: Connect = (url, token, query, hearing = deaf) => {
  const { connected, reconnects } = counted();
  const client = createSseClient(
    resumingEvents(
      {
        url: `${url}/stream`,
        headers: () => ({ Authorization: `Bearer ${token}` }),
        retryAttempts: Number.POSITIVE_INFINITY,
        retry: soon,
        on: { connected },
      },
      { silence, onGap: ({ reason }) => hearing.gap(reason) },
    ),
  );
  client.subscribe({ query }, sinkOf(hearing));
  return { reconnects, close: () => client.dispose() };
};

/** A plain EventSource: its own Last-Event-ID does everything. */
export const resumingEventSource: Connect = (url, token, query, hearing = deaf) => {
  const { connected, reconnects } = counted();
  const close = eventSource({
    url: `${url}/stream?query=${encodeURIComponent(query)}`,
    headers: { Authorization: `Bearer ${token}` },
    onOpen: connected,
    onNext(data) {
      const result: Result = JSON.parse(data);
      if (result.extensions?.gap) hearing.gap(result.extensions.gap.reason);
      hearing.result(result);
    },
    onEnd: hearing.ended,
    retry: pause,
  });
  return { reconnects, close };
};

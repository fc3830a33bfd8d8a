import { EventSource } from 'eventsource';
import { createClient, type SubscribePayload } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Result } from './river.js';

/** A client that goes on by itself after any disconnect, as PROTOCOL.md tells its authors. */
export interface Resuming {
  readonly results: Result[];
  /** How often it had to connect again. */
  readonly reconnects: () => number;
  /** True once the server has confirmed the subscription: a cursor has come. */
  close(): void;
}

/** graphql-ws: its own silent retries send the payload anew, so a current `extensions.after` is all it takes. */
export function resumingWebSocket(url: string, token: string, query: string): Resuming {
  const results: Result[] = [];
  let connects = 0;
  const payload = { query, extensions: {} as Record<string, unknown> } satisfies SubscribePayload;
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    retryAttempts: 1_000,
    shouldRetry: () => true,
    retryWait: async () => void (await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 50))),
    connectionParams: () => ({ Authorization: `Bearer ${token}` }),
    on: {
      connected: () => void connects++,
      ping: (_, ping) => {
        const [cursor] = Object.values((ping?.cursors ?? {}) as Record<string, string>);
        if (cursor) payload.extensions.after = cursor;
      },
    },
  });
  client.subscribe(payload as never, {
    next: (result: Result) => {
      payload.extensions.after = result.extensions.cursor;
      results.push(result);
    },
    error: (error: unknown) => results.push({ failed: error }),
    complete: () => undefined,
  });
  return {
    results,
    reconnects: () => Math.max(0, connects - 1),
    close: () => void Promise.resolve(client.dispose()).catch(() => undefined),
  };
}

/** A plain EventSource: the browser's own Last-Event-ID does everything. */
export function resumingEventSource(url: string, token: string, query: string): Resuming {
  const results: Result[] = [];
  let connects = 0;
  const source = new EventSource(`${url}?query=${encodeURIComponent(query)}`, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
  });
  source.addEventListener('open', () => void connects++);
  source.addEventListener('next', (event) => results.push(JSON.parse(event.data as string)));
  return { results, reconnects: () => Math.max(0, connects - 1), close: () => source.close() };
}

import {
  type Asked,
  defaultSilence,
  type Failure,
  type Operation,
  operationOf,
  passes,
  type Result,
  type Resuming,
} from './operation.js';
import { authorizationIn, type Refusable, renewing } from './renewal.js';
import type { Line } from './status.js';
import { onWake, pause } from './waking.js';

/** The options of graphql-sse's `createClient` that this place adds to. */
interface EventsOptions {
  readonly url: unknown;
  readonly fetchFn?: unknown;
  readonly headers?: unknown;
  readonly retryAttempts?: number;
  retry?(retries: number): Promise<void>;
}

/**
 * Options for graphql-sse's `createClient`, with which every operation of that client goes on where it was after a
 * disconnect, on any replica: no event is lost, none is shown twice, and whoever uses the client sees nothing of it.
 *
 *     const client = createClient(resumingEvents({ url, headers: tokenSource(…).headers }));
 *
 * It comes back for as long as it is wanted, after at most 10 s, and sooner when the network or the page is back; after
 * `Retry-After` where the server says so. What would be refused again ends it: a status of 4xx other than 408 and 429.
 * When `headers` is a function, it is asked for a new token before the old one ends, and the stream goes on; one that
 * ended with its token, or was refused for it, comes back with another. Options that are given stay.
 */
export function resumingEvents<Options extends EventsOptions>(options: Options, resuming: Resuming = {}): Options {
  /** graphql-sse gives all connections of one operation the same signal. */
  const operations = new WeakMap<AbortSignal, Known>();
  const given = options.headers;
  const asks = typeof given === 'function';
  let refused: unknown;

  function known(signal: AbortSignal, body: string): Known {
    let known = operations.get(signal);
    if (!known) {
      const line = resuming.connection?.line();
      known = { operation: operationOf(JSON.parse(body) as Asked, resuming), line };
      operations.set(signal, known);
      signal.addEventListener('abort', () => line?.over());
    }
    return known;
  }

  async function fetchFn(url: string, init: RequestInit): Promise<Response> {
    const go = (options.fetchFn ?? fetch) as typeof fetch;
    const { signal, body, headers } = init;
    if (!signal || typeof body !== 'string') return go(url, init);
    const { operation, line } = known(signal, body);
    const authorization = authorizationIn(headers);
    const refuse = asks
      ? () => {
          refused = authorization;
          (given as Refusable).refused?.(authorization);
        }
      : undefined;
    try {
      if (authorization && authorization === refused) throw new TypeError('Token refused');
      const response = await go(url, { ...init, body: JSON.stringify(operation.request()) });
      const { status } = response;
      if (status === 401 && refuse) refuse();
      else if (/^4(?!08|29)/.test(`${status}`)) return ending(response, line);
      if (!response.ok || !response.body) {
        line?.lost(`${status}`);
        await later(response);
        return response;
      }
      line?.live();
      const id = response.headers.get('tailrace-stream');
      const bring = (next: string) => {
        const token = next.replace(/^bearer +/i, '');
        const renewal = {
          ...init,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ id, token }),
        };
        // Refused or lost, the stream ends with its token and comes back with another.
        go(url.replace(/(\/stream)?\/?(\?.*)?$/, '/renew'), renewal).catch(() => undefined);
      };
      const over = id && asks ? renewing(authorization, given as () => unknown, bring) : undefined;
      const silence = resuming.silence ?? defaultSilence;
      return new Response(followed(response.body, { operation, line, over, silence, refuse }), response);
    } catch (error) {
      line?.lost((error as Error).message);
      throw error;
    }
  }

  return { retryAttempts: 1 / 0, retry: pause, ...options, fetchFn };
}

interface Known {
  readonly operation: Operation;
  readonly line: Line | undefined;
}

/** graphql-sse would try again after any status. What cannot be read is an end to it. */
function ending(response: Response, line: Line | undefined): Response {
  line?.over();
  const error = new Error(`Server responded with ${response.status}: ${response.statusText}`);
  return {
    ok: true,
    get body(): never {
      throw Object.assign(error, { response });
    },
  } as Partial<Response> as Response;
}

/** Waits for as long as the server asks to. */
const later = ({ headers }: Response) =>
  new Promise((resolve) => setTimeout(resolve, (Number(headers.get('retry-after')) || 0) * 1_000));

interface Following extends Known {
  /** Is called once nothing more comes: nobody asks for another token then. */
  readonly over: (() => void) | undefined;
  readonly silence: number;
  /** Tells that the token was refused. There where the next connection may have another. */
  readonly refuse: (() => void) | undefined;
}

/**
 * The same stream, read along. Nothing is read ahead: a cursor counts when the client has its event in hand, and an
 * event that fetch throws away with a broken connection comes again.
 */
function followed(
  body: ReadableStream<Uint8Array>,
  { operation, line, over, silence, refuse }: Following,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  /** What has come: whole events, and the beginning of the next one. */
  let events = [''];
  let begun = false;

  /** A stream that is silent for too long is dead, and one from before the network was back may be: nobody would tell. */
  const abandon = () => void reader.cancel().catch(() => undefined);
  const stopWaking = onWake(abandon, ['online']);

  function close() {
    over?.();
    stopWaking();
  }

  /** The next whole event. Rejects when the stream breaks. */
  async function next(): Promise<string> {
    while (events.length < 2) {
      const watch = setTimeout(abandon, silence);
      const { done, value } = await reader.read().finally(() => clearTimeout(watch));
      if (done) throw new TypeError('The stream has ended');
      events = (events[0] + decoder.decode(value, { stream: true })).split('\n\n');
    }
    return events.shift() as string;
  }

  /** Takes the cursor. Tells whether it is the last event; throws in place of one that only this stream ends with. */
  function isLast(event: string): boolean {
    // Never by a pattern over lines: for those, U+2028 begins one, and a user's text may hold it.
    const fields = event.split('\n');
    const field = (name: string) => fields.find((line) => line.startsWith(name))?.slice(name.length);
    const cursor = field('id: ');
    const data = field('data: ');
    if (data && /"(errors|gap)":/.test(data)) {
      const result = JSON.parse(data) as Result;
      const passing = result.data === undefined && result.errors?.find(goesOn);
      if (passing) throw new TypeError(passing.message);
      operation.shown(result);
      // An event is parsed once, by the client: nothing but its cursor is needed of most.
    } else if (cursor) operation.reached(cursor);
    begun ||= !!cursor;
    return field('event: ') === 'complete';
  }

  /** What ends the stream but not the operation: the next connection may succeed. */
  function goesOn(failure: Failure): boolean {
    if (!begun || failure.extensions?.code !== 'UNAUTHENTICATED') return passes(failure);
    refuse?.();
    return !!refuse;
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const event = await next();
          const last = isLast(event);
          controller.enqueue(encoder.encode(`${event}\n\n`));
          if (!last) return;
          close();
          controller.close();
        } catch (error) {
          close();
          line?.lost((error as Error).message);
          // graphql-sse tries again only if it waits for an event at that moment: let it show first what it has.
          await new Promise((resolve) => setTimeout(resolve));
          controller.error(error);
        }
        abandon();
      },
      cancel(reason) {
        close();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

import { type Asked, defaultSilence, type Failure, Operation, type Result, type Resuming } from './operation.js';
import { authorizationIn, renewing } from './renewal.js';

/** The options of graphql-sse's `createClient` that this place adds to. */
interface EventsOptions {
  readonly url: unknown;
  readonly fetchFn?: unknown;
  readonly headers?: unknown;
}

/**
 * Options for graphql-sse's `createClient`, with which every operation of that client goes on where it was after a
 * disconnect, on any replica: no event is lost, none is shown twice, and whoever uses the client sees nothing of it.
 *
 *     const client = createClient(resumingEvents({ url, headers: async () => ({ Authorization: … }) }));
 *
 * When `headers` is a function, it is asked for a new token before the old one ends, and the stream goes on; one that
 * ended with its token comes back with a new one.
 */
export function resumingEvents<Options extends EventsOptions>(options: Options, resuming: Resuming = {}): Options {
  /** graphql-sse gives all connections of one operation the same signal. */
  const operations = new WeakMap<AbortSignal, Operation>();

  async function fetchFn(url: string, init: RequestInit): Promise<Response> {
    const go = (options.fetchFn ?? fetch) as typeof fetch;
    const { signal, body } = init;
    if (!signal || typeof body !== 'string') return go(url, init);
    const operation = operations.get(signal) ?? new Operation(JSON.parse(body) as Asked, resuming);
    operations.set(signal, operation);
    const response = await go(url, { ...init, body: JSON.stringify(operation.request()) });
    if (!response.ok || !response.body) return response;
    const stream = followed(response.body, {
      operation,
      over: await renewed(response.headers.get('tailrace-stream'), url, init, go),
      silence: resuming.silence ?? defaultSilence,
      renews: typeof options.headers === 'function',
    });
    return new Response(stream, { status: response.status, headers: response.headers });
  }

  /** Keeps the stream's token fresh; gives what is to be called at its end. */
  async function renewed(id: string | null, url: string, { headers, credentials }: RequestInit, go: typeof fetch) {
    if (id === null || typeof options.headers !== 'function') return () => {};
    const bring = (authorization: string) =>
      void go(url.replace(/(\/stream)?\/?(\?.*)?$/, '/renew'), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id, token: authorization.replace(/^bearer +/i, '') }),
        ...(credentials ? { credentials } : {}),
        // Refused or lost, the stream ends with its token and comes back with another.
      }).catch(() => undefined);
    return renewing(await authorizationIn(headers), () => authorizationIn(options.headers), bring);
  }

  return { ...options, fetchFn };
}

interface Following {
  readonly operation: Operation;
  /** Is called once nothing more comes: nobody asks for another token then. */
  readonly over: () => void;
  readonly silence: number;
  /** True where the next connection may have another token. */
  readonly renews: boolean;
}

/**
 * The same stream, read along. Nothing is read ahead: a cursor counts when the client has its event in hand, and an
 * event that fetch throws away with a broken connection comes again.
 */
function followed(
  body: ReadableStream<Uint8Array>,
  { operation, over, silence, renews }: Following,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = '';
  let begun = false;
  /** Set with the last event: null when the server ended the stream, else why the next may go on. */
  let end: Error | null | undefined;

  /** The next whole events, '' while there are none. Rejects when the stream breaks. */
  async function read(): Promise<string> {
    const { done, value } = await within(silence, reader.read());
    if (done) {
      end = null;
      return '';
    }
    const events = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = events.pop() as string;
    let read = '';
    for (const event of events) {
      end = look(event);
      if (end) break;
      read += `${event}\n\n`;
      if (end === null) break;
    }
    return read;
  }

  /** Takes the cursor. Gives an error in place of an event that only this stream ends with, null at the very end. */
  function look(event: string): Error | null | undefined {
    // Never by a pattern over lines: for those, U+2028 begins one, and a user's text may hold it.
    const fields = event.split('\n');
    const field = (name: string) => fields.find((line) => line.startsWith(name))?.slice(name.length);
    if (field('event: ') === 'complete') return null;
    const cursor = field('id: ');
    const data = field('data: ');
    if (data && /"(errors|gap)":/.test(data)) {
      const result = JSON.parse(data) as Result;
      const passing = result.data === undefined && result.errors?.find(passes);
      if (passing) return new TypeError(passing.message);
      operation.shown(result);
      // An event is parsed once, by the client: nothing but its cursor is needed of most.
    } else if (cursor !== undefined) operation.reached(cursor);
    begun ||= cursor !== undefined;
    return undefined;
  }

  /** What ends the stream but not the operation: the next connection may succeed. */
  function passes({ extensions }: Failure): boolean {
    return extensions?.code === 'UNAVAILABLE' || (begun && renews && extensions?.code === 'UNAUTHENTICATED');
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let events = '';
        try {
          while (end === undefined && events === '') events = await read();
        } catch (error) {
          end = error as Error;
        }
        if (events !== '') return controller.enqueue(encoder.encode(events));
        over();
        // graphql-sse tries again only if it waits for an event at that moment: let it show first what it has.
        await new Promise((resolve) => setTimeout(resolve));
        if (end) controller.error(end);
        else controller.close();
        reader.cancel().catch(() => undefined);
      },
      cancel(reason) {
        over();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Rejects when nothing has come for so many milliseconds: the connection is dead, whatever TCP believes. */
async function within<T>(silence: number, coming: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silent = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TypeError('The stream was silent for too long')), silence);
  });
  try {
    return await Promise.race([coming, silent]);
  } finally {
    clearTimeout(timer);
  }
}

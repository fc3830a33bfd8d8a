import { defaultSilence, passes, type Result } from './operation.js';
import type { ConnectionStatus } from './status.js';
import { onWake, pause } from './waking.js';

export interface EventSourceOptions {
  /** Gives a ticket (`POST /graphql/ticket`), for each connection another. Without it the cookie signs in. */
  ticket?(): Promise<string>;
  /** As `EventSource` takes it: cookies go to another origin too. */
  readonly withCredentials?: boolean;
  /** Where to go on, as a page has kept it. */
  readonly lastEventId?: string;
  /** What `connectionStatus()` gave. */
  readonly connection?: ConnectionStatus;
  /** As in `Resuming`. */
  readonly silence?: number;
  /** In place of the browser's own. */
  readonly EventSource?: new (
    url: string,
    init: { withCredentials: boolean },
  ) => Native;
}

/** A browser's `EventSource`, as far as it is used here. */
interface Native {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: Heard) => void): void;
  close(): void;
}

interface Heard {
  readonly type: string;
  readonly data?: string;
  readonly lastEventId?: string;
}

const [connecting, open, closed] = [0, 1, 2] as const;

/**
 * An `EventSource` that comes back whatever ended it, with a fresh ticket, after its last event: no event is lost and none
 * is shown twice. The browser's own stays closed after any status but 200, a proxy's 502 for instance. It has the same
 * events: `open`, `next`, `complete`, `error`, and ends by itself only with `complete`. Which status it was a browser does
 * not tell, so it also comes back to what is refused for good: look at the query's first answer, or at the status.
 */
export function resumingEventSource(url: string, options: EventSourceOptions = {}): ResumingEventSource {
  return new ResumingEventSource(url, options);
}

export class ResumingEventSource extends EventTarget {
  readyState: 0 | 1 | 2 = connecting;
  /** Everything up to here has come; '' before the first. */
  lastEventId: string;
  #native: Native | undefined;
  #failed = 0;
  /** Only where some were heard is silence a sign. */
  #hasHeartbeats = false;
  #watch: ReturnType<typeof setTimeout> | undefined;
  readonly #line;
  readonly #stopWaking: () => void;

  constructor(
    readonly url: string,
    private readonly options: EventSourceOptions,
  ) {
    super();
    this.lastEventId = options.lastEventId ?? '';
    this.#line = options.connection?.line();
    // A browser waits for seconds, or forever, and does not know that an open stream is dead.
    this.#stopWaking = onWake(() => this.#native && this.#again('Woken', true), ['online']);
    void this.#connect();
  }

  close(): void {
    this.readyState = closed;
    this.#drop();
    this.#stopWaking();
    this.#line?.over();
  }

  async #connect() {
    const [path, query] = this.url.split('?');
    const asked = new URLSearchParams(query);
    asked.set('heartbeats', 'true');
    if (this.lastEventId) asked.set('lastEventId', this.lastEventId);
    try {
      const ticket = await this.options.ticket?.();
      if (ticket) asked.set('ticket', ticket);
    } catch (error) {
      return this.#again((error as Error).message);
    }
    if (this.#isOver()) return;
    const Impl = this.options.EventSource ?? (globalThis as unknown as { EventSource: never }).EventSource;
    const native: Native = new (Impl as NonNullable<EventSourceOptions['EventSource']>)(`${path}?${asked}`, {
      withCredentials: this.options.withCredentials ?? false,
    });
    this.#native = native;
    const on = (type: string, listener: (event: Heard) => void) =>
      // What is left of one that was given up must not come between.
      native.addEventListener(type, (event) => this.#native === native && listener(event));
    on('open', () => {
      this.readyState = open;
      this.#line?.live();
      this.dispatchEvent(new Event('open'));
    });
    on('heartbeat', (event) => {
      this.#hasHeartbeats = true;
      this.#reached(event);
    });
    on('next', (event) => this.#next(event));
    on('complete', (event) => {
      this.close();
      this.#tell(event);
    });
    on('error', () => {
      if (native.readyState === closed) return this.#again('Closed');
      this.#lost('Interrupted');
    });
  }

  #next(event: Heard) {
    const { data = '' } = event;
    if (/"errors":/.test(data)) {
      const { data: shown, errors = [] } = JSON.parse(data) as Result;
      const ends = (failure: (typeof errors)[number]) =>
        passes(failure) || failure.extensions?.code === 'UNAUTHENTICATED';
      // It ends the stream: with another ticket, or later, the next one goes on.
      if (shown === undefined && this.lastEventId && errors.some(ends)) return this.#again(errors[0]?.message ?? '');
    }
    this.#reached(event);
    this.#tell(event);
  }

  #reached({ lastEventId }: Heard) {
    if (lastEventId) this.lastEventId = lastEventId;
    this.#failed = 0;
    clearTimeout(this.#watch);
    if (this.#hasHeartbeats)
      this.#watch = setTimeout(() => this.#again('Silence'), this.options.silence ?? defaultSilence);
  }

  #tell({ type, data, lastEventId }: Heard) {
    this.dispatchEvent(new MessageEvent(type, { data, lastEventId: lastEventId ?? '' }));
  }

  #isOver(): boolean {
    return this.readyState === closed;
  }

  #lost(reason: string) {
    this.readyState = connecting;
    this.#line?.lost(reason);
    this.dispatchEvent(new Event('error'));
  }

  #drop() {
    clearTimeout(this.#watch);
    this.#native?.close();
    this.#native = undefined;
  }

  /** Another one in its place, after a while. */
  async #again(reason: string, isWoken = false) {
    if (this.#isOver()) return;
    this.#drop();
    this.#lost(reason);
    if (!isWoken) await pause(this.#failed++);
    if (!this.#isOver() && !this.#native) await this.#connect();
  }
}

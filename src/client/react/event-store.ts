import { type Document, type EventOf, textOf } from '../live/document.js';
import { errorOf, type SubscriptionError } from '../live/failure.js';
import {
  type LiveClient,
  type Request,
  type Result,
  type Sink,
  type Subscriber,
  subscribeWith,
} from '../live/subscriber.js';
import type { Gap } from '../operation.js';
import { Gathering, type Keeping } from './gathering.js';
import { Holding } from './holding.js';
import { Snapshot } from './snapshot.js';

/** What a subscription has brought so far. The same object until something of it changes. */
export interface Gathered<Event> {
  /** One for each key, or the last ones, oldest first. */
  readonly events: readonly Event[];
  readonly latest: Event | undefined;
  /** The last loss of events that was told; null until then, and after `clear`. */
  readonly gap: Gap | null;
  /** What was wrong with the latest event, or what the subscription ended with. */
  readonly error: SubscriptionError | null;
  /** From here on nothing is missed. */
  readonly ready: boolean;
  /** Nothing more comes: the server refused or completed the subscription. */
  readonly ended: boolean;
  /** Where the events shown here end: keep both together, and give it as `after` to go on behind them. */
  readonly cursor: string | null;
}

export interface EventOptions<Event, Variables = unknown> extends Keeping<Event> {
  readonly variables?: Variables | undefined;
  /** Begins after this cursor instead of now. What can no longer be shown of it is told as a gap. */
  readonly after?: string | null | undefined;
  /** Goes along with the request; `onGap: 'FAIL'` ends the subscription at a gap. */
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
  /** Hears every event once, in order, also those that one render passes over. */
  readonly onEvent?: ((event: Event, cursor: string | null) => void) | undefined;
}

export interface EventStore<Event> {
  /** Calls the listener when the snapshot is another: once for all that came within a frame. */
  subscribe(listener: () => void): () => void;
  getSnapshot(): Gathered<Event>;
  /**
   * Subscribes for as long as one who opened it has not closed it again, by what this gives back. Opened anew, it goes on
   * behind the last event that it has.
   */
  open(): () => void;
  /** Forgets events, gap and error, and goes on. */
  clear(): void;
  /** Subscribes again, behind the last event: the way back from an error. */
  restart(): void;
  readonly client: Subscriber | LiveClient;
}

const empty = { events: [], latest: undefined, gap: null, error: null, ready: false, ended: false } as const;

/** What a store has before anything came. */
export const nothing = (after: string | null = null): Gathered<never> => ({ ...empty, cursor: after });

/**
 * Gathers the events of one subscription, outside of any component: it lives as long as whoever made it keeps it. A row
 * that scrolls out of sight closes it, and opens it again without having lost anything.
 */
export function eventStore<Data, Variables>(
  client: Subscriber | LiveClient,
  document: Document<Data, Variables>,
  options: EventOptions<EventOf<Data>, Variables> = {},
): EventStore<EventOf<Data>> {
  return new Store(client, textOf(document), options);
}

class Store<Event> implements EventStore<Event> {
  readonly #gathering: Gathering<Event>;
  readonly #snapshot: Snapshot<Gathered<Event>>;
  readonly #holding = new Holding(
    () => this.#begin(),
    () => this.#end(),
  );
  /** Leaves the subscription that runs. */
  #leave: (() => void) | null = null;

  constructor(
    readonly client: Subscriber | LiveClient,
    private readonly query: string,
    private readonly options: EventOptions<Event>,
  ) {
    this.#gathering = new Gathering(options);
    this.#snapshot = new Snapshot<Gathered<Event>>(nothing(options.after ?? null), (now) => ({
      ...now,
      events: this.#gathering.rows(),
    }));
  }

  readonly subscribe = (listener: () => void) => this.#snapshot.subscribe(listener);
  readonly getSnapshot = () => this.#snapshot.get();
  readonly open = () => this.#holding.hold();
  readonly restart = () => this.#holding.reopen();

  readonly clear = () => {
    this.#gathering.clear();
    this.#snapshot.change({ latest: undefined, gap: null, error: null });
  };

  #begin() {
    if (this.#snapshot.now.ended) this.#snapshot.change({ error: null, ended: false });
    let stop = () => {};
    const leave = () => stop();
    this.#leave = leave;
    // A subscription that was left may still have something under way, which its successor brings again.
    stop = subscribeWith(
      this.client,
      this.#request(),
      this.#sink((tell) => void (this.#leave === leave && tell())),
    );
  }

  #end() {
    const leave = this.#leave;
    this.#leave = null;
    this.#snapshot.keep({ ready: false });
    leave?.();
  }

  #request(): Request {
    const { variables, extensions } = this.options;
    const { cursor } = this.#snapshot.now;
    // A page is told of its gap, and then goes on: ended, it would be a dead row.
    const behind = cursor === null ? {} : { onGap: 'CONTINUE', ...extensions, after: cursor };
    return {
      query: this.query,
      variables: variables as Request['variables'],
      extensions: { ...extensions, ...behind },
    };
  }

  #sink(mine: (tell: () => void) => void): Sink {
    const snapshot = this.#snapshot;
    return {
      next: (result) => mine(() => this.#take(result)),
      error: (cause) => mine(() => snapshot.change({ error: errorOf(cause), ended: true })),
      complete: () => mine(() => snapshot.change({ ended: true })),
      gap: (gap) => mine(() => snapshot.change({ gap })),
      // With a heartbeat too, for which 150 rows would render.
      cursor: (cursor) => mine(() => snapshot.keep({ cursor })),
      ready: () => mine(() => snapshot.change({ ready: true })),
    };
  }

  #take({ data, errors, extensions }: Result) {
    const { cursor } = extensions ?? {};
    const event = eventIn<Event>(data);
    const error = errors ? errorOf(errors) : null;
    const at = cursor ?? this.#snapshot.now.cursor;
    if (event === null) return this.#snapshot.change({ error, cursor: at });
    if (!this.#gathering.take(event, cursor)) return;
    this.#snapshot.change({ latest: event, error, cursor: at });
    aside(() => this.options.onEvent?.(event, cursor ?? null));
  }
}

/** The value of the only field; null where there is none. */
function eventIn<Event>(data: unknown): Event | null {
  for (const [name, value] of Object.entries(data ?? {})) if (name !== '__typename') return (value as Event) ?? null;
  return null;
}

/** What a page's own function throws is reported as any uncaught error, and disturbs no stream. */
function aside(call: () => void) {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

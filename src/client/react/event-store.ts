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
import { batching } from './batching.js';
import { Gathering, type Keeping } from './gathering.js';

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
  type Event = EventOf<Data>;
  const gathering = new Gathering<Event>(options);
  const listeners = new Set<() => void>();
  let shown: Gathered<Event> = nothing(options.after ?? null);
  /** What `shown` is to become. */
  let now = shown;
  let holders = 0;
  let leave: (() => void) | null = null;

  const soon = batching(() => {
    shown = { ...now, events: gathering.rows() };
    for (const listener of [...listeners]) listener();
  });

  function change(by: Partial<Gathered<Event>>) {
    now = { ...now, ...by };
    soon();
  }

  function take({ data, errors, extensions }: Result) {
    const { cursor } = extensions ?? {};
    const event = eventIn<Event>(data);
    const error = errors ? errorOf(errors) : null;
    if (event === null) return change({ error, cursor: cursor ?? now.cursor });
    if (!gathering.take(event, cursor)) return;
    change({ latest: event, error, cursor: cursor ?? now.cursor });
    aside(() => options.onEvent?.(event, cursor ?? null));
  }

  function request(): Request {
    const { variables, extensions } = options;
    const { cursor } = now;
    // A page is told of its gap, and then goes on: ended, it would be a dead row.
    const begin = cursor === null ? {} : { onGap: 'CONTINUE', ...extensions, after: cursor };
    return {
      query: textOf(document),
      variables: variables as Request['variables'],
      extensions: { ...extensions, ...begin },
    };
  }

  /** With a heartbeat too, which is no reason to render. */
  function reach(cursor: string) {
    now = { ...now, cursor };
  }

  function begin() {
    if (now.ended) change({ error: null, ended: false });
    // A subscription that was left may still have something under way, which its successor brings again.
    const mine = (tell: () => void) => leave === over && tell();
    const sink: Sink = {
      next: (result) => mine(() => take(result)),
      error: (cause) => mine(() => change({ error: errorOf(cause), ended: true })),
      complete: () => mine(() => change({ ended: true })),
      gap: (gap) => mine(() => change({ gap })),
      cursor: (cursor) => mine(() => reach(cursor)),
      ready: () => mine(() => change({ ready: true })),
    };
    let stop = () => {};
    const over = () => stop();
    leave = over;
    stop = subscribeWith(client, request(), sink);
  }

  function end() {
    const left = leave;
    leave = null;
    left?.();
  }

  function settle() {
    if (holders > 0 && !leave) begin();
    if (holders === 0 && leave) {
      end();
      now = { ...now, ready: false };
    }
  }

  return {
    client,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    getSnapshot: () => shown,
    open() {
      let isOpen = true;
      holders++;
      // Not at once: StrictMode closes and opens again what it has just opened, and a list moves its rows about.
      queueMicrotask(settle);
      return () => {
        if (isOpen) holders--;
        isOpen = false;
        queueMicrotask(settle);
      };
    },
    clear() {
      gathering.clear();
      change({ latest: undefined, gap: null, error: null });
    },
    restart() {
      end();
      change({ ready: false });
      settle();
    },
  };
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

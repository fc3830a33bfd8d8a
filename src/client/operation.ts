import type { ConnectionStatus } from './status.js';

/** What a GraphQL client asks of the server. Anything else that stands in it goes along untouched. */
export interface Asked {
  readonly query?: string | null | undefined;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Events that the server can no longer show. */
export interface Gap {
  readonly reason:
    | 'EXPIRED'
    | 'TRIMMED'
    | 'LOG_REFILLED'
    | 'LOG_LOST'
    | 'TOPIC_RECREATED'
    | 'SOURCE_LOST'
    | 'SCHEMA_CHANGED';
  /** How many are missing; null when nobody can tell. */
  readonly missed: number | null;
  /** True when the operation ended with it (`onGap: FAIL`), false when it goes on behind the gap. */
  readonly ended: boolean;
  /** Where history begins now: a new operation may start after it. Null unless the operation ended for its age. */
  readonly oldest: string | null;
}

/**
 * What a page may want to know, and how patient it is. Each call stands in a turn of its own: what it throws is
 * reported as any uncaught error, and disturbs no stream.
 */
export interface Resuming {
  /** Events were lost. Told once per gap, in a heartbeat or with the event that follows it; again where more was lost meanwhile. */
  onGap?(gap: Gap, operation: Asked): void;
  /**
   * Everything up to this cursor has come. With every event, and with every heartbeat of a quiet stream. A page that
   * keeps it may begin there when it is opened again: `extensions: { after: cursor }`.
   */
  onCursor?(cursor: string, operation: Asked): void;
  /**
   * From this cursor on nothing is missed: the first that the server gives, as soon as the operation has started. Once
   * for each operation, not again when it comes back.
   */
  onReady?(cursor: string, operation: Asked): void;
  /** What `connectionStatus()` gave: it is told how the connection fares. May be given to several clients. */
  readonly connection?: ConnectionStatus;
  /**
   * After so many milliseconds without a sign of life a connection counts as dead. Default 30000: the server speaks
   * every 12 seconds, unless its TAILRACE_HEARTBEAT says otherwise.
   */
  readonly silence?: number;
}

export const defaultSilence = 30_000;

/** The part of a result, or of an error, that this place reads. */
export interface Result {
  readonly data?: unknown;
  readonly errors?: readonly Failure[];
  readonly extensions?: { readonly cursor?: string; readonly gap?: Told };
}

export interface Failure {
  readonly message?: string;
  readonly extensions?: {
    readonly code?: string;
    readonly limit?: string;
    readonly gap?: Told;
    readonly oldest?: string;
  };
}

/** The same operation may succeed later. What it asks for beyond a limit of its own, its depth say, never will. */
export const passes = ({ extensions: { code, limit } = {} }: Failure): boolean =>
  /^(UNAVAILABLE|LIMIT_EXCEEDED (subs|replay))/.test(`${code} ${limit}`);

/** `times`: how many losses it stands for, where more than one. */
export type Told = Pick<Gap, 'reason' | 'missed'> & { readonly times?: number };

/** One operation, from its first connection to its last: how far it has come, and which gap was told. */
export type Operation = ReturnType<typeof operationOf>;

export function operationOf(asked: Asked, listener: Resuming) {
  let cursor: string | undefined;
  /** The gap that was told ahead of its event. */
  let ahead: Told | undefined;
  /** True once a heartbeat has brought a cursor on this connection. */
  let begun = false;

  const call = <Name extends 'onGap' | 'onCursor' | 'onReady'>(
    name: Name,
    what: Parameters<NonNullable<Resuming[Name]>>[0],
  ) => queueMicrotask(() => listener[name]?.(what as never, asked));

  const tell = ({ reason, missed }: Told, ended = false, oldest: string | null = null) =>
    call('onGap', { reason, missed, ended, oldest });

  function tellOnce(gap: Told) {
    const { reason, missed, times = 1 } = ahead ?? {};
    if (gap.reason !== reason || gap.missed !== missed || (gap.times ?? 1) > times) tell(gap);
  }

  const operation = {
    asked,
    /** How often it was turned away since it has come further. */
    failed: 0,

    /** The request for the next connection: as it was asked, or from where it has come. */
    request(): Asked {
      const { query, extensions } = asked;
      begun = false;
      if (!cursor) return asked;
      // A stream that began at "now" goes on behind a gap, one that began at a cursor ends: coming back changes neither.
      const onGap = extensions?.after || /@resume\b/.test(`${query}`) ? undefined : 'CONTINUE';
      return { ...asked, extensions: { onGap, ...extensions, after: cursor } };
    },

    reached(next: string): void {
      if (!cursor) call('onReady', next);
      call('onCursor', next);
      cursor = next;
      operation.failed = 0;
    },

    /** An event's result; its cursor, where it does not come by another way. Or what the operation ended with. */
    shown({ errors = [], extensions: { cursor, gap } = {} }: Result): void {
      if (cursor) operation.reached(cursor);
      else for (const { extensions: { gap, oldest } = {} } of errors) if (gap) tell(gap, true, oldest);
      if (gap) tellOnce(gap);
      ahead = undefined;
    },

    /**
     * The event that a gap stands before may be long in coming. Until then no cursor counts, which could only lie beyond
     * what the gap leaves open; who is cut off comes back before the gap, and meets it again.
     */
    heartbeat(next: string | undefined, gap: Told | undefined): void {
      if (gap) {
        tellOnce(gap);
        ahead = gap;
      } else if (next) {
        // The first of a connection is where it asked to begin: what waits behind it is not known yet.
        if (begun) ahead = undefined;
        begun = true;
        operation.reached(next);
      }
    },
  };
  return operation;
}

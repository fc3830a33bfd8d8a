import type { Asked, Failure, Gap, Told } from '../operation.js';
import type { ConnectionStatus } from '../status.js';

/** What is asked of a client of graphql-ws or graphql-sse. */
export interface Request extends Asked {
  readonly query: string;
}

/** One message of a subscription. */
export interface Result {
  readonly data?: unknown;
  readonly errors?: readonly Failure[];
  readonly extensions?: { readonly cursor?: string; readonly gap?: Told; readonly [other: string]: unknown };
}

/** Who hears one subscription. */
export interface Sink {
  next(result: Result): void;
  /** It has ended: an array of GraphQL errors, an Error, or the close of the connection. */
  error(cause: unknown): void;
  /** It has ended; also after its own side has left it. */
  complete(): void;
  /** Events were lost. Once per gap. */
  gap?(gap: Gap): void;
  /** Everything up to this cursor was given to `next`. With every event and every heartbeat. */
  cursor?(cursor: string): void;
  /** From here on nothing is missed. Once per subscription. */
  ready?(): void;
}

/** Anything that subscribes: clients of graphql-ws and graphql-sse are such. */
export interface Subscriber {
  /** Gives the way to leave the subscription. */
  subscribe(request: Request, sink: Sink): () => void;
}

/** One that tells each sink of its gaps, cursors and readiness itself, and how the connection is. */
export interface LiveClient extends Subscriber {
  readonly connection: Pick<ConnectionStatus, 'current' | 'subscribe'>;
  /** Ends all subscriptions and the connection, for good: what is subscribed after that is complete at once. */
  dispose(): void;
}

/** A subscription that is over as soon as it has begun. */
export function complete(sink: Sink): () => void {
  queueMicrotask(() => sink.complete());
  return () => {};
}

/**
 * Subscribes with whatever client there is. One that tells its sinks nothing beside results is read along: gaps and cursors
 * are then told with events alone, and it is ready with its first one.
 */
export function subscribeWith(client: Subscriber | LiveClient, request: Request, sink: Sink): () => void {
  if ('connection' in client) return client.subscribe(request, sink);
  let isReady = false;
  return client.subscribe(request, {
    next(result) {
      const { cursor, gap } = result.extensions ?? {};
      if (gap) sink.gap?.({ reason: gap.reason, missed: gap.missed, ended: false, oldest: null });
      sink.next(result);
      if (cursor !== undefined) sink.cursor?.(cursor);
      if (!isReady) sink.ready?.();
      isReady = true;
    },
    error: (cause) => sink.error(cause),
    complete: () => sink.complete(),
  });
}

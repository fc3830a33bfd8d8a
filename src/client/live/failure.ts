import type { Failure } from '../operation.js';

/** What was wrong: `errors` are the server's own, where it told any. */
export type SubscriptionError = Error & { readonly errors?: readonly Failure[] };

/** An error of whatever a client says that a subscription ended with. */
export function errorOf(cause: unknown): SubscriptionError {
  if (cause instanceof Error) return cause;
  if (Array.isArray(cause)) return new AggregateError(cause, cause[0]?.message ?? 'The subscription failed');
  const { code, reason } = (cause ?? {}) as { code?: unknown; reason?: unknown };
  return new Error(`The connection is lost${code === undefined ? '' : `: ${code} ${reason}`}`, { cause });
}

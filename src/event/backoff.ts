export interface BackoffBounds {
  /** Milliseconds before the first retry. Default 100. */
  readonly first?: number;
  /** The most milliseconds. Default 5000. */
  readonly most?: number;
  /** From 0 to 1. Default Math.random. */
  readonly random?: () => number;
}

/**
 * Milliseconds to wait before retry number `attempt`, counted from 1: doubled each time from `first` to `most`, and of
 * that between half and all at random. Without chance, thousands that were refused in one moment would come back in one.
 */
export function backoff(attempt: number, { first = 100, most = 5_000, random = Math.random }: BackoffBounds = {}) {
  const full = Math.min(most, first * 2 ** Math.min(attempt - 1, 16));
  return Math.round(full * (0.5 + random() / 2));
}

/**
 * Milliseconds to wait before attempt number `attempt` (1 is the first retry): doubling from `first` to `most`, and
 * between half and all of it at random, so that relays refused together do not come back together.
 */
export function backoff(attempt: number, random: () => number = Math.random, first = 100, most = 5_000): number {
  const full = Math.min(most, first * 2 ** Math.min(attempt - 1, 16));
  return Math.round(full * (0.5 + random() / 2));
}

import { Fault } from '../event/faults.js';

export const expired = () => new Fault('UNAUTHENTICATED', { why: 'the token has expired' });

/** A Node timer holds at most this many milliseconds, and fires at once beyond. */
const longest = 2 ** 31 - 1;

/**
 * Calls `ended` when a token's time is over, also one that is valid for months. `set` replaces the moment; after `clear`
 * it sets none: a renewal may still be under way when its connection closes.
 */
export function atExpiry(ended: () => void, now = Date.now) {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  function set(at: number | null) {
    clearTimeout(timer);
    if (at === null || over) return;
    const left = at - now();
    timer = setTimeout(() => (left > longest ? set(at) : ended()), Math.max(0, Math.min(left, longest)));
    timer.unref();
  }
  function clear() {
    over = true;
    clearTimeout(timer);
  }
  return { set, clear };
}

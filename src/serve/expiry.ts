import { Fault } from '../event/faults.js';

export const expired = () => new Fault('UNAUTHENTICATED', { why: 'the token has expired' });

/**
 * Milliseconds after which the clock is looked at again: timers do not see it jump, and a machine that slept would serve
 * who has long expired. Beyond 2^31 ms, besides, a timer fires at once.
 */
const longest = 60_000;

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
    timer = setTimeout(() => (at > now() ? set(at) : ended()), Math.max(0, Math.min(left, longest)));
    timer.unref();
  }
  function clear() {
    over = true;
    clearTimeout(timer);
  }
  return { set, clear };
}

import { Fault } from '../event/faults.js';
import { inTurns } from './in-turns.js';

export const expired = () => new Fault('UNAUTHENTICATED', { why: 'the token has expired' });

/**
 * Milliseconds after which the clock is looked at again: timers do not see it jump, and a machine that slept would serve
 * who has long expired. Beyond 2^31 ms, besides, a timer fires at once.
 */
const longest = 60_000;

/** Tokens given out together end together: thousands of sockets closed in one turn are a second in which no event leaves. */
const due = inTurns((end: () => void) => end());

/**
 * Calls `ended` when a token's time is over, also one that is valid for months. `set` replaces the moment; after `clear`
 * it sets none: a renewal may still be under way when its connection closes.
 */
export function atExpiry(ended: () => void, now = Date.now) {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  let end: number | null = null;
  function set(at: number | null) {
    clearTimeout(timer);
    end = at;
    if (at === null || over) return;
    const left = at - now();
    const unlessRenewed = () => {
      if (!over && Object.is(end, at)) ended();
    };
    const look = () => (at > now() ? set(at) : due(unlessRenewed));
    timer = setTimeout(look, Math.max(0, Math.min(left, longest)));
    timer.unref();
  }
  function clear() {
    over = true;
    clearTimeout(timer);
  }
  return { set, clear };
}

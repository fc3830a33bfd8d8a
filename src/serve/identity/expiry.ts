import { Fault } from '../../event/faults.js';
import { inTurns } from '../limits/in-turns.js';
import { hearClockSteps, unhearClockSteps } from './clock-steps.js';

/** One for all whom it ends: an error with a stack of its own costs as much as a close frame. */
const itHasExpired = new Fault('UNAUTHENTICATED', { why: 'the token has expired' });
export const expired = () => itHasExpired;

/** Milliseconds: beyond 2^31 a timer fires at once. */
const longest = 2 ** 31 - 1;

/** Tokens given out together end together: thousands of sockets closed in one turn are a second in which no event leaves. */
const due = inTurns((end: () => void) => end());

/**
 * Calls `ended` once, within a second of when a token's time is over by the clock, however that was set meanwhile. `set`
 * replaces the moment; after `clear` it sets none: a renewal may still be under way when its connection closes.
 */
export function atExpiry(ended: () => void, now = Date.now) {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  let end: number | null = null;

  function look() {
    const at = end;
    if (at === null) return;
    if (at > now()) return wait(at);
    due(() => {
      if (over || !Object.is(end, at)) return;
      clear();
      ended();
    });
  }

  function wait(at: number) {
    clearTimeout(timer);
    timer = setTimeout(look, Math.max(0, Math.min(at - now(), longest)));
    timer.unref();
  }

  function set(at: number | null) {
    if (over) return;
    end = at;
    if (at !== null) {
      wait(at);
      hearClockSteps(look);
      return;
    }
    clearTimeout(timer);
    unhearClockSteps(look);
  }

  function clear() {
    over = true;
    clearTimeout(timer);
    unhearClockSteps(look);
  }
  return { set, clear };
}

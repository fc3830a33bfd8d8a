import { Fault } from '../../event/faults.js';
import { inTurns } from '../limits/in-turns.js';
import { type HearsClock, hearClockSteps, unhearClockSteps } from './clock-steps.js';

/** One fault for all whom it ends: an error with a stack of its own costs as much as a close frame. */
const itHasExpired = new Fault('UNAUTHENTICATED', { why: 'the token has expired' });
export const expired = () => itHasExpired;

/** Milliseconds of the longest timer: beyond 2^31 one fires at once. */
const longest = 2 ** 31 - 1;

/** Ends tokens a few in each turn. Tokens given out together end together: thousands of sockets closed in one turn are a second in which no event leaves. */
const due = inTurns((end: () => void) => end());

/** Who ends with the token. */
export interface Expiring {
  /** The token's time is over. Called at most once. */
  expire(): void;
}

/**
 * The end of a token, told within a second of its moment by the clock, however that was set meanwhile. A class and not
 * closures: every connection with a token has one.
 */
export class Expiry implements HearsClock {
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #at: number | null = null;

  constructor(private readonly owner: Expiring) {}

  /** Replaces the moment, milliseconds since 1970; null: it has none. After `clear` it does nothing. */
  set(at: number | null): void {
    if (this.#isOver) return;
    this.#at = at;
    if (at === null) {
      this.#rest();
      return;
    }
    this.#wait(at);
    hearClockSteps(this);
  }

  /** Ends the watch for good: a renewal that is still under way when its connection closes sets nothing more. Idempotent. */
  clear(): void {
    this.#isOver = true;
    this.#rest();
  }

  clockStepped(): void {
    this.look();
  }

  /** Ends the token when its moment has come, else waits on: the timer goes by another clock. */
  look(): void {
    const at = this.#at;
    if (at === null) return;
    if (at > Date.now()) this.#wait(at);
    else due(() => this.#end(at));
  }

  /** Tells the end, in its turn. By then the token may have been renewed. */
  #end(at: number): void {
    if (this.#isOver || !Object.is(this.#at, at)) return;
    this.clear();
    this.owner.expire();
  }

  #wait(at: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(look, Math.max(0, Math.min(at - Date.now(), longest)), this);
    this.#timer.unref();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    unhearClockSteps(this);
  }
}

/** One function for all timers: a closure for each would be 60 bytes of each. */
const look = (expiry: Expiry) => expiry.look();

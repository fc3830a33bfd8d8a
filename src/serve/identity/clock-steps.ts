/**
 * Milliseconds by which the clock of Redis, or of a replica, may be set forward without a loss. Tickets and revocations are
 * kept so much longer than they count, since a clock that is set would take them away before their time.
 */
export const clockStep = 2 * 3_600_000;

/** Milliseconds between two looks at the clock. */
const every = 500;
/** Milliseconds by which the clock may stray between two looks: a clock that is being put right runs a little fast or slow for hours. */
const stray = 100;

/** A timer's owner, who must know when the clock on the wall was set: timers see nothing of it. */
export interface HearsClock {
  clockStepped(): void;
}

const listeners = new Set<HearsClock>();
let looking: NodeJS.Timeout | undefined;
let known = 0;

/** Milliseconds between the clock on the wall and the one that timers go by. */
const difference = () => Date.now() - performance.now();

function look() {
  const now = difference();
  if (Math.abs(now - known) < stray) return;
  known = now;
  for (const listener of listeners) listener.clockStepped();
}

/**
 * `listener` is told within a second of each time that the clock on the wall is set, or its machine has slept: timers
 * see neither, and one that was to go off in an hour would go off an hour late. Idempotent.
 */
export function hearClockSteps(listener: HearsClock): void {
  if (listeners.size === 0) {
    known = difference();
    looking = setInterval(look, every);
    looking.unref();
  }
  listeners.add(listener);
}

/** Idempotent. */
export function unhearClockSteps(listener: HearsClock): void {
  if (listeners.delete(listener) && listeners.size === 0) clearInterval(looking);
}

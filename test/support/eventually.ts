import { setTimeout as wait } from 'node:timers/promises';

export interface Patience {
  /** Milliseconds until it gives up. */
  within?: number;
  /** Milliseconds between two looks. */
  every?: number;
}

/**
 * Asks until the condition gives something, and gives that back. A throw, false or null counts as "not yet"; an
 * `expect` that passes gives undefined, which counts. At the deadline it
 * throws with the sentence of `what` and the last error: a test says what it waited for, and never sleeps.
 */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  { within = 15_000, every = 20 }: Patience = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + within;
  let last: unknown;
  for (;;) {
    try {
      last = undefined;
      const value = await condition();
      if (value !== false && value !== null) return value as NonNullable<T>;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`Not within ${within} ms: ${what}`, { cause: last });
    await wait(every);
  }
}

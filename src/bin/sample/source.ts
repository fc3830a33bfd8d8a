import { seededRandom } from './random.js';
import type { SampleRecord } from './record.js';
import { cardTransactions } from './transactions.js';
import { transitFeed } from './transit.js';

export interface SampleOptions {
  /** Card transactions a second. Default 5. */
  readonly rate?: number;
  /** Default: the time of the start, so that ids differ from one start to the next. */
  readonly seed?: number;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

/** Milliseconds between two looks at the clock. */
const tick = 100;

/**
 * Feeds both sample topics in real time until `stop`: card transactions at `rate`, the fleet once a second.
 * While `emit` works on one batch no other is made, and what was missed beyond a second is never made up: a Kafka that
 * comes back after an hour gets no flood.
 */
export function startSample(
  emit: (records: readonly SampleRecord[]) => Promise<void>,
  failed: (error: unknown) => void,
  { rate = 5, now = Date.now, seed = now() }: SampleOptions = {},
): { stop(): Promise<void> } {
  const next = cardTransactions(seededRandom(seed));
  let owed = 1;
  let last = now();
  let lastFeed = 0;
  let working: Promise<void> | null = null;

  function due(): SampleRecord[] {
    const time = now();
    owed = Math.min(owed + (rate * (time - last)) / 1000, Math.max(1, rate));
    last = time;
    const records = Array.from({ length: Math.floor(owed) }, () => next(time));
    owed -= records.length;
    if (time - lastFeed >= 1000 - tick / 2) {
      lastFeed = time;
      records.push(transitFeed(time));
    }
    return records;
  }

  const timer = setInterval(() => {
    if (working !== null) return;
    const records = due();
    if (records.length === 0) return;
    working = emit(records)
      .catch(failed)
      .finally(() => {
        working = null;
      });
  }, tick);

  return {
    async stop() {
      clearInterval(timer);
      await working;
    },
  };
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Arrivals,
  allThereBy,
  arrived,
  arrivedBelow,
  firstThereBy,
} from '../../../src/relay/placement/arrivals.js';

const step = 100;

/** Appends, each of some records: how long after the one before, how late its records, and whether it goes back. */
const days = fc.array(
  fc.record({
    count: fc.integer({ min: 1, max: 5 }),
    after: fc.nat({ max: 3 * step }),
    lag: fc.nat({ max: 1_000 }),
    back: fc.option(fc.nat({ max: 10 }), { freq: 8, nil: 0 }),
  }),
  { minLength: 1, maxLength: 60 },
);

/** When each offset came last, with its record's own time; and what is kept of it. */
function lived(appends: readonly { count: number; after: number; lag: number; back: number }[]) {
  const came: { time: number; timestamp: number }[] = [];
  let known: Arrivals = [];
  let time = 1_000_000;
  for (const { count, after, lag, back } of appends) {
    time += after;
    const base = Math.max(0, came.length - back);
    came.length = base;
    const lags = Array.from({ length: count }, (_, i) => Math.floor((lag * (i + 1)) / count));
    for (const one of lags) came.push({ time, timestamp: time - one });
    known = arrived(known, base, { offset: came.length, time, lag: Math.max(...lags) }, step);
  }
  return { came, known };
}

test('nobody is told too early a time: what lies below an offset was there by then, and each record by its own', () => {
  fc.assert(
    fc.property(days, (appends) => {
      const { came, known } = lived(appends);
      for (const [offset, { time, timestamp }] of came.entries()) {
        expect(allThereBy(known, offset + 1) as number).toBeGreaterThanOrEqual(time);
        expect(firstThereBy(known, offset, timestamp) as number).toBeGreaterThanOrEqual(time);
      }
      expect(allThereBy(known, came.length + 1)).toBeNull();
      expect(firstThereBy(known, came.length, 0)).toBeNull();
    }),
  );
});

test('for the newest sixteen steps, a time is later by a step at the most', () => {
  fc.assert(
    fc.property(days, (appends) => {
      const { came, known } = lived(appends);
      const oldest = known.length < 16 ? 0 : (known[0]?.offset ?? 0);
      for (const [offset, { time }] of came.entries()) {
        if (offset < oldest) continue;
        // Below it, or up to the end of the append that it came with.
        expect((allThereBy(known, offset + 1) as number) - time).toBeLessThan(step + 1);
      }
      expect(known.length).toBeLessThanOrEqual(16);
      expect(known.at(-1)?.offset).toBe(came.length);
    }),
  );
});

test('of a partition that was cut, what lies below the cut came when it came', () => {
  const known = arrived(arrived([], 0, { offset: 10, time: 5, lag: 1 }, 1), 10, { offset: 20, time: 50, lag: 2 }, 1);
  expect(arrivedBelow(known, 15)).toEqual([
    { offset: 10, time: 5, lag: 1 },
    { offset: 15, time: 50, lag: 2 },
  ]);
  expect(arrivedBelow(known, 10)).toEqual([{ offset: 10, time: 5, lag: 1 }]);
  expect(arrivedBelow(known, 30)).toEqual(known);
});

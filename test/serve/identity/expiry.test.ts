import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Expiry } from '../../../src/serve/identity/expiry.js';
import { eventually } from '../../support/eventually.js';

const toFake = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] as const;
const begun: Expiry[] = [];
// A copy of the module that nobody before has begun to use. Its look at the clock is one for all who wait: one that another
// file of this process had begun would go by the real timers.
vi.resetModules();
const { Expiry: Fresh } = await import('../../../src/serve/identity/expiry.js');

function atExpiry(ended: () => void) {
  const expiry = new Fresh({ expire: ended });
  begun.push(expiry);
  return expiry;
}

beforeEach(() => vi.useFakeTimers({ toFake: [...toFake] }));
afterEach(() => {
  for (const expiry of begun.splice(0)) expiry.clear();
  vi.useRealTimers();
});

/** Lets so many milliseconds go by, and the loop turn. */
async function pass(milliseconds: number) {
  vi.advanceTimersByTime(milliseconds);
  await new Promise((resolve) => setImmediate(resolve));
}

test('a token that is valid for months ends then, and not at once', async () => {
  // Months of looks at the clock would take a minute.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  const ended = vi.fn();
  const months = 100 * 24 * 3_600_000;
  atExpiry(ended).set(Date.now() + months);
  await pass(months - 1);
  expect(ended).not.toHaveBeenCalled();
  await pass(1);
  expect(ended).toHaveBeenCalledOnce();
});

test('a renewed token puts the end off, one without an end takes it away, and one that has ended ends at once', async () => {
  const ended = vi.fn();
  const expiry = atExpiry(ended);
  expiry.set(Date.now() + 1_000);
  expiry.set(Date.now() + 5_000);
  await pass(2_000);
  expiry.set(null);
  await pass(10_000);
  expect(ended).not.toHaveBeenCalled();
  expiry.set(Date.now() - 1);
  await pass(0);
  expect(ended).toHaveBeenCalledOnce();
  expiry.set(Date.now() + 1_000);
  expiry.clear();
  expiry.set(Date.now() + 1_000);
  await pass(10_000);
  expect(ended).toHaveBeenCalledOnce();
});

test('a token ends by the clock, also when that jumps: a machine that slept ends it within a second', async () => {
  const ended = vi.fn();
  const hour = 3_600_000;
  atExpiry(ended).set(Date.now() + 2 * hour);
  vi.setSystemTime(Date.now() + 3 * hour);
  await pass(1_000);
  expect(ended).toHaveBeenCalledOnce();

  const spared = vi.fn();
  atExpiry(spared).set(Date.now() + hour);
  vi.setSystemTime(Date.now() - hour);
  await pass(2 * hour - 1);
  expect(spared).not.toHaveBeenCalled();
  await pass(1);
  expect(spared).toHaveBeenCalledOnce();
});

test('however often the clock is set, back and forward, a token ends within a second of its time by it, never before', async () => {
  const second = fc.integer({ min: 1, max: 3_600 }).map((seconds) => seconds * 1_000);
  const step = fc.oneof(
    second,
    second.map((ms) => -ms),
    fc.integer({ min: -2_000, max: 2_000 }),
  );
  const days = fc.array(fc.record({ step, pass: fc.integer({ min: 0, max: 3_600_000 }) }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(second, days, async (life, day) => {
      const end = Date.now() + life;
      const ended = vi.fn(() => expect(Date.now()).toBeGreaterThanOrEqual(end));
      const expiry = atExpiry(ended);
      expiry.set(end);
      for (const { step, pass: ms } of day) {
        vi.setSystemTime(Date.now() + step);
        const reached = Date.now() >= end + 100;
        await pass(Math.min(ms, 1_000));
        // Of less than that a clock strays by itself.
        if (reached && ms >= 1_000) expect(ended).toHaveBeenCalledOnce();
        await pass(Math.max(0, ms - 1_000));
        if (ms > 2_000 && Date.now() >= end + 1_000) expect(ended).toHaveBeenCalledOnce();
      }
      expiry.clear();
    }),
  );
});

test('an end that is no time is one that has been', async () => {
  const ended = vi.fn();
  atExpiry(ended).set(Number.NaN);
  await pass(1);
  expect(ended).toHaveBeenCalledOnce();
});

test.each([1e300, Number.POSITIVE_INFINITY])('an end at %s is never', async (at) => {
  const ended = vi.fn();
  atExpiry(ended).set(at);
  await pass(24 * 3_600_000);
  expect(ended).not.toHaveBeenCalled();
});

test('thousands that end in one moment end a few in each turn of the loop, and whoever renews until then goes on', async () => {
  vi.useRealTimers();
  const ended: number[] = [];
  let [inTurn, most] = [0, 0];
  const end = (n: number) => () => {
    if (inTurn++ === 0)
      setImmediate(() => {
        inTurn = 0;
      });
    most = Math.max(most, inTurn);
    // By then the last two are due too.
    if (ended.push(n) === 1) {
      all.at(-1)?.set(Date.now() + 60_000);
      all.at(-2)?.clear();
    }
  };
  const all = Array.from({ length: 1_000 }, (_, n) => atExpiry(end(n)));
  const at = Date.now();
  for (const one of all) one.set(at);
  await eventually('they have ended', () => ended.length >= 998);
  expect(most).toBeLessThanOrEqual(32);
  expect(ended).not.toContain(999);
  expect(ended).not.toContain(998);
});

import { describe, expect, test, vi } from 'vitest';
import { createPace } from '../../../src/relay/kafka/pace.js';

/** Batches of `size` records, one every `apart` ms of a clock of the test's own; how long the pace made them wait. */
async function paced(linger: number, size: number, apart: number, batches: number, more = false): Promise<number[]> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  try {
    const pace = createPace(linger);
    const waits: number[] = [];
    for (let n = 0; n < batches; n++) {
      await vi.advanceTimersByTimeAsync(apart);
      const began = performance.now();
      const rest = pace.rest(size, more);
      if (rest) {
        await vi.runOnlyPendingTimersAsync();
        await rest;
      }
      waits.push(performance.now() - began);
    }
    return waits;
  } finally {
    vi.useRealTimers();
  }
}

describe('records that come fast', () => {
  test('gather: fetches are then as far apart as was asked for', async () => {
    const waits = await paced(20, 200, 1, 200);
    expect(waits.slice(100).every((wait) => wait === 19)).toBe(true);
  });

  test('gather for as much less time as they come slower', async () => {
    const waits = await paced(20, 40, 8, 400);
    // Five a millisecond, and so half of it.
    expect(waits.slice(200)).toContain(2);
    expect(Math.max(...waits.slice(200))).toBeLessThan(4);
  });

  test('wait for nothing while Kafka has more of them already', async () => {
    expect(Math.max(...(await paced(20, 200, 1, 200, true)))).toBe(0);
  });

  test('do not wait where a fetch and its append take longer than that anyway', async () => {
    expect(Math.max(...(await paced(20, 500, 25, 50)))).toBe(0);
  });

  test('wait together: all batches of a fetch go on at the same moment', async () => {
    const pace = createPace(50, () => performance.now());
    let rest: Promise<void> | null = null;
    for (const began = performance.now(); !rest && performance.now() - began < 5_000; ) {
      rest = pace.rest(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rest).not.toBeNull();
    expect(pace.rest(1)).toBe(rest);
    await rest;
  });
});

test('records that come one by one go at once', async () => {
  expect(Math.max(...(await paced(20, 1, 1, 300)))).toBe(0);
});

test('a pace of 0 never waits', async () => {
  expect(Math.max(...(await paced(0, 1_000, 1, 100)))).toBe(0);
});

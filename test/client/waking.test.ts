import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { onWake, pause } from '../../src/client/waking.js';

// No time passes here: what ends is ended by a sign.
beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  vi.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What a browser has, and Node has not. */
function page() {
  const target = new EventTarget();
  const document = { hidden: false };
  vi.stubGlobal('addEventListener', target.addEventListener.bind(target));
  vi.stubGlobal('document', document);
  return { document, tell: (sign: string) => target.dispatchEvent(new Event(sign)) };
}

const waits = (spy: { mock: { calls: unknown[][] } }) => spy.mock.calls.map(([, milliseconds]) => milliseconds);

test('the wait doubles with each failed attempt, and is never longer than 10 s', () => {
  const timer = vi.spyOn(globalThis, 'setTimeout');
  for (const failed of [0, 1, 2, 3, 4, 5, 50, 5_000]) void pause(failed);
  expect(waits(timer)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
});

test('it is any part of that time, so that those who were cut off together come back one by one', () => {
  const timer = vi.spyOn(globalThis, 'setTimeout');
  for (const part of [0, 0.25, 0.5]) {
    vi.mocked(Math.random).mockReturnValue(part);
    void pause(10);
  }
  expect(waits(timer)).toEqual([0, 2_500, 5_000]);
});

describe('a wait that runs', () => {
  test.each(['online', 'pageshow', 'visibilitychange'])('ends at once with %s', async (sign) => {
    const { tell } = page();
    const waiting = pause(10);
    expect(vi.getTimerCount()).toBe(1);
    tell(sign);
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('goes on while the page is hidden', () => {
    const { document, tell } = page();
    document.hidden = true;
    void pause(10);
    tell('visibilitychange');
    expect(vi.getTimerCount()).toBe(1);
  });

  test('ends by itself where there are no signs', async () => {
    const waiting = pause(0);
    vi.advanceTimersByTime(500);
    await waiting;
  });
});

test('after a sign the next waits are short for a while: a network that is back may need a second attempt', async () => {
  const { tell } = page();
  // Later than what other tests were told.
  vi.setSystemTime(1_000_000);
  const waiting = pause(10);
  tell('online');
  await waiting;
  const timer = vi.spyOn(globalThis, 'setTimeout');
  void pause(10);
  vi.setSystemTime(1_020_000);
  void pause(10);
  expect(waits(timer)).toEqual([500, 10_000]);
});

test('who does not listen any more is told nothing', () => {
  const { tell } = page();
  let told = 0;
  const stop = onWake(() => void told++);
  tell('online');
  stop();
  tell('online');
  expect(told).toBe(1);
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { atExpiry } from '../../src/serve/expiry.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('a token that is valid for months ends then, and not at once', () => {
  const ended = vi.fn();
  const months = 100 * 24 * 3_600_000;
  atExpiry(ended).set(Date.now() + months);
  vi.advanceTimersByTime(months - 1);
  expect(ended).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(ended).toHaveBeenCalledOnce();
});

test('a renewed token puts the end off, one without an end takes it away, and one that has ended ends at once', () => {
  const ended = vi.fn();
  const expiry = atExpiry(ended);
  expiry.set(Date.now() + 1_000);
  expiry.set(Date.now() + 5_000);
  vi.advanceTimersByTime(2_000);
  expiry.set(null);
  vi.advanceTimersByTime(10_000);
  expect(ended).not.toHaveBeenCalled();
  expiry.set(Date.now() - 1);
  vi.advanceTimersByTime(0);
  expect(ended).toHaveBeenCalledOnce();
  expiry.set(Date.now() + 1_000);
  expiry.clear();
  expiry.set(Date.now() + 1_000);
  vi.advanceTimersByTime(10_000);
  expect(ended).toHaveBeenCalledOnce();
});

test('a token ends by the clock, also when that jumps: a machine that slept wakes up after it', () => {
  const ended = vi.fn();
  const hour = 3_600_000;
  atExpiry(ended).set(Date.now() + 2 * hour);
  vi.setSystemTime(Date.now() + 3 * hour);
  vi.advanceTimersByTime(60_000);
  expect(ended).toHaveBeenCalledOnce();

  const spared = vi.fn();
  atExpiry(spared).set(Date.now() + hour);
  vi.setSystemTime(Date.now() - hour);
  vi.advanceTimersByTime(2 * hour - 1);
  expect(spared).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(spared).toHaveBeenCalledOnce();
});

test('an end that is no time is one that has been', () => {
  const ended = vi.fn();
  atExpiry(ended).set(Number.NaN);
  vi.advanceTimersByTime(1);
  expect(ended).toHaveBeenCalledOnce();
});

test.each([1e300, Number.POSITIVE_INFINITY])('an end at %s is never', (at) => {
  const ended = vi.fn();
  atExpiry(ended).set(at);
  vi.advanceTimersByTime(24 * 3_600_000);
  expect(ended).not.toHaveBeenCalled();
});

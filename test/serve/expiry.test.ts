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

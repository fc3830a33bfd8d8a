import { expect, test } from 'vitest';
import { backoff } from '../../src/event/backoff.js';

const longest = () => 1;
const shortest = () => 0;

test('waits double up to a limit, and those refused together do not come back together', () => {
  const waits = Array.from({ length: 9 }, (_, i) => backoff(i + 1, { random: longest }));
  expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  expect(backoff(3, { random: shortest })).toBe(200);
});

test('waits stay within the bounds of who waits, however often it was refused', () => {
  const waits = [1, 2, 3, 7, 100_000].map((n) => backoff(n, { first: 50, most: 2_000, random: longest }));
  expect(waits).toEqual([50, 100, 200, 2_000, 2_000]);
  expect(backoff(100_000, { most: 2_000, random: shortest })).toBe(1_000);
});

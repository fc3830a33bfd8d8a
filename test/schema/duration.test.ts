import { expect, test } from 'vitest';
import { parseDuration } from '../../src/schema/duration.js';

test.each([
  ['250ms', 250],
  ['30s', 30_000],
  ['10m', 600_000],
  ['1h', 3_600_000],
])('%s is %d milliseconds', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(['', '10', '0s', '-1s', '1.5h', '1 h', '1d', '1H', '1h30m', '١s', '9999999999s'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);

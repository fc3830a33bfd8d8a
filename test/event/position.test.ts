import { describe, expect, test } from 'vitest';
import { byAge, isAfter } from '../../src/event/position.js';

const at = (epoch: string, number: number, time: number) => ({ epoch, number, time });

describe('which of two places came later', () => {
  test.each([
    ['a later number of the same epoch', at('a', 6, 9), at('a', 5, 9), true],
    ['the same number', at('a', 5, 9), at('a', 5, 9), false],
    ['an earlier number', at('a', 4, 9), at('a', 5, 9), false],
    ['what came in one append with the entry right before which a place lies', at('a', 4, 9), at('a', 5, 8), false],
    ['a number that was given out again', at('a', 5, 9), at('a', 5, 1), true],
    ['an earlier number that was given out again', at('a', 3, 9), at('a', 5, 1), true],
    ['a later number, by a clock that went back', at('a', 6, 1), at('a', 5, 9), true],
    ['the epoch that is open now, whatever the clock says', at('now', 1, 5), at('a', 500, 9), true],
    ['an epoch that is over, by the clock', at('b', 1, 9), at('a', 500, 5), true],
    ['an epoch that was over before', at('b', 900, 4), at('a', 5, 5), false],
    ['an epoch that was over in the same moment', at('b', 900, 5), at('a', 5, 5), false],
    ['anything, after a log that had nothing', at('now', 1, 1), at('', 0, 9), true],
  ])('%s', (_, one, start, after) => {
    expect(isAfter(one, start, 'now')).toBe(after);
  });

  test('entries sort by the clock, in one moment by number, and what is of the open epoch comes last', () => {
    const sorted = [at('a', 1, 1), at('a', 7, 2), at('a', 8, 2), at('now', 1, 2), at('now', 2, 3)];
    const shuffled = [3, 0, 4, 2, 1].map((i) => sorted[i] as (typeof sorted)[number]);
    expect(shuffled.sort((a, b) => byAge(a, b, 'now'))).toEqual(sorted);
  });
});

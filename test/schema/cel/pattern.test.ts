import { expect, test } from 'vitest';
import { compilePattern, maxMatchedLength } from '../../../src/schema/cel/pattern.js';

test.each([
  '^acct_[0-9]{8,12}$',
  '(?:ab)+',
  '^(a|b|c)$',
  '^[\\w.+-]+@[a-z]+\\.com$',
  '\\(x\\)+',
  '[(a+)]+',
  'a?',
  '^\\p{L}+$',
])('a plain pattern is taken: %s', (pattern) => {
  expect(compilePattern(pattern).why).toBeNull();
});

test.each([
  '(a+)+$',
  '(a|aa)+',
  '((a)b)*',
  '(a*){2,}',
  'a*a*a*a*',
  'a?a?a?a?',
  '(a)\\1',
  '(?=a)',
  '(?<n>a)',
  '(',
  '(?i)a',
  '(?:a+)*',
])('one that a user could make run for ever is refused: %s', (pattern) => {
  expect(compilePattern(pattern).expression).toBeNull();
});

test('the slowest pattern allowed ends in time on the longest text', () => {
  const { expression } = compilePattern('^a*a*a*b');
  const began = performance.now();
  expect(expression?.test('a'.repeat(maxMatchedLength))).toBe(false);
  expect(performance.now() - began).toBeLessThan(1000);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePath, printPath, valueAt } from '../../src/schema/path.js';

describe('a dotted path', () => {
  test.each([
    ['id', ['id']],
    ['a.b.c', ['a', 'b', 'c']],
    ['some key.x-y.__proto__', ['some key', 'x-y', '__proto__']],
    ["['log.level']", ['log.level']],
    ["['log.level'].text", ['log.level', 'text']],
    ['["log.level"].text', ['log.level', 'text']],
    ["a['b.c']['d e'].f", ['a', 'b.c', 'd e', 'f']],
    ['translation[0].text', ['translation', 0, 'text']],
    ['[1][20]', [1, 20]],
    ["a['0']", ['a', '0']],
    ['a.0', ['a', '0']],
    ["['it\\'s']", ["it's"]],
    ["['a\\\\']", ['a\\']],
    ["['']", ['']],
    ["['[0]']", ['[0]']],
  ])('%s is %j', (text, steps) => {
    expect(parsePath(text)).toEqual(steps);
  });

  test.each([
    ...[
      '',
      '.',
      '.a',
      'a.',
      'a..b',
      ' a',
      'a ',
      'a .b',
      'a[',
      'a]',
      'a[]',
      'a[x]',
      'a[-1]',
      'a[01]',
      'a[1.5]',
      'a[ 0 ]',
    ],
    ...["a['b", 'a[\'b"]', "['a'b", "['a']b", 'a.[0]', "a'b'", 'a`b', "['a\\']", 'a[9999999999]'],
  ])('%j is none', (text) => {
    expect(parsePath(text)).toBeNull();
  });

  const steps = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.nat(999_999_999)), { minLength: 1, maxLength: 5 });

  test('can name every key and every element: what is printed is read as it was', () => {
    fc.assert(
      fc.property(steps, (path) => {
        expect(parsePath(printPath(path))).toEqual(path);
      }),
    );
  });

  test('finds what lies there, and nothing else', () => {
    const value = fc.anything({ withNullPrototype: true, maxDepth: 0 });
    fc.assert(
      fc.property(
        steps.map((path) => path.map((step) => (typeof step === 'number' ? step % 3 : step))),
        value,
        (path, leaf) => {
          const source = path.reduceRight<unknown>(
            (inner, step) =>
              typeof step === 'number'
                ? [0, 1, 2].map((n) => (n === step ? inner : n))
                : Object.fromEntries([[step, inner]]),
            leaf,
          );
          expect(valueAt(source, path)).toBe(leaf);
        },
      ),
    );
    for (const [source, path] of [
      [{ a: ['x'] }, 'a.0'],
      [{ a: ['x'] }, 'a.length'],
      [{ a: { 0: 'x' } }, 'a[0]'],
      [{ a: 'xy' }, 'a[0]'],
      [{ a: [] }, 'a[0]'],
      [{ a: null }, 'a[0].b'],
      [[], "['at']"],
      [{}, 'constructor.name'],
      [{ a: { b: 1 } }, "['a.b']"],
      [{ 'a.b': 1 }, 'a.b'],
    ] as const)
      expect(valueAt(source, parsePath(path) ?? [])).toBeUndefined();
  });
});

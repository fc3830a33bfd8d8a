import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayHoldLongNumber, readJson } from '../../src/event/read-json.js';
import { writeForClients, writeJson, writeSame } from '../../src/event/write-json.js';

/** Any JSON text, with what it says: whole numbers as bigints, so that the oracle knows no rounding. */
const whole = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.constantFrom(
    2n ** 53n,
    2n ** 53n - 1n,
    2n ** 53n + 1n,
    -(2n ** 53n) - 1n,
    2n ** 63n - 1n,
    2n ** 64n - 1n,
    10n ** 300n,
  ),
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    '',
    '\\',
    '"',
    '\\"',
    ':1524831183200260097',
    ',[-9007199254740993',
    '{"a":9007199254740993}',
  ),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    whole,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    text,
    fc.constantFrom(true, false, null),
    fc.array(tie('tree')),
    fc.dictionary(text, tie('tree')),
  ),
}));
const space = fc.constantFrom('', ' ', '\n', '\t ', '\r\n');

/** As a producer may write it: the digits of whole numbers, white space anywhere. */
function printed(value: unknown, gap: string): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${gap}${value.map((one) => printed(one, gap)).join(`${gap},${gap}`)}${gap}]`;
  const members = Object.entries(value).map(
    ([name, one]) => `${JSON.stringify(name)}${gap}:${gap}${printed(one, gap)}`,
  );
  return `{${gap}${members.join(`${gap},${gap}`)}${gap}}`;
}

/** What reading gives: a bigint only where a double cannot hold the number. */
function meant(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  // As text -0 is "0".
  if (typeof value === 'number') return readNumber(JSON.stringify(value));
  if (Array.isArray(value)) return value.map(meant);
  if (typeof value !== 'object' || value === null) return value;
  const made: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(value))
    Object.defineProperty(made, name, { value: meant(one), enumerable: true, configurable: true, writable: true });
  return made;
}

/** JSON.stringify writes a double such as 1e20 as a whole number: that is what a reader then finds. */
const readNumber = (literal: string) =>
  /^-?\d+$/.test(literal) && !Number.isSafeInteger(Number(literal)) ? BigInt(literal) : Number(literal);

describe('a whole number in JSON', () => {
  it('is read to its last digit, wherever it stands and whatever stands beside it', () => {
    fc.assert(
      fc.property(tree, space, (value, gap) => {
        // Not by `toStrictEqual`, for which an own `constructor` is the value's class.
        expect(isDeepStrictEqual(readJson(`${gap}${printed(value, gap)}${gap}`), meant(value))).toBe(true);
      }),
    );
  });

  it('is written as it was read', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const read = readJson(printed(value, ''));
        expect(isDeepStrictEqual(readJson(writeJson(read)), read)).toBe(true);
        expect(isDeepStrictEqual(readJson(writeSame(read)), read)).toBe(true);
      }),
    );
  });

  it('reaches clients as text when their own reader would round it', () => {
    expect(writeForClients({ id: 9007199254740993n, small: 1, list: [-(2n ** 63n)] })).toBe(
      '{"id":"9007199254740993","small":1,"list":["-9223372036854775808"]}',
    );
  });
});

describe('any other JSON', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        fc.pre(!/\d{16}/.test(json));
        expect(mayHoldLongNumber(json)).toBe(false);
        expect(isDeepStrictEqual(readJson(json), JSON.parse(json))).toBe(true);
      }),
    );
  });

  it('is refused as JSON.parse refuses it, with a long number in it or not', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('', '9007199254740993', '[9007199254740993'), (rubbish, number) => {
        const json = `${number}${rubbish}`;
        let refused: unknown = null;
        try {
          JSON.parse(json);
        } catch (error) {
          refused = error;
        }
        fc.pre(refused !== null);
        expect(() => readJson(json)).toThrow(refused as Error);
      }),
    );
  });

  it('is found without a long number by looking at a sixteenth of it', () => {
    for (const json of [
      '{"card":"4000123412341234"}',
      '["1524831183200260097"]',
      '123456789012345',
      '0.12345678901234567',
    ])
      expect(mayHoldLongNumber(json)).toBe(false);
    for (let before = 0; before < 40; before++) {
      expect(mayHoldLongNumber(`${' '.repeat(before)}1524831183200260`)).toBe(true);
      expect(mayHoldLongNumber(`${' '.repeat(before)}-1524831183200260`)).toBe(true);
    }
  });

  it('may be nested as deep as JSON.parse can read', () => {
    const json = `${'['.repeat(50_000)}9007199254740993${']'.repeat(50_000)}`;
    let value = readJson(json);
    while (Array.isArray(value)) value = value[0];
    expect(value).toBe(9007199254740993n);
  });

  it('keeps a number beyond every double as one, where it is written to be read again', () => {
    const value = readJson('{"big":1e400,"small":-1e400,"id":9007199254740993,"none":null}');
    expect(writeSame(value)).toBe('{"big":1e999,"small":-1e999,"id":9007199254740993,"none":null}');
    expect(writeSame(readJson('[1e400,null]'))).toBe('[1e999,null]');
    expect(writeSame({ none: null, text: 'null' })).toBe('{"none":null,"text":"null"}');
  });

  it('is no longer read digit by digit once it is beyond every double', () => {
    expect(readJson(`[${'9'.repeat(100_000)}]`)).toStrictEqual([Number.POSITIVE_INFINITY]);
  });
});

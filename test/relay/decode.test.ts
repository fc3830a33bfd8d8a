import { expect, test } from 'vitest';
import { decode } from '../../src/relay/decode.js';

const of = (value: Buffer | string | null) => decode({ value: typeof value === 'string' ? Buffer.from(value) : value });
const reasonOf = (value: Buffer | string) => {
  const decoded = of(value);
  return decoded.kind === 'fault' ? decoded.fault.reason : decoded.kind;
};

test('an event keeps the very text its producer wrote: spaces, order of keys, numbers beyond a double', () => {
  const text = '{ "b" : 1.0,\n "a": 12345678901234567890, "a2": "\\u00e9" }';
  expect(of(text)).toEqual({ kind: 'value', text, value: { b: 1, a: 12345678901234567890n, a2: 'é' } });
});

test('a null value is a tombstone, and JSON null is a value', () => {
  expect(of(null)).toEqual({ kind: 'tombstone' });
  expect(of('null')).toEqual({ kind: 'value', text: 'null', value: null });
});

test('an empty value is a fault, not a tombstone', () => {
  expect(reasonOf('')).toBe('empty-value');
});

test('malformed JSON and broken UTF-8 are faults, and nothing is put in the place of broken bytes', () => {
  for (const text of ['{', 'undefined', "{'a':1}", '{"a":1}x', ' ', 'NaN']) expect(reasonOf(text)).toBe('not-json');
  expect(reasonOf(Buffer.from([0x22, 0xff, 0x22]))).toBe('not-utf8');
  // A surrogate in UTF-8 (CESU), which no decoder may take.
  expect(reasonOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe('not-utf8');
});

test('a byte order mark before the text is no fault and does not reach the log', () => {
  expect(of(Buffer.from('\ufeff{"a":1}'))).toEqual({ kind: 'value', text: '{"a":1}', value: { a: 1 } });
});

test('a raw control character inside a string is refused, so no text can hold the separator of the log', () => {
  expect(reasonOf('"\u001e"')).toBe('not-json');
  expect(of('"\\u001e"')).toMatchObject({ kind: 'value', text: '"\\u001e"' });
});

test('a text nested a hundred thousand deep is read or refused, never a crash', () => {
  expect(['value', 'not-json']).toContain(reasonOf('['.repeat(100_000) + ']'.repeat(100_000)));
});

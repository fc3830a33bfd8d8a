import { expect, test } from 'vitest';
import { jsonFormat } from '../../src/format/json.js';
import { recordAt } from '../support/relay/relay-world.js';

const json = jsonFormat('value');
const of = (value: Buffer | string | null) =>
  json.decode(recordAt(0, null, { value: typeof value === 'string' ? Buffer.from(value) : value }));
const reasonOf = (value: Buffer | string) => {
  const decoded = of(value);
  return decoded.kind === 'fault' ? decoded.fault.reason : decoded.kind;
};

test('an event keeps the very text its producer wrote: spaces, order of keys, numbers beyond a double', () => {
  const text = '{ "b" : 1.0,\n "a": 12345678901234567890, "a2": "\\u00e9" }';
  expect(of(text)).toEqual({ kind: 'value', text, value: { b: 1, a: 12345678901234567890n, a2: 'é' } });
});

test('a null value is a tombstone, and JSON null is a value', () => {
  expect(of(null)).toEqual({ kind: 'null' });
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

test('a value in a schema registry’s frame says so, with the id of its schema, whatever comes in the frame', () => {
  const frame = (id: number) => Buffer.from([0, id >>> 24, id >>> 16, id >>> 8, id]);
  const json = Buffer.from('{"a":1}');
  for (const payload of [json, Buffer.from([0x02, 0x75, 0xff]), Buffer.from([0, 0x0a, 5]), Buffer.alloc(0)]) {
    expect(of(Buffer.concat([frame(17), payload]))).toMatchObject({
      kind: 'fault',
      fault: {
        reason: 'registry-frame',
        error: {
          message:
            "The value starts with a schema registry's frame (magic byte 0, schema id 17); this topic is read as JSON.",
        },
      },
    });
  }
  expect(of(frame(4_000_000_000))).toMatchObject({
    fault: { error: { message: expect.stringContaining('schema id 4000000000') } },
  });
  // Shorter than a frame, or with another first byte, it is none.
  expect(reasonOf(Buffer.from([0, 0, 0, 17]))).toBe('not-json');
  expect(reasonOf(Buffer.from([1, 0, 0, 0, 17, 0x7b]))).toBe('not-json');
  expect(reasonOf(Buffer.concat([Buffer.from(' '), frame(17)]))).toBe('not-json');
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

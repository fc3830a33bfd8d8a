import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cursorCodec, hmac } from '../../src/event/cursor.js';
import { maxOffsets, type Place } from '../../src/event/place.js';
import { sourceKey, sourceOf } from '../../src/event/source-key.js';

const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const epoch = fc.oneof(
  fc.constant(''),
  fc
    .uint8Array({ minLength: 6, maxLength: 6 })
    .filter((bytes) => bytes.some((byte) => byte !== 0))
    .map((bytes) => Buffer.from(bytes).toString('base64url')),
);
const moment = fc.record({ epoch, number: whole, time: fc.nat({ max: 2 ** 45 }) });
const origin = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('topicA', 'topicQ', '') },
  fc
    .uint8Array({ minLength: 4, maxLength: 4 })
    .filter((bytes) => bytes.some((byte) => byte !== 0))
    .map((bytes) => Buffer.from(bytes).toString('base64url')),
);
const source = fc
  .tuple(origin, fc.oneof(fc.nat({ max: 9_999 }), fc.nat({ max: 2 ** 31 - 1 })))
  .map(([origin, partition]) => sourceKey(origin, partition));
const cursor: fc.Arbitrary<Place> = fc.record({
  positions: fc.array(moment, { maxLength: 8 }),
  offsets: fc.uniqueArray(fc.record({ key: source, offset: whole, index: fc.nat({ max: 9_999 }) }), {
    maxLength: maxOffsets,
    selector: ({ key }) => key,
  }),
  routes: fc.uint8Array({ minLength: 3, maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  late: fc.option(fc.nat({ max: 2 ** 45 })),
});

const codec = cursorCodec(['one']);

describe('a cursor', () => {
  test('is what a codec that has made no other would make of it, whatever was asked before', () => {
    const fields = fc.constantFrom('a', 'b');
    const places = fc.array(fc.array(moment, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 });
    const few = fc.constantFrom<Place['offsets']>([], [{ key: sourceKey('topicA', 1), offset: 2, index: 0 }]);
    const asked = fc.tuple(fields, fc.nat(), few, fc.constantFrom('aaaa', 'bbbb'), fc.constantFrom(null, 0, 1));
    fc.assert(
      fc.property(places, fc.array(asked, { minLength: 2, maxLength: 20 }), (heads, all) => {
        for (const [field, n, offsets, routes, late] of all) {
          const positions = heads[n % heads.length] ?? [];
          const cursor = { positions, offsets, routes, late };
          expect(codec.encode(field, cursor)).toBe(cursorCodec(['one']).encode(field, cursor));
        }
      }),
    );
  });

  test('is signed by HMAC-SHA256, as Node knows it', () => {
    const key = fc.uint8Array({ maxLength: 64 });
    const content = fc.uint8Array({ maxLength: 2_000 });
    fc.assert(
      fc.property(key, fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 300 }), content)), (key, signed) => {
        const sign = hmac(key);
        for (const [field, content] of signed) {
          const expected = createHmac('sha256', key).update(field).update('\0').update(content).digest('hex');
          expect(sign(field, content).toString('hex')).toBe(expected);
        }
      }),
    );
  });

  test('comes back as it was, whatever it holds', () => {
    fc.assert(
      fc.property(cursor, fc.string(), (given, field) => {
        const text = codec.encode(field, given);
        expect(text).toMatch(/^[\w-]+$/);
        expect(codec.decode(field, text)).toEqual(given);
      }),
    );
  });

  test('keeps the order of its partitions: the oldest goes first when there are too many', () => {
    const sources = [
      { origin: 'topicA', partition: 9 },
      { origin: 'topicQ', partition: 2 },
      { origin: 'topicA', partition: 2 },
    ];
    const offsets = sources.map((one) => ({ key: sourceKey(one.origin, one.partition), offset: 1, index: 0 }));
    const back = codec.decode('f', codec.encode('f', { positions: [], offsets, routes: 'abcd', late: null }));
    expect(back?.offsets.map(({ key }) => sourceOf(key))).toMatchObject(sources);
  });

  test('of a former version is refused: it knew partitions, and not whose', () => {
    const given = { positions: [], offsets: [], routes: 'abcd', late: null };
    const sign = hmac(createHash('sha256').update('tailrace cursor one').digest());
    const ofVersion = (version: number) => {
      const content = Buffer.from(codec.encode('f', given), 'base64url').subarray(0, -12);
      content[0] = version;
      return Buffer.concat([content, sign('f', content).subarray(0, 12)]).toString('base64url');
    };
    expect([1, 2, 3, 4].map((version) => codec.decode('f', ofVersion(version)))).toEqual([null, null, given, null]);
  });

  test('is refused when any bit of it was changed', () => {
    fc.assert(
      fc.property(cursor, fc.nat(), fc.nat({ max: 5 }), (given, at, bit) => {
        const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
        const text = codec.encode('f', given);
        const place = at % text.length;
        const changed = alphabet[alphabet.indexOf(text[place] as string) ^ (1 << bit)] as string;
        expect(codec.decode('f', text.slice(0, place) + changed + text.slice(place + 1))).toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  test('is refused when cut, lengthened or made up, and never throws', () => {
    fc.assert(
      fc.property(cursor, fc.string({ unit: 'binary' }), fc.nat({ max: 40 }), (given, junk, cut) => {
        const text = codec.encode('f', given);
        expect(codec.decode('f', text.slice(0, -1 - cut))).toBeNull();
        expect(codec.decode('f', `${text}A`)).toBeNull();
        expect(codec.decode('f', `${text}=`)).toBeNull();
        expect(codec.decode('f', junk)).toBeNull();
      }),
    );
  });

  test('of one field says nothing to another, however their names are cut', () => {
    fc.assert(
      fc.property(cursor, fc.string(), fc.string(), (given, one, other) => {
        fc.pre(one !== other);
        expect(codec.decode(other, codec.encode(one, given))).toBeNull();
      }),
    );
  });

  test('outlives the rotation of keys: the first signs, all verify', () => {
    const given: Place = {
      positions: [{ epoch: '', number: 3, time: 4 }],
      offsets: [],
      routes: 'abcd',
      late: null,
    };
    const old = codec.encode('f', given);
    const both = cursorCodec(['two', 'one']);
    expect(both.decode('f', old)).toEqual(given);
    expect(cursorCodec(['two']).decode('f', both.encode('f', given))).toEqual(given);
    expect(codec.decode('f', both.encode('f', given))).toBeNull();
    expect(() => cursorCodec([])).toThrow(RangeError);
  });

  test('of a per-user feed stays under 100 characters, after years too', () => {
    const positions = [{ epoch: 'AAECAwQF', number: 2 ** 40, time: 4_102_444_800_000 }];
    const offsets = [0, 1, 2].map((at) => ({ key: sourceKey('topicA', at), offset: 2 ** 35, index: 200 }));
    expect(codec.encode('transaction', { positions, offsets, routes: 'abcd', late: null }).length).toBeLessThan(100);
  });

  test('with all it may hold still fits into what is read', () => {
    const positions = Array.from({ length: 64 }, () => ({ epoch: 'AAECAwQF', number: 2 ** 52, time: 2 ** 42 }));
    const offsets = Array.from({ length: maxOffsets }, (_, i) => ({
      key: sourceKey(`topic${String.fromCharCode(97 + i)}Q`.slice(-6), 10_000 + i),
      offset: 2 ** 52,
      index: 9_999,
    }));
    const given = { positions, offsets, routes: 'abcd', late: null };
    expect(codec.decode('f', codec.encode('f', given))).toEqual(given);
  });
});

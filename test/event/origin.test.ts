import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { originOf } from '../../src/event/origin.js';
import { sourceKey, sourceOf } from '../../src/event/source-key.js';

const cards = { cluster: 'c1', topic: 'cards' };

describe('an origin', () => {
  test('is another one for another cluster, another topic, and a topic that was made again', () => {
    const origins = [
      originOf(cards, null),
      originOf({ ...cards, cluster: 'c2' }, null),
      originOf({ ...cards, topic: 'notes' }, null),
      originOf(cards, 'one'),
      originOf(cards, 'two'),
      // However the names are cut.
      originOf({ cluster: 'c1c', topic: 'ards' }, null),
    ];
    expect(new Set(origins).size).toBe(origins.length);
  });

  test('is the same in every process, whatever else the partition has, and short', () => {
    expect(originOf(cards, null)).toBe(originOf({ ...cards, partition: 7 } as typeof cards, null));
    expect(originOf(cards, null)).toMatch(/^[\w-]{6}$/);
  });
});

describe('the key of a source', () => {
  const origin = fc.oneof(
    fc.constant(''),
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  );
  const partition = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 2 ** 31 - 1 }));

  test('is one for each partition of each origin, and leads back to it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(origin, partition), { maxLength: 30 }), (asked) => {
        const names = new Map<number, string>();
        for (const [origin, partition] of asked) {
          const key = sourceKey(origin, partition);
          expect(sourceOf(key)).toMatchObject({ origin, partition });
          expect(names.get(key) ?? `${origin} ${partition}`).toBe(`${origin} ${partition}`);
          names.set(key, `${origin} ${partition}`);
        }
        expect(names.size).toBe(new Set(names.values()).size);
      }),
    );
  });
});

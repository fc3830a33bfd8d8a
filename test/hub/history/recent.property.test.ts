import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Channel } from '../../../src/event/channel.js';
import type { Publication } from '../../../src/event/publication.js';
import { Recent } from '../../../src/hub/history/recent.js';

/** What a log does to a replica that listens; the oracle keeps everything that was ever written. */
type Step =
  | { readonly kind: 'write'; readonly channel: string }
  | { readonly kind: 'miss'; readonly channel: string }
  | { readonly kind: 'expire'; readonly channel: string }
  | { readonly kind: 'epoch' }
  | { readonly kind: 'forget'; readonly channel: string };

const channel = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('write' as const), channel }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('miss' as const), channel }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), channel }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('epoch' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), channel }) },
);

const entryBytes = 100;
/** Room for about five publications. */
const maxBytes = 2_500;

test('what is kept of a channel is all it carried, or it says that it does not know', () => {
  let answered = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, maxBytes, 1_000_000), (steps, most) => {
      const recent = new Recent(most);
      const written: Publication[] = [];
      const heard = new Set<Publication>();
      const expired = new Set<Publication>();
      const newest = new Map<string, number>();
      let [number, epoch] = [0, 0];
      for (const one of steps) {
        if (one.kind === 'forget') recent.forget(one.channel as Channel);
        else if (one.kind === 'expire') {
          // The next one names none before it. What is gone from the log may be kept, or not: its age tells.
          newest.delete(one.channel);
          for (const publication of written) if (publication.channel === one.channel) expired.add(publication);
        } else if (one.kind === 'epoch') {
          epoch++;
          newest.clear();
        } else {
          number++;
          const publication: Publication = {
            channel: one.channel as Channel,
            position: { shard: 0, epoch: String(epoch), number, time: number },
            previous: newest.get(one.channel) ?? 0,
            refilled: false,
            fingerprint: '',
            bytes: entryBytes,
            source: {} as Publication['source'],
            kept: () => publication,
          };
          newest.set(one.channel, number);
          written.push(publication);
          if (one.kind === 'miss') continue;
          heard.add(publication);
          recent.keep(publication);
        }
        expect(recent.bytes).toBeLessThanOrEqual(most);
      }
      const head = { shard: 0, epoch: String(epoch), number, time: number };
      for (const name of ['a', 'b', 'c'] as Channel[]) {
        const all = written.filter(({ channel, position }) => channel === name && position.epoch === head.epoch);
        // What came after that, the hub reads before its heads go there.
        const known = all.findLast((publication) => heard.has(publication))?.position.number ?? 0;
        for (let after = 0; after < known; after++) {
          const kept = recent.after(name, head, after);
          if (kept === null) continue;
          const due = all.filter(({ position }) => position.number > after && position.number <= known);
          expect(kept).toEqual(due.filter((publication) => kept.includes(publication) || !expired.has(publication)));
          answered += kept.length;
        }
        recent.forget(name);
      }
      expect(recent.bytes).toBe(0);
    }),
    { numRuns: 500 },
  );
  expect(answered).toBeGreaterThan(1_000);
});

test('what one busy channel costs does not grow with how much of it is kept', () => {
  /** Milliseconds for so many more, once the memory is full; the best of a few tries. */
  const timed = (kept: number) => {
    const recent = new Recent(kept * 500);
    let number = 0;
    const more = (count: number) => {
      for (let n = 0; n < count; n++) {
        const position = { shard: 0, epoch: 'e', number: ++number, time: number };
        const publication = {
          channel: 'a',
          position,
          previous: number - 1,
          bytes: entryBytes,
          kept: () => publication,
        };
        recent.keep(publication as unknown as Publication);
      }
    };
    more(2 * kept);
    const times = Array.from({ length: 5 }, () => {
      const began = performance.now();
      more(5_000);
      return performance.now() - began;
    });
    return Math.min(...times);
  };
  timed(1_000);
  expect(timed(60_000)).toBeLessThan(20 * timed(1_000));
});

test('a small memory holds the newest of all channels', () => {
  const recent = new Recent(maxBytes);
  const at = (number: number) => ({ shard: 0, epoch: 'e', number, time: number });
  for (let number = 1; number <= 1_000; number++) {
    const publication = { position: at(number), previous: number > 2 ? number - 2 : 0, bytes: entryBytes };
    const kept = { ...publication, channel: number % 2 ? 'odd' : 'even', kept: () => kept } as Publication;
    recent.keep(kept);
  }
  const kept = (['odd', 'even'] as Channel[]).map((name) => recent.after(name, at(1_000), 996)?.length);
  expect(kept).toEqual([2, 2]);
  expect(recent.after('odd' as Channel, at(1_000), 900)).toBeNull();
});

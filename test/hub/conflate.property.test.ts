import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { turns } from '../support/log/hostile-log.js';
import { cases } from '../support/properties.js';
import { Stage } from './stage.js';

/** Events are numbers, each one higher; negative ones are hidden from everybody, odd ones from whoever may see even ones only. */
const keyOf = (event: unknown) => String(Math.abs(event as number) % 3);
const may = { all: (n: number) => n > 0, even: (n: number) => n > 0 && n % 2 === 0 };
const planOf = (claims: keyof typeof may) => ({
  conflation: { every: 1, keyOf },
  permit: ({ event }: { event: unknown }) => ({ pass: may[claims](event as number), error: null }),
});

type Step =
  | { readonly kind: 'append'; readonly hidden: readonly boolean[] }
  | { readonly kind: 'fill' | 'fill next' | 'drain' | 'come back' | 'gap' | 'window' }
  | { readonly kind: 'cut off'; readonly unread: number }
  | { readonly kind: 'renew'; readonly claims: keyof typeof may };

const step = (claims: readonly (keyof typeof may)[], ...more: readonly fc.Arbitrary<Step>[]): fc.Arbitrary<Step> =>
  fc.oneof(
    ...more,
    fc.record({
      kind: fc.constant('append' as const),
      hidden: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
    }),
    fc.record({ kind: fc.constantFrom('fill', 'drain', 'come back', 'gap', 'window') }),
    fc.record({ kind: fc.constant('renew' as const), claims: fc.constantFrom(...claims) }),
  );
/** In the midst of what goes together. What comes after it is by the claims that replaced what lies before. */
const cut = fc.oneof(
  fc.record({ kind: fc.constant('fill next' as const) }),
  fc.record({ kind: fc.constant('cut off' as const), unread: fc.nat({ max: 3 }) }),
);
const steps = fc.oneof(
  fc.array(step(['all'], cut), { minLength: 3, maxLength: 30 }),
  fc.array(step(['all', 'even']), { minLength: 3, maxLength: 30 }),
);

test('whatever befalls a reader of a conflated field, it ends with the latest of each key, in order, and none twice', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      await using stage = await Stage.open();
      const claims = new Set<keyof typeof may>(['all']);
      for (const one of steps) if (one.kind === 'renew') claims.add(one.claims);
      const shown: number[] = [];
      /** Of each key, the last that nobody it was may not have seen. */
      const latest = new Map<string, number>();
      let next = 1;
      let plan = planOf('all');
      let seated = stage.seat(await stage.group('a', plan));
      let cursor = seated.subscription.cursor();
      /** All but the last, which it never reads. */
      const take = (unread = 0) => {
        const read = Math.max(0, seated.shown.length - unread);
        shown.push(...seated.shown.slice(0, read).map((one) => (typeof one === 'number' ? one : one.n)));
        cursor = seated.cursors[read - 1] ?? cursor;
        seated.shown.length = 0;
        seated.cursors.length = 0;
      };

      for (const one of steps) {
        if (one.kind === 'append') {
          const numbers = one.hidden.map((is) => (is ? -next++ : next++));
          for (const n of numbers) if ([...claims].every((any) => may[any](n))) latest.set(keyOf(n), n);
          await stage.append(numbers);
        } else if (one.kind === 'fill') seated.fill();
        else if (one.kind === 'fill next') seated.fill('next');
        else if (one.kind === 'drain') seated.drain();
        else if (one.kind === 'gap') {
          const source = { cluster: 'c', topic: 'notes', partition: 0 };
          stage.log.gap({ reason: 'SOURCE_LOST', missed: null, source });
          // Longer than a window; whether it is over by then or not, all must hold.
        } else if (one.kind === 'window') await new Promise((resolve) => setTimeout(resolve, 3));
        else if (one.kind === 'renew') {
          plan = planOf(one.claims);
          const group = await stage.group('a', plan);
          take();
          seated = stage.seat(group, seated.subscription.handOver());
        } else {
          take(one.kind === 'cut off' ? one.unread : 0);
          if (one.kind === 'come back') cursor = seated.subscription.cursor();
          seated.subscription.close();
          seated = stage.seat(await stage.group('a', plan), stage.after(cursor));
        }
        await turns(2);
      }

      const ends = () => {
        seated.drain();
        take();
        const last = new Map(shown.map((n) => [keyOf(n), n]));
        for (const [key, n] of latest) expect(last.get(key)).toBeGreaterThanOrEqual(n);
      };
      await eventually('it has been shown the latest of each key', ends, { every: 1, within: 2_000 });
      expect(shown).toEqual([...new Set(shown)].sort((one, other) => one - other));
      expect(shown.filter((n) => n < 0)).toEqual([]);
      expect(seated.faults).toEqual([]);
    }),
    { numRuns: cases(200), endOnFailure: true },
  );
});

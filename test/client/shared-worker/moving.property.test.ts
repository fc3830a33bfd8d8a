import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Request, Sink, Subscriber } from '../../../src/client/live/subscriber.js';
import { Moving } from '../../../src/client/shared-worker/moving.js';
import { placeOf } from '../../../src/client/shared-worker/places.js';

/** A worker over one log: it shows what lies behind the cursor that it is asked for, when a test lets it. */
class Source implements Subscriber {
  readonly #open: { at: number; sink: Sink }[] = [];

  constructor(private readonly log: readonly number[]) {}

  subscribe({ extensions }: Request, sink: Sink): () => void {
    const after = extensions?.after as string | undefined;
    this.#open.push({ at: after === undefined ? this.log.length : Number(after), sink });
    sink.ready?.();
    sink.cursor?.(String(this.#open.at(-1)?.at));
    return () => {};
  }

  /** Never stops by itself: also one that was given up may still have something under way. */
  show(most: number): void {
    for (const one of this.#open) {
      for (let left = most; left > 0 && one.at < this.log.length; left--) {
        one.at++;
        one.sink.next({ data: this.log[one.at - 1], extensions: { cursor: String(one.at) } });
        one.sink.cursor?.(String(one.at));
      }
    }
  }
}

type Step = { readonly publish: number } | { readonly show: number; readonly old: boolean } | 'die' | 'restart';
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ publish: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ show: fc.integer({ min: 1, max: 3 }), old: fc.boolean() }),
  fc.constantFrom<Step>('die', 'restart'),
);

test('whenever its worker dies, a subscription has every event once and in order, and is ready once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const log: number[] = [];
      const sources = [new Source(log)];
      const moving = new Moving();
      moving.move(sources[0] ?? null);
      const heard: unknown[] = [];
      let ready = 0;
      const nothing = () => {};
      moving.subscribe(
        { query: 'subscription { n }' },
        { next: ({ data }) => void heard.push(data), error: nothing, complete: nothing, ready: () => void ready++ },
      );
      const restart = () => {
        sources.push(new Source(log));
        moving.move(sources.at(-1) ?? null);
      };
      for (const one of steps) {
        if (one === 'die') moving.move(null);
        else if (one === 'restart') restart();
        else if ('publish' in one) for (let n = 0; n < one.publish; n++) log.push(log.length + 1);
        else (one.old ? sources[0] : sources.at(-1))?.show(one.show);
      }
      restart();
      sources.at(-1)?.show(1_000);
      expect(heard).toEqual(log);
      expect(ready).toBe(1);
    }),
  );
});

test('one that was left is not taken along, and hears nothing more', () => {
  const log = [1];
  const moving = new Moving();
  const heard: unknown[] = [];
  const nothing = () => {};
  const leave = moving.subscribe(
    { query: 'subscription { n }', extensions: { after: '0' } },
    { next: ({ data }) => void heard.push(data), error: nothing, complete: nothing },
  );
  leave();
  const source = new Source(log);
  moving.move(source);
  source.show(1);
  expect(heard).toEqual([]);
});

test('the cursor of an event is told once', () => {
  const moving = new Moving();
  const source = new Source([1, 2]);
  moving.move(source);
  const cursors: string[] = [];
  const nothing = () => {};
  moving.subscribe(
    { query: 'subscription { n }', extensions: { after: '0' } },
    { next: nothing, error: nothing, complete: nothing, cursor: (cursor) => void cursors.push(cursor) },
  );
  source.show(2);
  expect(cursors).toEqual(['0', '1', '2']);
});

test('the same operation has the same place; one that says where it begins has its own', () => {
  const query = 'subscription { n }';
  expect(placeOf({ query, variables: { a: 1 } })).toBe(placeOf({ query, variables: { a: 1 } }));
  expect(placeOf({ query })).not.toBe(placeOf({ query, variables: { a: 1 } }));
  expect(placeOf({ query, extensions: { after: 'c' } })).toBe(null);
  expect(placeOf({ query: 'subscription @resume(rewind: 3) { n }' })).toBe(null);
});

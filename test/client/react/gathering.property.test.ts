import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Gathering } from '../../../src/client/react/gathering.js';

interface Event {
  readonly id: number | null;
  readonly n: number;
}

/** What is shown, by looking at everything again for each event. */
function oracle(events: readonly (readonly [Event, string | undefined])[], keep: number, keyed: boolean): Event[] {
  const seen: string[] = [];
  let rows: { name: unknown; event: Event; at: number }[] = [];
  for (const [at, [event, cursor]] of events.entries()) {
    if (cursor !== undefined && seen.includes(cursor)) continue;
    if (cursor !== undefined) seen.push(cursor);
    const name = keyed ? event.id : null;
    const row = rows.find((other) => name !== null && other.name === name);
    if (row) Object.assign(row, { event, at });
    else rows.push({ name, event, at });
    const stalest = Math.min(...rows.map((other) => other.at));
    if (rows.length > keep) rows = rows.filter((other) => other.at !== stalest);
  }
  return rows.map(({ event }) => event);
}

const event = fc.record({ id: fc.option(fc.integer({ min: 0, max: 6 })), n: fc.integer() });
const cursor = fc.option(
  fc.integer({ min: 0, max: 40 }).map((n) => `c${n}`),
  { nil: undefined },
);
const came = fc.array(fc.tuple(event, cursor), { maxLength: 60 });

test.each([
  ['the last events', undefined],
  ['one row for each key, where its first event stood', 'id'],
  ['the same by a function', ({ id }: Event) => id],
])('whatever comes, a page shows %s, and a repeat changes nothing', (_, key) => {
  fc.assert(
    fc.property(came, fc.integer({ min: 1, max: 8 }), (events, keep) => {
      const gathering = new Gathering<Event>({ keep, key });
      for (const [one, at] of events) gathering.take(one, at);
      expect(gathering.rows()).toEqual(oracle(events, keep, key !== undefined));
    }),
  );
});

describe('by default', () => {
  const many = Array.from({ length: 300 }, (_, n) => ({ id: n, n }));

  test('the last hundred events are kept', () => {
    const gathering = new Gathering<Event>({});
    for (const one of many) gathering.take(one);
    expect(gathering.rows()).toEqual(many.slice(-100));
  });

  test('every row of a key is kept', () => {
    const gathering = new Gathering<Event>({ key: 'id' });
    for (const one of many) gathering.take(one);
    expect(gathering.rows()).toEqual(many);
  });
});

test('what was cleared away does not come back as a repeat', () => {
  const gathering = new Gathering<Event>({});
  gathering.take({ id: 1, n: 1 }, 'c1');
  gathering.clear();
  expect(gathering.take({ id: 1, n: 1 }, 'c1')).toBe(false);
  expect(gathering.take({ id: 2, n: 2 }, 'c2')).toBe(true);
  expect(gathering.rows()).toEqual([{ id: 2, n: 2 }]);
});

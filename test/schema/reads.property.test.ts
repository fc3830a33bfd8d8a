import fc from 'fast-check';
import { expect, test } from 'vitest';
import { argsWith, fieldWith, record } from './given.js';

/** Claims that are read in every roundabout way there is: within macros, by an index, through a choice, as a whole. */
const rules = [
  'event.tags.exists(t, t == claims.x)',
  'event.tags.all(t, claims.list.exists(c, c == t))',
  'claims.list.exists(c, c == event.s)',
  'claims.list.exists_one(c, c == claims.x)',
  'claims.list.filter(c, c != claims.y).exists(c, c == event.s)',
  'claims.list.map(c, [c, claims.x]).exists(pair, pair[0] == pair[1])',
  'claims.list.exists(c, claims.map[c] == event.s)',
  'claims.map[event.s] == "a"',
  'claims[args.s] == event.s',
  'claims["map"][args.s] == event.s',
  'claims["x"] == event.s',
  'claims.list[event.n] == event.s',
  '[claims.x, claims.y][args.n] == event.s',
  '{"a": claims.x, "b": claims.y}[args.s] == event.s',
  '(event.b ? claims.x : claims.y) == event.s',
  '(event.b ? claims : {"x": "a"}).x == event.s',
  '[claims][0].x == event.s',
  '[claims].exists(c, c.y == event.s)',
  'has(claims.x) && event.s == claims.y',
  'has(claims.map.a) || event.b == true',
  'size(claims.list) > event.n',
  'size(claims) > event.n',
  'string(claims.x) == event.s',
  'event.s in claims.list',
  'event.s in [claims.x, "b"]',
  'claims.x.startsWith(event.s)',
  'event.s == claims.x || event.t in claims.list',
  'args.s == claims.x && event.s == claims.map.a',
];

const text = fc.constantFrom('a', 'b', 'x', 'list');
const value = fc.oneof(text, fc.nat({ max: 2 }), fc.array(text, { maxLength: 2 }), fc.constant(null));
const map = fc.dictionary(fc.constantFrom('a', 'b', 'x'), text);
const claims = fc.record(
  {
    x: fc.oneof({ weight: 3, arbitrary: text }, value),
    y: fc.oneof({ weight: 3, arbitrary: text }, value),
    list: fc.oneof({ weight: 3, arbitrary: fc.array(text, { maxLength: 3 }) }, value),
    map: fc.oneof({ weight: 3, arbitrary: map }, value),
  },
  { requiredKeys: [] },
);
const event = fc.record({
  s: text,
  t: text,
  n: fc.nat({ max: 2 }),
  b: fc.boolean(),
  tags: fc.array(text, { maxLength: 2 }),
});
const args = fc.record({ s: fc.constantFrom('a', 'x', 'y', 'map', null), n: fc.nat({ max: 2 }) });

test.each(rules)('two viewers who differ in what it does not read see the same by %s', (rule) => {
  const { permit, channels, reads } = fieldWith(rule);
  /** Of one viewer what it reads, and of the other all the rest. */
  const mixed = (one: Record<string, unknown>, other: Record<string, unknown>) =>
    reads.claims.includes('*')
      ? one
      : Object.fromEntries([
          ...Object.entries(other).filter(([name]) => !reads.claims.includes(name)),
          ...Object.entries(one).filter(([name]) => reads.claims.includes(name)),
        ]);
  const outcomes = new Set<boolean>();
  fc.assert(
    fc.property(claims, claims, event, args, (one, other, happened, given) => {
      const asked = argsWith(given);
      const verdict = permit(happened, asked, one, record);
      outcomes.add(verdict.pass);
      expect(permit(happened, asked, mixed(one, other), record)).toEqual(verdict);
      expect(channels(asked, mixed(one, other))).toEqual(channels(asked, one));
    }),
    { numRuns: 500 },
  );
  expect(outcomes).toEqual(new Set([true, false]));
});

import fc from 'fast-check';
import { type Ask, type Case, type Field, type Rights, type Selected, topics } from './case.js';
import { ruleOf } from './draw-rule.js';
import type { Kind, Place } from './rules.js';

const kind = fc.constantFrom<Kind>('ID', 'ID', 'String', 'Int', 'Float', 'Boolean');
/** Few, so that they meet; of kinds that must not, and of those that have ever broken a key or a name. */
const values: readonly unknown[] = [
  '1',
  1,
  'a',
  'a',
  '2',
  2,
  1.5,
  true,
  'true',
  '01',
  '',
  0,
  null,
  [],
  { id: '1' },
  '__proto__',
  '\ud800',
  'a:1',
];
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<unknown>('1', 'a', 1) },
  { weight: 2, arbitrary: fc.constantFrom(...values) },
);
const sensible: Readonly<Record<Kind, readonly unknown[]>> = {
  ID: ['1', 'a', '1', 'a', '1', 'a', '__proto__', '', 'a:1'],
  String: ['1', 'a', '1', 'a', 'true', '\ud800'],
  Int: [1, 1, 0, 2],
  Float: [1, 1, 0, -0, 1.5],
  Boolean: [true, false],
};
const mostly = (kind: Kind) =>
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...sensible[kind]) }, { weight: 1, arbitrary: value });

const place = (root: Place['root'], path: string[], kind: Kind): Place => ({ root, path, kind });

const aSchema: fc.Arbitrary<Pick<Case, 'kinds' | 'fields'>> = fc
  .record({ a: kind, b: kind, c: kind, p: kind, q: kind, l: kind })
  .chain((kinds) => {
    const rule = ruleOf({
      event: [place('event', ['a'], kinds.a), place('event', ['b'], kinds.b), place('event', ['deep', 'c'], kinds.c)],
      args: [place('args', ['p'], kinds.p), place('args', ['q'], kinds.q)],
      lists: [place('args', ['l'], kinds.l)],
    });
    const field = fc.record({
      topic: fc.constantFrom(...topics),
      rule,
      access: fc.constantFrom<Field['access']>(
        '@public',
        '@authenticated',
        '@authenticated',
        '@requiresScopes(scopes: [["s"]])',
      ),
      conflated: fc.nat({ max: 4 }).map((n) => n === 0),
    });
    return fc
      .array(field, { minLength: 1, maxLength: 3 })
      .map((fields) => ({ kinds, fields: fields.map((one, n) => ({ ...one, name: `field${n}` })) }));
  });

/** One, and others that are like it but for a thing or two. */
const alike = <T>(one: fc.Arbitrary<T>, part: fc.Arbitrary<Partial<T>>) =>
  fc
    .tuple(one, fc.array(part, { maxLength: 3 }))
    .map(([first, others]) => [first, ...others.map((other) => ({ ...first, ...other }))]);

export const aCase: fc.Arbitrary<Case> = aSchema.chain(({ kinds, fields }) => {
  const scalar = (kind: Kind) => fc.option(fc.constantFrom(...sensible[kind]), { freq: 4 });
  const given = fc.record(
    {
      p: scalar(kinds.p),
      q: scalar(kinds.q),
      l: fc.option(fc.array(fc.constantFrom(...sensible[kinds.l]), { maxLength: 3 })),
    },
    { requiredKeys: [] },
  );
  const ask = {
    alias: fc.constantFrom('note', 'note', 'other'),
    given,
    // Seldom `all`: who selects it shares with nobody.
    selected: fc
      .tuple(
        fc.subarray<Selected>(['a', 'who', 'rank', 'known', 'told'], { minLength: 1, maxLength: 3 }),
        fc.nat({ max: 9 }),
      )
      .map(([some, n]): Selected[] => (n === 0 ? [...some, 'all'] : n === 1 ? [...some, 'secret'] : some)),
    word: fc.constantFrom(0, -0, 1),
    rewind: fc.constantFrom(0, 0, 0, 2, 5),
  };
  return fc.record({
    kinds: fc.constant(kinds),
    fields: fc.constant(fields),
    otherwise: fc.constantFrom(...sensible[kinds.q].filter((one) => one !== '\ud800')),
    rights: alike(fc.record(claims, { requiredKeys: ['sub'] }), fc.record(claims, { requiredKeys: [] })).map(
      (some): Rights[] => [...some, null],
    ),
    asks: alike<Ask>(fc.record(ask), fc.record(ask, { requiredKeys: [] })),
  });
});

const claims = {
  sub: fc.constantFrom<unknown>('1', 'a', '1', 'a', '__proto__', 1),
  x: value,
  'https://x/y': value,
  list: fc.oneof({ weight: 4, arbitrary: fc.array(value, { maxLength: 3 }) }, { weight: 1, arbitrary: value }),
  org: fc.oneof(fc.record({ id: value }), value),
  admin: fc.constantFrom<unknown>(true, false, 'true'),
  scope: fc.constantFrom('s', 's', 's', 't'),
};

/** What happens in a case is about these. */
export function drawn({ kinds, fields, rights, asks }: Case) {
  const note = fc.record(
    {
      a: mostly(kinds.a),
      b: mostly(kinds.b),
      deep: fc.oneof(
        { weight: 5, arbitrary: fc.record({ c: mostly(kinds.c) }, { requiredKeys: [] }) },
        { weight: 1, arbitrary: value },
      ),
      key: fc.nat({ max: 1 }),
      slow: fc.constantFrom(0, 0, 0, 0, 2),
    },
    { requiredKeys: ['slow', 'key'] },
  );
  const record = fc.record({
    key: fc.option(fc.constantFrom('1', 'a', '2')),
    headers: fc.record({ to: fc.constantFrom('1', 'a', 'true') }, { requiredKeys: [] }),
  });
  return {
    rights: fc.constantFrom(...rights),
    ask: fc.constantFrom(...asks),
    event: fc.tuple(note, record),
    field: fc.constantFrom(...fields.map(({ name }) => name)),
  };
}

import fc from 'fast-check';
import { cases } from '../support/properties.js';
import { argsWith, fieldWith } from './given.js';

const texts = [
  '1',
  '2',
  'a',
  '',
  ' 1',
  '01',
  '1.0',
  'true',
  'a:b',
  '%41',
  '\ud800',
  '9007199254740992',
  '9007199254740993',
  'ü',
  '__proto__',
  'x'.repeat(200),
];
const scalar = fc.oneof(
  fc.constantFrom<unknown>(...texts),
  fc.constantFrom<unknown>(
    1,
    2,
    0,
    -0,
    1.5,
    2 ** 53,
    2n ** 53n,
    2n ** 53n + 1n,
    1e20,
    10n ** 20n,
    true,
    false,
    null,
    undefined,
    Number.NaN,
  ),
);
const value = fc.oneof({ weight: 6, arbitrary: scalar }, { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) });
const list = fc.oneof({ weight: 5, arbitrary: fc.array(scalar, { maxLength: 3 }) }, { weight: 1, arbitrary: scalar });

const events = fc.record(
  {
    id: value,
    other: value,
    n: value,
    f: value,
    s: value,
    b: value,
    any: value,
    owner: fc.oneof(fc.record({ id: value }), value),
  },
  { requiredKeys: [] },
);
const viewers = fc.record({
  args: fc.record({ id: value, n: value, f: value, s: value, b: value, ids: list }, { requiredKeys: [] }),
  claims: fc.record({ sub: value, tenant: value, ids: list, roles: list, 'https://x/y': value }, { requiredKeys: [] }),
});

const fields = ['id', 'other', 'n', 'f', 's', 'b', 'any', 'owner.id'];
const theirs = [
  'args.id',
  'args.n',
  'args.f',
  'args.s',
  'args.b',
  'claims.sub',
  'claims.tenant',
  'claims["https://x/y"]',
];
const path = fc.constantFrom(...fields).map((name) => `event.${name}`);
const atom = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(path, fc.constantFrom(...theirs)).map((sides) => sides.join(' == ')) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...theirs), path).map((sides) => sides.join(' == ')) },
  {
    weight: 2,
    arbitrary: fc.tuple(path, fc.constantFrom('claims.ids', 'args.ids')).map((sides) => sides.join(' in ')),
  },
  { weight: 2, arbitrary: fc.constantFrom(...theirs).map((side) => `${side} == null`) },
  fc.constantFrom(
    '"a" in claims.roles',
    'claims.sub == claims.tenant',
    'true',
    'event.b == true',
    'event.f > 1.0',
    'args.id != null',
  ),
  fc.tuple(path, fc.constantFrom(...theirs)).map((sides) => sides.join(' != ')),
  fc.constantFrom(
    'event.n >= claims.tenant',
    'args.f < event.f',
    'event.s.startsWith(claims.sub)',
    'event.f * args.f > 1.0',
    'size(event.s + args.s) > int(claims.tenant)',
    'claims.ids.exists(t, t == event.id)',
    'claims.ids.all(t, t != event.id)',
    'args.ids.exists_one(t, t == event.other)',
    '(event.id in claims.ids) == (event.b == args.b)',
    'has(claims.sub)',
    'claims.sub in [event.id, event.other]',
  ),
);
export const { rule } = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4 },
    atom,
    fc.tuple(tie('rule'), fc.constantFrom('&&', '||'), tie('rule')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('rule'), fc.constantFrom('&&', '||'), tie('rule')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('rule').map((part) => `!(${part})`),
    fc.tuple(tie('rule'), tie('rule'), tie('rule')).map((parts) => `(${parts[0]} ? ${parts[1]} : ${parts[2]})`),
  ),
}));

type Field = ReturnType<typeof fieldWith>;
type Viewer = Parameters<Field['channels']>;

/** Draws rules, each with six events and six viewers, and has every viewer of each that is not refused looked at. */
export function ofDrawnRules(
  look: (drawn: {
    readonly text: string;
    readonly field: Field;
    readonly events: readonly unknown[];
    readonly viewer: Viewer;
  }) => void,
): void {
  const six = { minLength: 6, maxLength: 6 };
  fc.assert(
    fc.property(rule, fc.array(events, six), fc.array(viewers, six), (text, drawn, who) => {
      const field = fieldOrNull(text);
      if (field === null) return;
      for (const { args, claims } of who) look({ text, field, events: drawn, viewer: [argsWith(args), claims] });
    }),
    { numRuns: cases(2500) },
  );
}

/** Rules that compare what cannot meet are refused; the rest are judged. */
export function fieldOrNull(text: string) {
  try {
    return fieldWith(text);
  } catch {
    return null;
  }
}

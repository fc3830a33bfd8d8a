import fc from 'fast-check';
import type { Kind, Place, Rule } from './rules.js';

/** What the comparisons of a schema can be about. */
export interface Vocabulary {
  readonly event: readonly Place[];
  readonly args: readonly Place[];
  readonly lists: readonly Place[];
}

const claim = (...path: string[]): Place => ({ root: 'claims', path, kind: null });
const claims = [claim('sub'), claim('x'), claim('https://x/y'), claim('org', 'id')];
const key: Place = { root: 'record', path: ['key'], kind: 'String' };
const header: Place = { root: 'record', path: ['headers', 'to'], kind: 'String' };

const isText = (kind: Kind | null) => kind === 'ID' || kind === 'String';
const isNumber = (kind: Kind | null) => kind === 'Int' || kind === 'Float';
/** What the product refuses to compare is no rule. */
const meets = (a: Place, b: Place) =>
  a.kind === null ||
  b.kind === null ||
  a.kind === b.kind ||
  (isText(a.kind) && isText(b.kind)) ||
  (isNumber(a.kind) && isNumber(b.kind));

export function ruleOf({ event, args, lists }: Vocabulary): fc.Arbitrary<Rule> {
  const known: readonly Place[] = [...event, ...args, key, header];
  const pairs = [...known].flatMap((left) =>
    [...args, ...claims, ...event]
      .filter((right) => right !== left && meets(left, right))
      .map((right) => ({ left, right })),
  );
  const mine = pairs.filter(({ left, right }) => left.root === 'event' && right.root === 'claims');
  const equal = (some: typeof pairs) =>
    fc.tuple(fc.constantFrom(...some), fc.boolean()).map(
      ([{ left, right }, turned]): Rule => ({
        is: '==',
        left: turned ? right : left,
        right: turned ? left : right,
      }),
    );
  const isIn = event.flatMap((left) =>
    [...lists, claim('list')].filter((right) => meets(left, right)).map((right): Rule => ({ is: 'in', left, right })),
  );
  const numbers = pairs.filter(({ left }) => left.kind !== 'Boolean');
  const atom: fc.Arbitrary<Rule> = fc.oneof(
    { weight: 6, arbitrary: equal(mine) },
    { weight: 3, arbitrary: equal(pairs) },
    { weight: 3, arbitrary: fc.constantFrom(...isIn) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.constantFrom('!=' as const, '<' as const, '<=' as const, '>' as const, '>=' as const),
          fc.constantFrom(...numbers),
        )
        .map(([is, sides]): Rule => ({ is, ...sides })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('null' as const, 'not null' as const), fc.constantFrom(...known, ...claims))
        .map(([is, of]): Rule => ({ is, of })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Rule>(
        { is: 'bare', of: claim('admin') },
        { is: 'in', left: { literal: 'a', kind: 'String' }, right: claim('list') },
        { is: '==', left: claim('sub'), right: claim('x') },
        { is: '==', left: claim('x'), right: { literal: 'a', kind: 'String' } },
      ),
    },
  );
  return fc.letrec<{ rule: Rule }>((tie) => {
    const two = fc.tuple(tie('rule'), tie('rule'));
    return {
      rule: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        atom,
        two.map(([left, right]): Rule => ({ is: '&&', left, right })),
        two.map(([left, right]): Rule => ({ is: '||', left, right })),
        fc
          .tuple(fc.constantFrom(...args), tie('rule'))
          .map(([of, right]): Rule => ({ is: '||', left: { is: 'null', of }, right })),
        tie('rule').map((of): Rule => ({ is: '!', of })),
        fc.tuple(tie('rule'), two).map(([of, [left, right]]): Rule => ({ is: '?', of, left, right })),
      ),
    };
  }).rule;
}

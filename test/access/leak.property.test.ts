import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cases } from '../support/properties.js';
import { aHunt } from './leak/hunt.js';
import { judged, type Kind, type Place, printed, type Rule, type Truth } from './leak/rules.js';

test('whatever is renewed, revoked and resumed, nobody is shown what a rule, judged by itself, keeps from them, and everybody the rest', async () => {
  const seen = { shown: 0, shared: 0, hidden: 0 };
  const property = fc.asyncProperty(aHunt, async (hunt) => {
    const { shown, shared, hidden } = await hunt.run();
    seen.shown += shown;
    seen.shared += shared;
    seen.hidden += hidden;
  });
  // Nobody reads what is found in a product that was broken on purpose.
  const endOnFailure = process.env.WITHOUT !== undefined;
  await fc.assert(property, { numRuns: cases(500), endOnFailure });
  // A hunt in which nobody is shown anything finds nothing.
  expect(Math.min(seen.shown, seen.hidden)).toBeGreaterThan(cases(1_000));
  expect(seen.shared).toBeGreaterThan(cases(200));
}, 120_000);

const place = (root: Place['root'], name: string, kind: Kind | null = null): Place => ({ root, path: [name], kind });
const id = place('event', 'id', 'ID');
const [sub, ids, n] = [place('claims', 'sub'), place('claims', 'ids'), place('args', 'n', 'Int')];
const mine: Rule = { is: '==', left: id, right: sub };
const listed: Rule = { is: 'in', left: id, right: ids };
const enough: Rule = { is: '>=', left: place('event', 'n', 'Int'), right: n };
const nothing = { event: {}, args: { n: null }, claims: {} };

/** As PROTOCOL.md has them. */
const rows: readonly (readonly [Rule, Partial<typeof nothing>, Truth])[] = [
  [mine, { event: { id: 1 }, claims: { sub: '1' } }, true],
  [mine, { event: { id: '01' }, claims: { sub: 1 } }, false],
  [{ is: '==', left: place('event', 'n', 'Int'), right: sub }, { event: { n: 1 }, claims: { sub: '01' } }, 'error'],
  [mine, { event: { id: null }, claims: { sub: null } }, 'error'],
  [{ is: '!', of: mine }, { event: { id: '1' } }, 'error'],
  [{ is: 'null', of: id }, {}, true],
  [{ is: '||', left: { is: 'null', of: n }, right: enough }, { event: { n: 1 } }, true],
  [{ is: '||', left: { is: 'null', of: n }, right: enough }, { event: { n: 1 }, args: { n: 2 } } as object, false],
  [{ is: '&&', left: mine, right: { is: 'not null', of: id } }, {}, false],
  [listed, { event: { id: 1 }, claims: { ids: ['0', '1'] } }, true],
  [listed, { event: { id: '1' }, claims: { ids: '123' } }, 'error'],
  [listed, { event: { id: '1' }, claims: { ids: [] } }, false],
  [{ is: '!', of: listed }, { event: { id: '1' } }, 'error'],
  [{ is: 'bare', of: place('claims', 'admin') }, { claims: { admin: 'true' } }, 'error'],
];

test.each(rows.map(([rule, given, truth]) => ({ text: printed(rule), rule, given, truth })))(
  'the hunt knows rules as PROTOCOL.md tells them: $text of $given is $truth',
  ({ rule, given, truth }) => {
    expect(judged(rule, { ...nothing, ...given, record: { key: null, headers: {} } })).toBe(truth);
  },
);

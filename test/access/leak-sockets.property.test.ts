import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cases } from '../support/properties.js';
import type { Ask, Case, Draft } from './leak/case.js';
import { aDay, lived, type Step } from './leak/day.js';
import type { Facts } from './leak/rules.js';

test('over real sockets and streams of two gateways, renewed, revoked and resumed elsewhere as somebody else: to each their own', async () => {
  let shown = 0;
  await fc.assert(
    fc.asyncProperty(aDay, async (day) => {
      shown += (await day.run()).shown;
    }),
    { numRuns: cases(60), endOnFailure: process.env.WITHOUT !== undefined },
  );
  expect(shown).toBeGreaterThan(cases(100));
}, 60_000);

const open: Case = {
  kinds: { a: 'ID', b: 'ID', c: 'ID', p: 'ID', q: 'ID', l: 'ID' },
  fields: [
    {
      name: 'field0',
      topic: 'notes',
      rule: { is: 'null', of: { root: 'event', path: ['b'], kind: 'ID' } },
      access: '@public',
      conflated: false,
    },
  ],
  otherwise: '1',
  rights: [],
  asks: [],
};
const ask: Ask = { alias: 'note', given: {}, selected: ['a'], word: 0, rewind: 0 };
const draft: Draft = { slow: 0, key: 0, a: '1' };
const some = Array.from({ length: 3 }, (): [Draft, Facts['record']] => [draft, { key: null, headers: {} }]);
const returns: Step = { returns: 0, at: 1, as: { sub: 'b' }, topic: 'notes', meanwhile: some, joint: some };

test.each(['webSocket', 'events'] as const)(
  'the hunt sees all that comes to who is moved elsewhere, over %s',
  async (over) => {
    const joins: Step = { joins: { sub: 'a' }, over, at: 0, field: 'field0', ask };
    const { shown } = await lived(open, [joins, { topic: 'notes', produce: some }, returns]);
    expect(shown).toBe(9);
  },
);

import { expect, test } from 'vitest';
import type { Loss } from '../../../src/event/publication.js';
import { lossAfter, lossIn, toldAgain } from '../../../src/relay/placement/loss.js';

const recreated = { reason: 'TOPIC_RECREATED', missed: null } as const;
const again = { reason: 'TOPIC_RECREATED' };
const lost = (since?: number) => ({ reason: 'LOG_LOST', missed: 3, ...(since && { since }) }) as const;
const cut = (offset: number, origin = 'a') => ({ ...recreated, cut: { origin, offset } });
const after = (...gaps: Parameters<typeof lossAfter>[1][]) =>
  gaps.reduce<Loss | null>((known, gap, i) => lossAfter(known, gap, 100 + i), null);

test('a mark concerns who stood before it, or whom it says', () => {
  expect(after(recreated)).toEqual({ reason: 'TOPIC_RECREATED', since: 100, changedAt: 100 });
  expect(after(lost(70))).toEqual({ reason: 'LOG_LOST', since: 70 });
  expect(after({ reason: 'SOURCE_LOST', missed: 1 }, lost(70))).toEqual({ reason: 'LOG_LOST', since: 100 });
});

test('a change of the schema is not told again: what is written again goes by the routes of now', () => {
  expect(after({ reason: 'SCHEMA_CHANGED', missed: null, routes: ['a'] })).toBeNull();
});

test('of several marks one is left, which makes void what any of them does', () => {
  // Of whoever came in between nothing is void.
  expect(after(cut(7), lost(150))).toEqual({ ...again, since: 150, changedAt: 100, cut: { origin: 'a', offset: 7 } });
  expect(after(cut(7), cut(9))).toMatchObject({ cut: { origin: 'a', offset: 7 } });
  expect(after(cut(7), cut(0, 'b'), cut(5, 'b'))).toMatchObject({ cut: { origin: 'b', offset: 0 } });
  expect(after(cut(7), recreated)).toEqual({ ...again, since: 101, changedAt: 101 });
  expect(after(recreated, cut(7))).toEqual({ ...again, since: 101, changedAt: 101 });
});

test('the newest mark that a log has tells what those before it told', () => {
  const source = { cluster: 'c', topic: 't', partition: 0 };
  const position = { shard: 0, epoch: 'e', number: 1, time: 180 };
  const before = after(cut(7)) as Loss;
  expect(lossIn(null)).toBeNull();
  expect(lossIn({ reason: 'SOURCE_LOST', missed: 4, before, source, position })).toEqual({ ...before, since: 180 });
  const change = { reason: 'SCHEMA_CHANGED', missed: null, routes: ['a'] } as const;
  expect(lossIn({ ...change, before, source, position })).toEqual(before);
  expect(lossIn({ ...change, source, position })).toBeNull();
});

test('it is told again to those whom it concerned, together with what is lost now', () => {
  const place = { epoch: 'e', number: 1, time: 80 };
  expect(toldAgain(null, null, place)).toBeNull();
  expect(toldAgain(lost(70), null, place)).toEqual(lost(70));
  expect(toldAgain(null, after(cut(7)), place)).toEqual({ ...cut(7), since: 100, changedAt: 100, told: place });
  expect(toldAgain(lost(170), after(cut(7)), null)).toEqual({ ...cut(7), since: 170, changedAt: 100 });
  // Of which nobody knows when it came, it concerns everybody.
  expect(toldAgain(lost(), after(cut(7)), place)).toEqual({ ...cut(7), changedAt: 100 });
});

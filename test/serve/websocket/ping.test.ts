import { expect, test } from 'vitest';
import type { Running } from '../../../src/graphql/running/running.js';
import { heartbeatOf, pingOf } from '../../../src/serve/websocket/ping.js';

/** A stream that stands at this cursor. */
const at = (cursor: string | null, gap: object | null = null) =>
  ({ kind: 'running', cursor: () => cursor, gap }) as unknown as Running;
const told = (operations: [string, Running][]) => JSON.parse(pingOf(...operations)).payload;

test('a heartbeat brings each stream its cursor, and its gap, whatever its id', () => {
  const gap = { reason: 'TRIMMED', missed: null };
  const ids = ['1', '', '__proto__', 'constructor', '"\\\u2028', '\ud800'];
  const { cursors } = told(ids.map((id, n) => [id, at(`c${n}`)]));
  expect(Object.entries(cursors)).toEqual(ids.map((id, n) => [id, `c${n}`]));
  const { gaps } = told(ids.map((id, n) => [id, at(`c${n}`, gap)]));
  expect(Object.entries(gaps)).toEqual(ids.map((id) => [id, gap]));
});

test('a stream whose gap waits for its event gets the gap and no cursor, and the others theirs', () => {
  const gap = { reason: 'SOURCE_LOST', missed: 7 };
  const live = new Map<string, Running>([
    ['1', at('a')],
    ['2', at('b', gap)],
    ['3', at(null)],
    ['4', at(null, gap)],
  ]);
  expect(JSON.parse(heartbeatOf(live)).payload).toEqual({ cursors: { 1: 'a' }, gaps: { 2: gap, 4: gap } });
  expect(told([['2', at('b', gap)]])).toEqual({ cursors: {}, gaps: { 2: gap } });
  expect(told([['3', at(null)]])).toBeUndefined();
});

test('it stays below what a client may send back, and one long id takes no cursor from the others', () => {
  const long = 'é'.repeat(20_000);
  const { cursors } = told([
    ['1', at('a')],
    [long, at('b')],
    ['2', at('c')],
  ]);
  expect(cursors).toEqual({ 1: 'a', 2: 'c' });
  const many = Array.from({ length: 1_000 }, (_, n): [string, Running] => [`${n}`, at('x'.repeat(60))]);
  expect(pingOf(...many).length).toBeLessThan(33_000);
});

test('gaps count for that, and what an id becomes as JSON', () => {
  const gap = { reason: 'TRIMMED', missed: null };
  const many = Array.from({ length: 1_000 }, (_, n): [string, Running] => [`\u0000${n}`, at('x'.repeat(60), gap)]);
  expect(pingOf(...many).length).toBeLessThan(33_000);
  const live = new Map(many);
  const had = new Set<string>();
  for (let beat = 0; beat < 4; beat++) {
    for (const id of Object.keys(JSON.parse(heartbeatOf(live)).payload.gaps)) had.add(id);
  }
  expect(had.size).toBe(1_000);
});

test('of more streams than fit into a heartbeat each gets its turn, also while others come and go', () => {
  const live = new Map(Array.from({ length: 1_000 }, (_, n): [string, Running] => [`${n}`, at('x'.repeat(60))]));
  live.set('é'.repeat(20_000), at('too long for any'));
  const had = new Set<string>();
  for (let beat = 0; beat < 4; beat++) {
    for (const id of Object.keys(JSON.parse(heartbeatOf(live)).payload.cursors)) had.add(id);
    live.delete(`${beat}`);
    live.set(`new ${beat}`, at('x'.repeat(60)));
  }
  expect([...live.keys()].filter((id) => !had.has(id) && /^\d+$/.test(id))).toEqual([]);
  expect(had).toContain('new 0');
});

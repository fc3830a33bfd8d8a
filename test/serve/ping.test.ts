import { expect, test } from 'vitest';
import type { Running } from '../../src/graphql/engine.js';
import { pingOf } from '../../src/serve/ping.js';

/** A stream that stands at this cursor. */
const at = (cursor: string, gap: object | null = null) =>
  ({ kind: 'stream', cursor: () => cursor, gap }) as unknown as Running;
const told = (operations: [string, Running][]) => JSON.parse(pingOf(operations)).payload;

test('a heartbeat brings each stream its cursor, and its gap, whatever its id', () => {
  const gap = { reason: 'TRIMMED', missed: null };
  const ids = ['1', '', '__proto__', 'constructor', '"\\\u2028', '\ud800'];
  const { cursors, gaps } = told(ids.map((id, n) => [id, at(`c${n}`, id === '__proto__' ? gap : null)]));
  expect(Object.entries(cursors)).toEqual(ids.map((id, n) => [id, `c${n}`]));
  expect(Object.entries(gaps)).toEqual([['__proto__', gap]]);
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
  expect(pingOf(many).length).toBeLessThan(33_000);
});

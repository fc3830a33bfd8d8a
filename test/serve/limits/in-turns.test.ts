import { expect, test } from 'vitest';
import { inTurns } from '../../../src/serve/limits/in-turns.js';
import { eventually } from '../../support/eventually.js';

test('what becomes due at one moment is done in its order, whenever it came', async () => {
  const done: number[] = [];
  const act = inTurns((n: number) => void done.push(n));
  const all = Array.from({ length: 100 }, (_, n) => n);
  for (const n of all) act(n);
  expect(done).toEqual([]);
  await eventually('all are done', () => done.length === all.length);
  expect(done).toEqual(all);
  act(100);
  await eventually('the next one too', () => done.length === 101);
});

test('no turn does more than a few', async () => {
  let done = 0;
  const act = inTurns((_: number) => void done++);
  for (let n = 0; n < 100; n++) act(n);
  const perTurn: number[] = [];
  while (done < 100) {
    const before = done;
    await new Promise((resolve) => setImmediate(resolve));
    perTurn.push(done - before);
  }
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(32);
});

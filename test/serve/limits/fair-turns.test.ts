import { expect, test } from 'vitest';
import { FairTurns } from '../../../src/serve/limits/fair-turns.js';
import { eventually } from '../../support/eventually.js';

/** Each that is heard takes a millisecond. */
function hearing() {
  let time = 0;
  const turns = new FairTurns(() => time);
  const heard: string[] = [];
  async function come(address: string, what: string) {
    await turns.wait(address);
    time++;
    heard.push(what);
  }
  return { turns, heard, come };
}

test('while there is time, whoever comes is heard at once', () => {
  const { turns } = hearing();
  for (let n = 0; n < 100; n++) expect(turns.wait('a')).toBeNull();
});

test('no turn hears more than its time, however many come together', async () => {
  const { heard, come } = hearing();
  const count = 100;
  for (let n = 0; n < count; n++) {
    void come('a', `${n}`);
    await null;
  }
  const perTurn: number[] = [];
  while (heard.length < count) {
    const before = heard.length;
    await new Promise((resolve) => setImmediate(resolve));
    perTurn.push(heard.length - before);
  }
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(6);
});

test('an address is heard in its order, and next to one that sends a hundred times as much', async () => {
  const { heard, come } = hearing();
  for (let n = 0; n < 100; n++) {
    void come('many', `many ${n}`);
    await null;
  }
  for (let n = 0; n < 3; n++) void come('few', `few ${n}`);
  await eventually('all are heard', () => heard.length === 103);
  const of = (name: string) => heard.filter((one) => one.startsWith(name));
  expect(of('many')).toEqual(Array.from({ length: 100 }, (_, n) => `many ${n}`));
  expect(of('few')).toEqual(['few 0', 'few 1', 'few 2']);
  // A few of the many were heard before anything had to wait.
  expect(heard.indexOf('few 2')).toBeLessThan(20);
});

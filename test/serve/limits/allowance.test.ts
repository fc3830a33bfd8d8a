import { expect, test } from 'vitest';
import { Allowance } from '../../../src/serve/limits/allowance.js';

test('so many a second and no more, and a rest is made up for up to the burst', () => {
  let now = 0;
  const allowance = new Allowance(10, 20, () => now);
  const takeAll = () => {
    let taken = 0;
    while (allowance.take()) taken++;
    return taken;
  };
  expect(takeAll()).toBe(20);
  now += 500;
  expect(takeAll()).toBe(5);
  now += 60_000;
  expect(takeAll()).toBe(20);
  let rest = 0;
  for (let tick = 0; tick < 1_000; tick++) {
    now += 10;
    rest += takeAll();
  }
  expect(rest).toBeGreaterThanOrEqual(99);
  expect(rest).toBeLessThanOrEqual(100);
});

test('what is given back can be taken again', () => {
  const allowance = new Allowance(1, 1, () => 0);
  expect([allowance.take(), allowance.take()]).toEqual([true, false]);
  allowance.giveBack();
  expect(allowance.take()).toBe(true);
});

test('what is taken without being there is owed, and until it is paid nothing is left', () => {
  let now = 0;
  const allowance = new Allowance(10, 20, () => now);
  allowance.owe(25);
  expect([allowance.take(0), allowance.until(0), allowance.until(2)]).toEqual([false, 500, 700]);
  now = 700;
  expect([allowance.until(0), allowance.until(2), allowance.take(2), allowance.take()]).toEqual([0, 0, true, false]);
  now = 100_000;
  expect([allowance.until(20), allowance.take(20), allowance.until(1)]).toEqual([0, true, 100]);
});

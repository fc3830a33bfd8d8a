import { expect, test } from 'vitest';
import { Lateness } from '../../../src/serve/websocket/lateness.js';

function clocked() {
  let time = 1_000;
  const lateness = new Lateness(() => time);
  return {
    sum: () => lateness.sum(),
    /** For so long. */
    late(milliseconds: number) {
      lateness.set(true);
      time += milliseconds;
    },
    inTime(milliseconds: number) {
      lateness.set(false);
      time += milliseconds;
    },
  };
}

test('who is late without a break is so for all of that time, also while it goes on', () => {
  const one = clocked();
  one.late(100);
  expect(one.sum()).toBe(100);
  one.late(50);
  one.inTime(1);
  one.late(10);
  expect(one.sum()).toBe(159);
});

test('who is late now and then, and less than half of the time, never comes to more than once', () => {
  const one = clocked();
  for (let n = 0; n < 100; n++) {
    one.late(400);
    expect(one.sum()).toBe(400);
    one.inTime(600);
    expect(one.sum()).toBe(0);
  }
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Backlog } from '../../../src/serve/websocket/backlog.js';

const message = fc.oneof(fc.string({ maxLength: 500 }), fc.constant('long'.repeat(20_000)));
/** Put in, or, where null, taken out. */
const steps = fc.array(fc.oneof(message, fc.constant(null)), { maxLength: 200 });

test('what waits comes out as it went in, in order, whatever is put in and taken out between', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const backlog = new Backlog();
      const waiting: string[] = [];
      const taken: (Buffer | null)[] = [];
      const expected: (string | null)[] = [];
      const take = () => {
        taken.push(backlog.shift());
        expected.push(waiting.shift() ?? null);
      };
      for (const message of all) {
        if (message === null) take();
        else {
          backlog.push(Buffer.from(message));
          waiting.push(message);
        }
      }
      while (waiting.length > 0) take();
      take();
      // Those that were taken out first, too: nobody has written over them.
      expect(taken.map((one) => one && String(one))).toEqual(expected);
      expect(backlog.bytes).toBe(0);
    }),
  );
});

test('ten thousand messages of two bytes take what they are, not what ten thousand objects take', () => {
  const before = process.memoryUsage();
  const backlogs = Array.from({ length: 50 }, () => {
    const backlog = new Backlog();
    for (let n = 0; n < 10_000; n++) backlog.push(Buffer.from('{}'));
    return backlog;
  });
  const { arrayBuffers } = process.memoryUsage();
  const each = (arrayBuffers - before.arrayBuffers) / backlogs.length;
  expect(backlogs.map(({ bytes }) => bytes)).toEqual(Array(50).fill(60_000));
  expect(each).toBeLessThan(3 * 60_000);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { events, fieldOrNull, rule, viewers } from './drawn.js';
import { argsWith, record } from './given.js';

test('to whom nothing can come, no event ever does; and whoever listens to no channel is one of them', () => {
  let hopeless = 0;
  let silent = 0;
  fc.assert(
    fc.property(
      rule,
      fc.array(events, { minLength: 6, maxLength: 6 }),
      fc.array(viewers, { minLength: 6, maxLength: 6 }),
      (text, drawn, who) => {
        const field = fieldOrNull(text);
        if (field === null) return;
        for (const { args, claims } of who) {
          const lacks = field.lacks(argsWith(args), claims);
          const passed = drawn.filter((event) => field.permit(event, argsWith(args), claims, record).pass);
          if (lacks !== null) {
            hopeless++;
            if (passed.length > 0) throw new Error(`${text} lets pass, and lacks ${lacks.join()}`);
          }
          if (field.channels(argsWith(args), claims).length === 0) {
            silent++;
            if (lacks === null) throw new Error(`${text} has no channel, and lacks nothing`);
          }
        }
      },
    ),
    { numRuns: 2500 },
  );
  expect(hopeless).toBeGreaterThan(2_000);
  expect(silent).toBeGreaterThan(500);
});

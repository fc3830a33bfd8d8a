import { expect, test } from 'vitest';
import { cases } from '../../support/properties.js';
import { ofDrawnRules } from '../drawn.js';
import { record } from '../given.js';

test('to whom nothing can come, no event ever does; and whoever listens to no channel is one of them', () => {
  let hopeless = 0;
  let silent = 0;
  ofDrawnRules(({ text, field, events, viewer }) => {
    const lacks = field.lacks(...viewer);
    const passed = events.filter((event) => field.permit(event, ...viewer, record).pass);
    if (lacks !== null) {
      hopeless++;
      if (passed.length > 0) throw new Error(`${text} lets pass, and lacks ${lacks.join()}`);
    }
    if (field.channels(...viewer).length === 0) {
      silent++;
      if (lacks === null) throw new Error(`${text} has no channel, and lacks nothing`);
    }
  });
  expect(hopeless).toBeGreaterThan(cases(2_000));
  expect(silent).toBeGreaterThan(cases(500));
});

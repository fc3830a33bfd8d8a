import { describe, expect, test } from 'vitest';
import { compileSchema } from '../../src/schema/compile.js';

function conflation(directive: string) {
  const sdl = `
    type Subscription { vehicle: Vehicle! @kafka(topic: "t") @public ${directive} }
    type Vehicle { id: ID! line: ID! @from(path: "trip.line") tags: [String!] }`;
  const { schema, problems } = compileSchema(sdl, { retention: { retain: 1_000, max: 10 } });
  return { conflation: schema?.fields.get('vehicle')?.conflation, faults: problems.map(({ message }) => message) };
}

describe('@conflate', () => {
  test('says how often, and by which value of the record', () => {
    const { conflation: said } = conflation('@conflate(by: "trip.line", every: "250ms")');
    expect(said?.every).toBe(250);
    expect(said?.keyOf({ id: 'v1', trip: { line: 7 } })).toBe('7');
    expect(said?.keyOf({ id: 'v1', trip: { line: '7' } })).toBe('"7"');
  });

  test('an event without that value has no key', () => {
    const { conflation: said } = conflation('@conflate(by: "trip.line", every: "1s")');
    for (const event of [{}, { trip: null }, { trip: { line: null } }, null, 5]) expect(said?.keyOf(event)).toBeNull();
  });

  test('takes the record’s names, as rules do, and one plain value', () => {
    expect(conflation('@conflate(by: "line", every: "1s")').faults).toEqual([
      expect.stringContaining('`line` is unknown in Vehicle'),
    ]);
    expect(conflation('@conflate(by: "trip", every: "1s")').faults).toEqual([
      expect.stringContaining('a key is one plain value'),
    ]);
    expect(conflation('@conflate(by: "tags", every: "1s")').faults).toEqual([
      expect.stringContaining('it is a list, and a key is one plain value'),
    ]);
  });

  test('is absent without the directive', () => {
    expect(conflation('').conflation).toBeNull();
  });
});

import { describe, expect, test } from 'vitest';
import { compileSchema } from '../../../src/schema/compile.js';

function conflation(directive: string) {
  const sdl = `
    type Subscription { vehicle: Vehicle! @kafka(topic: "t") @public ${directive} }
    type Vehicle { id: ID! line: ID! @from(path: "trip.line") tags: [String!]
      host: ID @from(path: "['host.name'].id") name: ID @from(path: "names[0].text") }`;
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

  test('may name a key that holds dots, and an element of a list', () => {
    const by = (path: string) => conflation(`@conflate(by: ${JSON.stringify(path)}, every: "1s")`);
    expect(by("['host.name'].id").conflation?.keyOf({ 'host.name': { id: 'h' } })).toBe('"h"');
    expect(by('names[0].text').conflation?.keyOf({ names: [{ text: 'n' }] })).toBe('"n"');
    expect(by('names[0].text').conflation?.keyOf({ names: [] })).toBeNull();
    expect(by('tags[0]').faults).toEqual([]);
    expect(by('tags.0').faults).toEqual([expect.stringContaining('`tags` is a list: write tags[0]')]);
    expect(by('id[0]').faults).toEqual([expect.stringContaining('`id` is an ID')]);
    for (const none of ['', 'a..b', 'id[', "['id'"])
      expect(by(none).faults).toEqual([expect.stringContaining('is no dotted path')]);
  });

  test('is absent without the directive', () => {
    expect(conflation('').conflation).toBeNull();
  });
});

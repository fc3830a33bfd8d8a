import { describe, expect, test } from 'vitest';
import { ExtractError, type Source } from '../../src/schema/stream-schema.js';
import { compiled, record } from './given.js';

function sourceWith(kafka: string): Source {
  const { topics } = compiled(`type Subscription { a: E @kafka(topic: "t"${kafka}) @public } type E { id: ID }`);
  const source = topics.get('t')?.sources[0];
  if (source === undefined) throw new Error('the source is missing');
  return source;
}

describe('the events of a record', () => {
  test('are its value, whose bytes may be kept, when nothing is said', () => {
    for (const kafka of ['', ', pick: "record.value"', ', pick: "record[\\"value\\"]"'])
      expect(sourceWith(kafka).extract(record, { id: 1 })).toEqual([{ id: 1 }]);
    expect(sourceWith('').verbatim).toBe(true);
    expect(sourceWith(', pick: "record.value"').verbatim).toBe(true);
    expect(sourceWith('').extract(record, null)).toEqual([]);
  });

  test('are what pick takes out, none for a null', () => {
    const source = sourceWith(', pick: "record.value.payload.after"');
    expect(source.verbatim).toBe(false);
    expect(source.extract(record, { payload: { after: { id: 1 } } })).toEqual([{ id: 1 }]);
    expect(source.extract(record, { payload: { after: null } })).toEqual([]);
  });

  test('may be made of the key and the headers too', () => {
    const source = sourceWith(`, pick: "{'id': record.key, 'kind': record.headers.kind, 'value': record.value}"`);
    expect(source.extract(record, 5)[0]).toMatchObject({ id: 'k', kind: 'x', value: 5 });
    expect(JSON.stringify(source.extract(record, 5)[0])).toBe('{"id":"k","kind":"x","value":5}');
  });

  test('are the elements of each, with nulls in their places, which go to nobody', () => {
    const source = sourceWith(', each: "record.value.list"');
    expect(source.verbatim).toBe(false);
    const events = source.extract(record, { list: [1, null, 2] });
    expect(events).toEqual([1, null, 2]);
    expect(events.map((event) => source.routes[0]?.channel(event) !== null)).toEqual([true, false, true]);
    expect(source.extract(record, { list: [] })).toEqual([]);
  });

  test('may be chosen and reshaped by each', () => {
    const source = sourceWith(`, each: "record.value.filter(e, e.kind == 'x').map(e, e.data)"`);
    expect(
      source.extract(record, [
        { kind: 'x', data: 1 },
        { kind: 'y', data: 2 },
      ]),
    ).toEqual([1]);
  });
});

describe('a record is a dead letter', () => {
  test.each<[kafka: string, value: unknown]>([
    [', pick: "record.value.payload"', {}],
    [', pick: "record.value.payload.after"', { payload: 5 }],
    [', pick: "record.value.n + 1"', { n: 'x' }],
    [', each: "record.value.list"', {}],
    [', each: "record.value.list"', { list: null }],
    [', each: "record.value.list"', { list: { 0: 'a' } }],
    [', each: "record.value.list"', 'text'],
  ])('when %s meets %j', (kafka, value) => {
    expect(() => sourceWith(kafka).extract(record, value)).toThrow(ExtractError);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultCluster } from '../../../src/event/source-event.js';
import { ExtractError, type Extractor } from '../../../src/schema/stream-schema.js';
import { compiled, record } from '../given.js';

function extractorWith(kafka: string): Extractor {
  const { topics } = compiled(`type Subscription { a: E @kafka(topic: "t"${kafka}) @public } type E { id: ID }`);
  const extractor = topics.in(defaultCluster).get('t')?.extractors[0];
  if (extractor === undefined) throw new Error('the extractor is missing');
  return extractor;
}

describe('the events of a record', () => {
  test('are its value, whose bytes may be kept, when nothing is said', () => {
    for (const kafka of ['', ', pick: "record.value"', ', pick: "record[\\"value\\"]"'])
      expect(extractorWith(kafka).extract(record, { id: 1 })).toEqual([{ id: 1 }]);
    expect(extractorWith('').verbatim).toBe(true);
    expect(extractorWith(', pick: "record.value"').verbatim).toBe(true);
    expect(extractorWith('').extract(record, null)).toEqual([]);
  });

  test('are what pick takes out, none for a null', () => {
    const source = extractorWith(', pick: "record.value.payload.after"');
    expect(source.verbatim).toBe(false);
    expect(source.extract(record, { payload: { after: { id: 1 } } })).toEqual([{ id: 1 }]);
    expect(source.extract(record, { payload: { after: null } })).toEqual([]);
  });

  test('may be made of the key and the headers too', () => {
    const source = extractorWith(`, pick: "{'id': record.key, 'kind': record.headers.kind, 'value': record.value}"`);
    expect(source.extract(record, 5)[0]).toMatchObject({ id: 'k', kind: 'x', value: 5 });
    expect(JSON.stringify(source.extract(record, 5)[0])).toBe('{"id":"k","kind":"x","value":5}');
  });

  test('are the elements of each, with nulls in their places, which go to nobody', () => {
    const source = extractorWith(', each: "record.value.list"');
    expect(source.verbatim).toBe(false);
    const events = source.extract(record, { list: [1, null, 2] });
    expect(events).toEqual([1, null, 2]);
    expect(events.map((event) => source.routes[0]?.channel(event) !== null)).toEqual([true, false, true]);
    expect(source.extract(record, { list: [] })).toEqual([]);
  });

  test('may be chosen and reshaped by each', () => {
    const source = extractorWith(`, each: "record.value.filter(e, e.kind == 'x').map(e, e.data)"`);
    expect(
      source.extract(record, [
        { kind: 'x', data: 1 },
        { kind: 'y', data: 2 },
      ]),
    ).toEqual([1]);
  });
});

describe('null is a value', () => {
  const note = "{'id': record.value.id, 'note': record.value.note}";
  const optional = "{'id': record.value.id, 'note': has(record.value.note) ? record.value.note : null}";

  test.each<[pick: string, value: unknown, event: unknown]>([
    [note, { id: 2, note: null }, { id: 2, note: null }],
    [optional, { id: 2, note: null }, { id: 2, note: null }],
    [optional, { id: 2 }, { id: 2, note: null }],
    [optional, { id: 2, note: 'x' }, { id: 2, note: 'x' }],
    ["{'a': null, 'b': {'c': [1, null, {'d': null}]}}", {}, { a: null, b: { c: [1, null, { d: null }] } }],
    ["{'a': record.value.list.map(e, e.x)}", { list: [{ x: 1 }, { x: null }] }, { a: [1, null] }],
    ["{'a': record.value.list.map(e, has(e.x) ? e.x : null)}", { list: [{}, { x: 2 }] }, { a: [null, 2] }],
    ["{'a': record.value.yes ? (record.value.no ? 1 : null) : 'x'}", { yes: true, no: false }, { a: null }],
    ["{'a': record.value.yes ? (record.value.no ? null : null) : 'x'}", { yes: false, no: false }, { a: 'x' }],
    ["{'a': [null, record.value.n, 'x', 1.5, true]}", { n: null }, { a: [null, null, 'x', 1.5, true] }],
    ["{'key': record.key, 'a': dyn(record.value.n), 'b': dyn(null)}", { n: null }, { key: 'k', a: null, b: null }],
  ])('%s of %j', (pick, value, event) => {
    expect(JSON.parse(JSON.stringify(extractorWith(`, pick: "${pick}"`).extract(record, value)))).toEqual([event]);
  });

  test('in one element of each, and its siblings are events too', () => {
    const source = extractorWith(`, each: "record.value.map(e, {'id': e.id, 'note': e.note})"`);
    const value = [
      { id: 1, note: 'a' },
      { id: 2, note: null },
      { id: 3, note: 'c' },
    ];
    expect(JSON.parse(JSON.stringify(source.extract(record, value)))).toEqual(value);
  });

  test('and what is missing is none: a misspelt name would be null in every event', () => {
    for (const pick of [note, '[record.value.note, record.value.id]', "{'a': record.value.list.map(e, e.x)}"])
      expect(() => extractorWith(`, pick: "${pick}"`).extract(record, { id: 1, list: [{}] })).toThrow(ExtractError);
  });
});

/** Expressions with what they give of `optional`. */
type Made = { readonly text: string; readonly value: unknown };
const optional = { id: 7, note: null, deep: { n: null, s: 'x' } };
const { made } = fc.letrec<{ made: Made }>((tie) => ({
  made: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Made[]>(
      { text: 'null', value: null },
      { text: '1', value: 1 },
      { text: '"a"', value: 'a' },
      { text: 'record.value.note', value: null },
      { text: 'record.value.deep.s', value: 'x' },
      { text: 'has(record.value.gone) ? record.value.gone : null', value: null },
      { text: 'has(record.value.id) ? record.value.id : null', value: 7 },
    ),
    fc.array(tie('made'), { maxLength: 3 }).map((all) => ({
      text: `[${all.map(({ text }) => text).join(', ')}]`,
      value: all.map(({ value }) => value),
    })),
    fc.dictionary(fc.constantFrom('a', 'b', 'c.d'), tie('made')).map((all) => ({
      text: `{${Object.entries(all).map(([key, { text }]) => `"${key}": ${text}`)}}`,
      value: Object.fromEntries(Object.entries(all).map(([key, { value }]) => [key, value])),
    })),
    fc.tuple(fc.boolean(), tie('made'), tie('made')).map(([yes, one, other]) => ({
      text: `(record.value.id == ${yes ? 7 : 8} ? ${one.text} : ${other.text})`,
      value: yes ? one.value : other.value,
    })),
    tie('made').map(({ text, value }) => ({ text: `[1, 2].map(x${text.length}, ${text})`, value: [value, value] })),
  ),
}));

test('whatever lists, maps, choices and nulls a pick puts together: check takes it, and it is what was written', () => {
  fc.assert(
    fc.property(made, ({ text, value }) => {
      const source = extractorWith(`, pick: ${JSON.stringify(`{"it": ${text}}`)}`);
      expect(JSON.parse(JSON.stringify(source.extract(record, optional)))).toEqual([{ it: value }]);
    }),
    { numRuns: 500 },
  );
});

describe('JSON inside of a text', () => {
  const payload = JSON.stringify({ user: { id: 7 }, tags: ['a', null], none: null });

  test.each<[kafka: string, events: readonly unknown[]]>([
    [', pick: "json(record.value.payload)"', [JSON.parse(payload)]],
    [', pick: "json(record.value.payload).user"', [{ id: 7 }]],
    [', pick: "json(record.value.payload)[\'user\'].id"', [7]],
    [', pick: "json(record.value.payload).none"', []],
    [', pick: "json(\'null\')"', []],
    [', each: "json(record.value.payload).tags"', ['a', null]],
    [', each: "json(record.value.payload).tags.map(t, {\'tag\': t})"', [{ tag: 'a' }, { tag: null }]],
    [`, pick: "{'id': json(record.value.payload).user.id, 'topic': record.topic}"`, [{ id: 7, topic: 'events' }]],
    [', pick: "json(json(record.value.twice)).user"', [{ id: 7 }]],
  ])('is read by json(): %s', (kafka, events) => {
    const value = { payload, twice: JSON.stringify(payload) };
    expect(JSON.parse(JSON.stringify(extractorWith(kafka).extract(record, value)))).toEqual(events);
  });

  test.each([['{'], [''], [5], [null], [{ a: 1 }], [undefined]])('%j is none: a dead letter', (payload) => {
    for (const kafka of [', pick: "json(record.value.payload)"', ', each: "json(record.value.payload)"'])
      expect(() => extractorWith(kafka).extract(record, { payload })).toThrow(ExtractError);
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
    expect(() => extractorWith(kafka).extract(record, value)).toThrow(ExtractError);
  });
});

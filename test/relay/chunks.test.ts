import { expect, test } from 'vitest';
import { chunks } from '../../src/relay/chunks.js';
import { routingOf } from '../../src/relay/route.js';
import { eachOf, extractorOf, field, planOf, recordAt } from '../support/relay/relay-world.js';

const plan = planOf('t', extractorOf('s', { all: () => '*' }, eachOf('list'), false));
const listOf = (offset: number, length: number) => recordAt(offset, { list: Array.from({ length }, (_, i) => i) });
const shapeOf = (records: Parameters<typeof chunks>[0], limits: Parameters<typeof chunks>[3]) =>
  [...chunks(records, routingOf(plan, 'topicA'), () => false, limits)].map(({ records, entries, faults }) => ({
    offsets: records.map(({ offset }) => offset),
    entries: entries.length,
    faults: faults.map(({ record }) => record.offset),
  }));

test('a record is never split over two appends, and one that alone is too large goes alone and whole', () => {
  const records = [listOf(0, 4), listOf(1, 7), listOf(2, 25), listOf(3, 1), listOf(4, 0)];
  expect(shapeOf(records, { maxEntries: 10 })).toEqual([
    { offsets: [0], entries: 4, faults: [] },
    { offsets: [1], entries: 7, faults: [] },
    { offsets: [2], entries: 25, faults: [] },
    { offsets: [3, 4], entries: 1, faults: [] },
  ]);
});

test('an append stays below its bytes, unless one record alone is larger', () => {
  const wide = planOf('t', extractorOf('s', { all: () => '*' }));
  const records = [30, 30, 50, 200, 10].map((length, offset) => recordAt(offset, 'x'.repeat(length - 2)));
  const texts = records.map((record) => ({ ...record, value: Buffer.from(JSON.stringify(record.value?.toString())) }));
  const taken = [...chunks(texts, routingOf(wide, 'topicA'), () => false, { maxBytes: 100 })].map((chunk) =>
    chunk.records.map((r) => r.offset),
  );
  expect(taken).toEqual([[0, 1], [2], [3], [4]]);
});

test('what precedes a dead letter goes ahead of it; those that follow go with it, whatever lies between', () => {
  const records = [listOf(0, 1), recordAt(1, '{'), recordAt(2, '{'), listOf(3, 1), recordAt(4, '{}'), listOf(5, 1)];
  expect(shapeOf(records, {})).toEqual([
    { offsets: [0], entries: 1, faults: [] },
    { offsets: [1, 2, 3, 4, 5], entries: 2, faults: [1, 2, 4] },
  ]);
});

test('dead letters are no more at once than entries are, by number and by bytes', () => {
  const bad = (offset: number, length = 1) => recordAt(offset, '{'.repeat(length));
  expect(shapeOf([bad(0), bad(1), bad(2), listOf(3, 1), bad(4)], { maxEntries: 2 })).toEqual([
    { offsets: [0, 1], entries: 0, faults: [0, 1] },
    { offsets: [2, 3], entries: 1, faults: [2] },
    { offsets: [4], entries: 0, faults: [4] },
  ]);
  expect(shapeOf([bad(0, 60), bad(1, 60), bad(2, 10)], { maxBytes: 100 })).toEqual([
    { offsets: [0], entries: 0, faults: [0] },
    { offsets: [1, 2], entries: 0, faults: [1, 2] },
  ]);
});

test('tombstones and events for nobody are counted, and their records still move the watermark', () => {
  const byUser = planOf('t', extractorOf('s', { user: field('user') }));
  const records = [recordAt(0, null), recordAt(1, {}), recordAt(2, null)];
  const [chunk, ...rest] = chunks(records, routingOf(byUser, 'topicA'), () => false);
  expect(rest).toEqual([]);
  expect(chunk).toMatchObject({ tombstones: 2, forNobody: ['user'], entries: [], records });
});

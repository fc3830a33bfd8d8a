import { expect, test } from 'vitest';
import { routingOf } from '../../../src/relay/route.js';
import { entriesOf } from './entries.js';
import { eachOf, extractorOf, field, planOf, recordAt } from './relay-world.js';

const routing = routingOf(planOf('t', extractorOf('s', { id: field('id') }, eachOf('list'))), 'topicA');

test.each([
  ['no JSON', '{"list":'],
  ['empty', ''],
  ['null', null],
])('a value that is %s is refused, and not taken for a record without events', (_, value) => {
  expect(() => entriesOf(recordAt(5, value), routing)).toThrow('cannot publish to t');
});

test('a value that decodes may have events, none, or nothing that they can be taken from', () => {
  const lengthOf = (value: unknown) => entriesOf(recordAt(5, value), routing).length;
  expect([{ list: [{ id: 1 }] }, { list: [] }, { list: 7 }].map(lengthOf)).toEqual([1, 0, 0]);
});

import { expect, test } from 'vitest';
import { routeRecord, routingOf } from '../../src/relay/route.js';
import type { TopicPlan } from '../../src/schema/stream-schema.js';
import { eachOf, extractorOf, field, planOf, recordAt } from '../support/relay/relay-world.js';

const routed = (plan: TopicPlan, text: string) => routeRecord(recordAt(5, text), routingOf(plan, 'topicA'), false);

test('an event goes to the channel of each route, with the text of its record', () => {
  const plan = planOf('t', extractorOf('s', { user: field('user'), all: () => '*' }));
  const { entries, forNobody, fault } = routed(plan, '{"user": "a b"}');
  expect(fault).toBeNull();
  expect(forNobody).toEqual([]);
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({ origin: 'topicA', index: 0, payload: '{"user": "a b"}', refilled: false });
  expect(entries[0]?.channels.map(({ channel }) => channel)).toEqual(['s:user:a%20b', 's:all:*']);
});

test('two routes that name one channel give it once', () => {
  const plan = planOf('t', extractorOf('s', { user: field('user') }));
  const [source] = plan.extractors;
  if (!source?.routes[0]) throw new Error('a route');
  const twice = planOf('t', { ...source, routes: [source.routes[0], { ...source.routes[0], id: 'other' }] });
  expect(routed(twice, '{"user":1}').entries[0]?.channels).toHaveLength(1);
});

test('each element of a list is an event of its own, by its place in the list', () => {
  const plan = planOf('t', extractorOf('s', { id: field('id') }, eachOf('entity'), false));
  const { entries, forNobody } = routed(plan, '{"entity":[{"id":"x"},{"other":1},null,{"id":"y"}]}');
  expect(entries.map(({ index, payload }) => [index, payload])).toEqual([
    [0, '{"id":"x"}'],
    [3, '{"id":"y"}'],
  ]);
  expect(forNobody).toEqual(['id', 'id']);
});

test('an event without a value for any route is for nobody: counted, not an entry', () => {
  const plan = planOf('t', extractorOf('s', { user: field('user') }));
  expect(routed(plan, '{"user":null}')).toMatchObject({ entries: [], forNobody: ['user'], fault: null });
  expect(routed(plan, 'null')).toMatchObject({ entries: [], forNobody: ['user'], fault: null });
});

test('an event is for nobody on each route whose value it lacks, also where others take it', () => {
  const plan = planOf(
    't',
    extractorOf('one', { user: field('user'), tenant: field('tenant'), all: () => '*' }),
    extractorOf('two', { order: field('order') }),
  );
  const { entries, forNobody } = routed(plan, '{"user":"ada","tenant":null}');
  expect(entries.map(({ channels }) => channels.map(({ channel }) => channel))).toEqual([
    ['one:user:ada', 'one:all:*'],
  ]);
  expect(forNobody).toEqual(['tenant', 'order']);
});

test('a record of which `pick` takes nothing is for nobody on all routes of that source', () => {
  const plan = planOf(
    't',
    extractorOf('s', { user: field('user'), all: () => '*' }, () => [], false),
  );
  expect(routed(plan, '{"user":"ada"}')).toMatchObject({ entries: [], forNobody: ['user', 'all'], fault: null });
});

test('a source that fails takes nothing from the others, and none of its own events goes out', () => {
  const plan = planOf(
    't',
    extractorOf('bad', { all: () => '*' }, eachOf('entity'), false),
    extractorOf('good', { user: field('user') }),
  );
  const { entries, fault } = routed(plan, '{"user":"u"}');
  expect(entries.map(({ channels }) => channels[0]?.channel)).toEqual(['good:user:u']);
  expect(fault).toMatchObject({ reason: 'not-extracted', stage: 'TRANSFORMATION', error: { name: 'ExtractError' } });
});

test('a lone surrogate in an element goes out escaped, as well-formed UTF-8', () => {
  const plan = planOf('t', extractorOf('s', { all: () => '*' }, eachOf('entity'), false));
  expect(routed(plan, '{"entity":["\\ud800"]}').entries[0]?.payload).toBe('"\\ud800"');
});

test('a key that is no text is none: read as text, two of them would be one', () => {
  const routing = routingOf(planOf('t', extractorOf('s', { all: () => '*' })), 'topicA');
  const keyOf = (...bytes: number[]) =>
    routeRecord(recordAt(5, '{}', { key: Buffer.from(bytes) }), routing, false).entries[0]?.record.key;
  expect([keyOf(0xff), keyOf(0xfe), keyOf(0x61, 0xed, 0xa0, 0x80)]).toEqual([null, null, null]);
  expect([keyOf(), keyOf(0x61), keyOf(0xef, 0xbf, 0xbd), keyOf(0xef, 0xbb, 0xbf, 0x61)]).toEqual([
    '',
    'a',
    '\ufffd',
    '\ufeffa',
  ]);
});

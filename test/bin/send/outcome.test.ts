import { expect, test } from 'vitest';
import { count, newTally, outcomeOf, shownOutcome } from '../../../src/bin/send/outcome.js';
import { defaultCluster } from '../../../src/event/source-event.js';
import { routeRecord, routingOf } from '../../../src/relay/route.js';
import { compileSchema } from '../../../src/schema/compile.js';
import type { TopicPlan } from '../../../src/schema/stream-schema.js';
import { recordAt } from '../../support/relay/relay-world.js';

const { schema } = compileSchema(
  `type Subscription {
    order(id: ID, shop: ID, total: Float): Order! @kafka(topic: "orders") @public
      @where(rule: "event.id == args.id || (event.shop == args.shop && event.total == args.total)")
    all: Order! @kafka(topic: "feed") @public
    item(id: ID!): Item! @kafka(topic: "baskets", each: "record.value.items") @where(rule: "event.id == args.id") @public
    basket: Item! @kafka(topic: "baskets", pick: "record.value.basket") @public
  }
  type Order { id: ID! shop: ID total: Float }
  type Item { id: ID! }`,
  { file: 'test.graphql', retention: { retain: 600_000, max: 1000 } },
);

function shown(topic: string, text: string | null, audience = { listening: 2, shown: 1 } as never) {
  const plan = schema?.topics.in(defaultCluster).get(topic) as TopicPlan;
  const record = recordAt(7, text, { topic, timestamp: 0 });
  const outcome = outcomeOf(record, routeRecord(record, routingOf(plan, ''), false), plan, audience);
  return { outcome, line: shownOutcome(outcome, 'offset 7').replace(/\([\w-]{11}/g, '(id') };
}

test.each<[string, string | null, string]>([
  [
    'orders',
    '{"id":1,"shop":"x y","total":1}',
    'event.id (id:1), event.shop & event.total (id:x%20y:1); shown to 1 of 2 open streams',
  ],
  ['orders', '{}', 'nobody: event.id, event.shop, event.total is null, missing or of another type'],
  ['feed', '7', 'everything (id); shown to 1 of 2 open streams'],
  ['feed', 'null', 'nobody: its value is null'],
  ['feed', null, 'nobody: its value is null'],
  ['feed', '{', 'dead letter, not-json: '],
  [
    'baskets',
    '{"items":[],"basket":null}',
    'nobody: nothing was taken from it, or event.id is null, missing or of another type',
  ],
  [
    'baskets',
    '{"items":[{"id":1},{"id":2},{"id":null}],"basket":{}}',
    '3 events: event.id (2 channels), everything (id); shown to 1 of 2 open streams',
  ],
  [
    'baskets',
    '{"items":7,"basket":{}}',
    'everything (id); shown to 1 of 2 open streams; dead letter, not-extracted: each: record.value.items is no list',
  ],
])('%s %s: %s', (topic, text, expected) => {
  expect(shown(topic, text).line.startsWith(`offset 7 → ${expected}`)).toBe(true);
});

test('without an open stream, and where nobody can know, it says so and nothing', () => {
  expect(shown('feed', '7', { listening: 0, shown: 0 } as never).line).toBe(
    'offset 7 → everything (id); no stream is open there',
  );
  expect(shown('feed', '7', null as never).line).toBe('offset 7 → everything (id)');
});

test('a record that is in part a dead letter counts as both', () => {
  const tally = newTally();
  for (const text of ['{"items":7,"basket":{}}', '{"items":[],"basket":null}', '{'])
    count(tally, shown('baskets', text).outcome);
  expect(tally).toEqual({ records: 3, routed: 1, shown: 1, nobody: 1, letters: 2 });
});

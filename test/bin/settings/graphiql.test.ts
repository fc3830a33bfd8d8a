import { parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { graphiqlOf, graphiqlOfDev } from '../../../src/bin/settings/graphiql.js';
import { compileSchema } from '../../../src/schema/compile.js';

function opened(sdl: string) {
  const { schema } = compileSchema(sdl, { file: 'test.graphql', retention: { retain: 600_000, max: 1000 } });
  if (schema === null) throw new Error('the schema of this test has a fault');
  const page = graphiqlOfDev(schema, 'schema.graphql', null);
  const { defaultQuery } = page;
  return {
    isSample: 'query' in page,
    example: defaultQuery ?? '',
    faults: validate(schema.graphql, parse(defaultQuery ?? '{ x }')),
  };
}

describe('GraphiQL opens a schema of your own with an example that runs', () => {
  test('of a field and what can be read of it', () => {
    const { example, faults } = opened(`type Subscription {
      alarm(site: ID!): Alarm! @kafka(topic: "alarms") @public
      order(status: String): Order! @kafka(topic: "orders") @public
    }
    type Alarm { id: ID! }
    type Order { customer: Customer! id: ID! price(in: String!): Float total: Float }
    type Customer { name: String! }`);
    expect(faults).toEqual([]);
    expect(example).toContain('subscription {\n  order {\n    id\n    total\n  }\n}');
  });

  test('also where it has a field of the name that the sample has', () => {
    const { isSample, example, faults } = opened(`type Subscription {
      transaction: Transaction! @kafka(topic: "transactions") @public
    }
    type Transaction { hash: ID! }`);
    expect([isSample, faults]).toEqual([false, []]);
    expect(example).toContain('  transaction {\n    hash\n  }');
  });

  test('of a value, and of what has nothing that can be read without an argument', () => {
    const sdl = (field: string) =>
      `type Subscription { ${field} @kafka(topic: "a") @public } type A { b(c: Int!): Int }`;
    expect(opened(sdl('n: Int!')).faults).toEqual([]);
    expect(opened(sdl('a: A!')).faults).toEqual([]);
  });

  test('and says what to write where every field needs an argument', () => {
    const sdl = 'type Subscription { a(b: Int!): Int @kafka(topic: "a") @public }';
    const { schema } = compileSchema(sdl, { file: 'test.graphql', retention: { retain: 600_000, max: 1000 } });
    expect(schema && graphiqlOfDev(schema, 'schema.graphql', null).defaultQuery).toMatch(/^# Write a subscription/);
  });
});

test.each([
  ['', 'fleet/schema.graphql', undefined],
  ['', 'fleet/orders.graphql', 'Tailrace: orders'],
  ['', 'a&b.graphql', 'Tailrace: a&#38;b'],
  ['"The shop" schema { subscription: Subscription }', 'orders.graphql', undefined],
])('its title is that of a schema that begins with %j in %s: %s', (head, file, title) => {
  const sdl = `${head} type Subscription { a: Int @kafka(topic: "a") @public }`;
  const { schema } = compileSchema(sdl, { file, retention: { retain: 600_000, max: 1000 } });
  if (schema === null) throw new Error('the schema of this test has a fault');
  expect([graphiqlOf(schema, file).title, graphiqlOfDev(schema, file, null).title]).toEqual([title, title]);
});

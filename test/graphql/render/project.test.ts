import fc from 'fast-check';
import {
  type DocumentNode,
  execute,
  type GraphQLSchema,
  OverlappingFieldsCanBeMergedRule,
  parse,
  validate,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { writeForClients } from '../../../src/event/write-json.js';
import type { Resolvers } from '../../../src/graphql/executable.js';
import { projectionOf } from '../../../src/graphql/render/project.js';
import { formatted, renderer } from '../../../src/graphql/render/render.js';
import { nobody } from '../../../src/graphql/viewer.js';
import { Frame, type Rendered } from '../../../src/hub/frame.js';
import { silent } from '../../../src/observe/logger.js';
import { noObservers } from '../../../src/observe/observers.js';
import { readMember } from '../../../src/schema/member.js';
import { payloadOf } from '../../../src/serve/connection/frames.js';
import { metaAt } from '../../support/meta.js';
import { cases } from '../../support/properties.js';
import { randomOperation, randomSchema, randomValue, schemaOf } from '../random.js';

/** Of masked errors: each has its own. */
const uuids = /[0-9a-f]{8}-[0-9a-f-]{27}/g;

const context = { viewer: nobody, claims: {}, pubsub: {} as never };

const byGraphQL = (
  schema: GraphQLSchema,
  document: DocumentNode,
  variableValues: Record<string, unknown>,
  it: unknown,
) => execute({ schema, document, variableValues, contextValue: context, rootValue: { it }, fieldResolver: readMember });

const textOf = (rendered: Rendered) => payloadOf(new Frame(rendered));

function rendering(schema: GraphQLSchema, document: DocumentNode, variables: Record<string, unknown>) {
  const plan = { schema, document, operationName: null, variables, field: 'it', context };
  const render = renderer(plan, noObservers);
  const record = metaAt('t', 0);
  return (event: unknown) => textOf(render({ origin: 'topicA', record, index: 0, event }) as Rendered);
}

describe('an event over any schema and operation', () => {
  test('is the text that graphql-js makes, with its errors, their paths and places', () => {
    const seen = { projected: 0, inError: 0 };
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const schema = randomSchema(g);
        const { document, variables } = randomOperation(g, schema);
        const type = schema.getSubscriptionType()?.getFields().it?.type;
        const render = rendering(schema, document, variables);
        for (let n = 0; n < 4; n++) {
          const event = randomValue(g, schema, type, 2 ** (1 + n * 2));
          const result = byGraphQL(schema, document, variables, event);
          // A scalar made a promise, or a method that an event's object inherits was called.
          if ('then' in result) continue;
          // Refused when it is opened: there is nothing to stream.
          if (result.data && Object.keys(result.data).length === 0) continue;
          const expected = writeForClients(formatted(result, silent));
          expect(String(render(event)).replace(uuids, '')).toBe(expected.replace(uuids, ''));
          if (result.errors) seen.inError++;
          else if (projectionOf(schema, document, null, variables)?.({ it: event })) seen.projected++;
        }
      }),
      { numRuns: cases(800), endOnFailure: true },
    );
    // Both ways were gone, or the comparison would say nothing.
    expect(seen.projected).toBeGreaterThan(cases(150));
    expect(seen.inError).toBeGreaterThan(cases(150));
  });

  test('is projected whenever it fits its type', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const schema = randomSchema(g);
        const { document, variables } = randomOperation(g, schema);
        const event = randomValue(g, schema, schema.getSubscriptionType()?.getFields().it?.type, 0);
        const result = byGraphQL(schema, document, variables, event);
        fc.pre(!('then' in result) && !result.errors);
        fc.pre(validate(schema, document, [OverlappingFieldsCanBeMergedRule]).length === 0);
        fc.pre(Object.keys(result.data ?? {}).length === 1);
        const rendered = projectionOf(schema, document, null, variables)?.({ it: event });
        expect(rendered && textOf(rendered)).toBe(writeForClients(result));
      }),
      { numRuns: cases(300), endOnFailure: true },
    );
  });
});

const plain = `
  type Subscription { it(n: Int): A @kafka(topic: "t") @public }
  type A { id: ID other: A secret(of: String): String }`;

const projects = (query: string, variables = {}, schema = schemaOf(plain)) =>
  projectionOf(schema, parse(query), null, variables);

describe('what only graphql-js can do is left to it', () => {
  test.each<[string, string, Resolvers]>([
    ['a resolver in code', '{ it { secret } }', { A: { secret: () => 'x' } }],
    ['a resolver of the stream itself', '{ it { id } }', { Subscription: { it: { resolve: (x: unknown) => x } } }],
    ['a check of a type in code', '{ it { id } }', { A: { __isTypeOf: () => true } }],
  ])('%s', (_, selection, resolvers) => {
    const schema = schemaOf(plain, resolvers);
    expect(projects(`subscription ${selection}`, {}, schema)).toBeNull();
    // The same operation without it is projected.
    expect(projects(`subscription ${selection}`)).not.toBeNull();
  });

  test('an operation whose fragments select more than anyone reads', () => {
    const fragments = (count: number) =>
      Array.from(
        { length: count },
        (_, n) => `fragment F${n} on A { a: other { ...F${n + 1} } b: other { ...F${n + 1} } }`,
      );
    const query = (count: number) =>
      `subscription { it { ...F0 } } ${fragments(count).join(' ')} fragment F${count} on A { id }`;
    expect(projects(query(5))).not.toBeNull();
    expect(projects(query(25))).toBeNull();
  });
});

describe('one text is compiled once', () => {
  const schema = schemaOf(plain);
  const both = (query: string) => {
    const document = parse(query);
    return [1, 2].map((n) => projectionOf(schema, document, null, { n, yes: n === 1 }));
  };

  test('for viewers who differ in the arguments of the stream', () => {
    const [one, other] = both('subscription ($n: Int, $c: String) @resume(after: $c) { it(n: $n) { id } }');
    expect(one).not.toBeNull();
    expect(other).toBe(one);
  });

  test.each([
    'subscription ($yes: Boolean!) { it { id @skip(if: $yes) __typename } }',
    'subscription ($yes: Boolean!) { it { ...F } } fragment F on A { id @skip(if: $yes) __typename }',
    'subscription ($yes: Boolean!) { it { ... @skip(if: $yes) { id } __typename } }',
  ])('but not where a variable decides what is shown: %s', (query) => {
    const [without, whole] = both(query).map((project) => project?.({ it: { id: 'x' } }));
    expect(without).toEqual({ key: '"it"', value: '{"__typename":"A"}', errors: null });
    expect(JSON.parse(String(whole?.value))).toEqual({ id: 'x', __typename: 'A' });
  });
});

import { GraphQLError, GraphQLScalarType, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/event/faults.js';
import { makeExecutable, type Resolvers } from '../../../src/graphql/executable.js';
import { renderer } from '../../../src/graphql/render/render.js';
import { nobody } from '../../../src/graphql/viewer.js';
import { Frame } from '../../../src/hub/frame.js';
import { silent } from '../../../src/observe/logger.js';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import { compileSchema } from '../../../src/schema/compile.js';
import { payloadOf } from '../../../src/serve/connection/frames.js';
import { metaAt } from '../../support/meta.js';

function rendering(resolvers: Resolvers = {}, selection = '{ id note }') {
  const { schema, problems } = compileSchema(
    `scalar Odd type Subscription { a: A @kafka(topic: "t") @public }
     type A { id: ID! note: String! odd: Odd label: String @from(path: "deep.label") owner: B owners: [B] pairs: [Pair] }
     type B { name: String city: String @from(path: "place.city") }
     type Pair { price: Float @from(path: "[0]") }`,
    { retention: { retain: 1_000, max: 10 } },
  );
  if (!schema) throw new Error(problems.map(({ message }) => message).join('\n'));
  const lines: { id?: string; error?: string }[] = [];
  let inError = 0;
  const render = renderer(
    {
      schema: makeExecutable(schema, resolvers, '1').schema,
      document: parse(`subscription { a ${selection} }`),
      operationName: null,
      variables: {},
      field: 'a',
      context: { viewer: nobody, claims: {}, pubsub: {} as never },
    },
    {
      metrics: { ...noGatewayMetrics, inError: () => void inError++ },
      logger: { ...silent, error: (fields) => void lines.push(fields) },
    },
  );
  const record = metaAt('t', 0);
  return {
    lines,
    inError: () => inError,
    render: async (event: unknown) =>
      JSON.parse(payloadOf(new Frame(await render({ origin: 'topicA', record, index: 0, event })))),
  };
}

describe('an event', () => {
  test('is shown as the operation asks', async () => {
    const { render, inError } = rendering();
    expect(await render({ id: 1, note: 'x', more: true })).toEqual({ data: { a: { id: '1', note: 'x' } } });
    expect(inError()).toBe(0);
  });

  test('that lacks what cannot be null is a GraphQL error with its path, and no secret', async () => {
    const { render, lines, inError } = rendering();
    expect(await render({ id: 1 })).toMatchObject({
      data: { a: null },
      errors: [{ message: expect.stringContaining('A.note'), path: ['a', 'note'] }],
    });
    expect(lines).toEqual([]);
    expect(inError()).toBe(1);
  });

  test.each([
    ['a text', 'hello'],
    ['a number', 7],
    ['true or false', true],
    ['a list', [{ id: 1 }]],
  ])('that is %s where its type has fields is an error of its own, not an event of nulls', async (what, event) => {
    const { render, lines, inError } = rendering({}, '{ odd label }');
    expect(await render(event)).toMatchObject({
      data: { a: null },
      errors: [{ message: `Expected an object for A, found ${what}.`, path: ['a'] }],
    });
    expect(await render({})).toEqual({ data: { a: { odd: null, label: null } } });
    expect(lines).toEqual([]);
    expect(inError()).toBe(1);
  });

  test('whose parts are texts where their types have fields has errors there, and its other parts', async () => {
    const { render } = rendering({}, '{ owner { name } owners { name } pairs { price } names: owners { __typename } }');
    const list = ['x', { name: 'y' }, null];
    expect(await render({ owner: 5, owners: list, pairs: [[1.5], { price: 2 }, [2.5]] })).toMatchObject({
      data: {
        a: {
          owner: null,
          owners: [null, { name: 'y' }, null],
          pairs: [{ price: 1.5 }, null, { price: 2.5 }],
          names: [null, { __typename: 'B' }, null],
        },
      },
      errors: [
        { message: 'Expected an object for B, found a number.', path: ['a', 'owner'] },
        { message: 'Expected an object for B, found a text.', path: ['a', 'owners', 0] },
        { message: 'Expected a list for Pair, found an object.', path: ['a', 'pairs', 1] },
        { message: 'Expected an object for B, found a text.', path: ['a', 'names', 0] },
      ],
    });
  });

  test('may be a text where a resolver of its type makes something of it', async () => {
    const { render, inError } = rendering({ B: { name: (id: unknown) => `name of ${id}` } }, '{ owner { name } }');
    expect(await render({ owner: 'x' })).toEqual({ data: { a: { owner: { name: 'name of x' } } } });
    expect(inError()).toBe(0);
    const both = rendering({ B: { name: (id: unknown) => `name of ${id}` } }, '{ owner { name city } }');
    expect(await both.render({ owner: 'x' })).toMatchObject({
      data: { a: { owner: { name: 'name of x', city: null } } },
      errors: [{ message: 'Expected an object for B, found a text.', path: ['a', 'owner', 'city'] }],
    });
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('the password is 1234');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the password is 1234'))],
    [
      'throws what is no error',
      () => {
        throw 'the password is 1234';
      },
    ],
  ])('whose resolver %s is told with an id that is in the log, and nothing else', async (_, fail) => {
    const { render, lines } = rendering({ A: { note: fail } });
    const { errors } = await render({ id: 1 });
    expect(JSON.stringify(errors)).not.toContain('1234');
    expect(errors[0].extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', id: lines[0]?.id });
    expect(errors[0].path).toEqual(['a', 'note']);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.error).toContain('1234');
  });

  test('whose resolver means the client is told as it is', async () => {
    const meant = rendering({
      A: {
        note: () => {
          throw new GraphQLError('not today', { extensions: { code: 'CLOSED' } });
        },
      },
    });
    expect((await meant.render({ id: 1 })).errors[0]).toMatchObject({
      message: 'not today',
      extensions: { code: 'CLOSED' },
    });
    const fault = rendering({
      A: {
        note: () => {
          throw new Fault('FORBIDDEN', { why: 'no' });
        },
      },
    });
    expect((await fault.render({ id: 1 })).errors[0]).toMatchObject({ extensions: { code: 'FORBIDDEN' } });
    expect(fault.lines).toEqual([]);
  });

  test.each([
    ['at once', (x: unknown) => x],
    ['after a while', async (x: unknown) => x],
  ])('that cannot be made JSON, known %s, is an error like any other, and the stream goes on', async (_, how) => {
    const endless: object[] = [];
    endless.push(endless);
    const odd = new GraphQLScalarType({ name: 'Odd', serialize: () => endless });
    const { render, lines } = rendering({ Odd: odd, A: { odd: () => how(1) } }, '{ odd }');
    expect((await render({ id: 1 })).errors[0].extensions.code).toBe('INTERNAL_SERVER_ERROR');
    expect(lines).toHaveLength(1);
  });
});

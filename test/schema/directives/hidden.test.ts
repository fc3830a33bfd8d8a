import { getIntrospectionQuery, graphqlSync, parse, printSchema, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { compileSchema } from '../../../src/schema/compile.js';
import { explain } from '../../../src/schema/explain.js';
import { compiled, problemsOf, record, retention } from '../given.js';

const sdl = `
  type Subscription {
    order(status: Status): Order! @kafka(topic: "orders")
      @where(rule: "event.tenantId == claims.tenant && event.audit.by != claims.sub && event.lane == 'FAST'")
      @conflate(by: "routing.key", every: "1s")
    item: Item! @kafka(topic: "items") @where(rule: "event.secretive == claims.x")
    anything: Thing! @kafka(topic: "things") @authenticated
  }
  interface Item { id: ID! secretive: String @hidden }
  interface Traced @hidden { trace: ID }
  union Thing = Order | Audit | Parcel
  type Order implements Item & Traced {
    id: ID! status: Status
    secretive: String @hidden
    tenantId: ID! @hidden
    routingKey: ID @from(path: "routing.key") @hidden
    lane: Lane @hidden
    audit: Audit
    trace: ID
    internals: Internals @hidden
  }
  type Parcel implements Item { id: ID! secretive: String }
  type Audit @hidden { by: ID }
  type Internals { note: Note kept: Shelf }
  type Note { text: String }
  type Shelf { id: ID }
  type Orphan { shelf: Shelf }
  enum Lane { FAST SLOW }
  enum Status { OPEN CLOSED }
  extend type Parcel { weight: Int @hidden }
`;

const hidden = [
  'tenantId',
  'routingKey',
  'Lane',
  'Audit',
  'audit',
  'Traced',
  'Internals',
  'internals',
  'Note',
  'weight',
];
const { graphql, fields } = compiled(sdl);

describe('what is hidden', () => {
  test('is in no introspection and no printed schema, and neither is what only it leads to', () => {
    const introspection = JSON.stringify(graphqlSync({ schema: graphql, source: getIntrospectionQuery() }));
    const printed = printSchema(graphql);
    for (const name of hidden) {
      expect(introspection).not.toContain(`"${name}"`);
      expect(printed).not.toMatch(new RegExp(`\\b${name}\\b`));
    }
    for (const name of ['Order', 'Parcel', 'Status', 'Orphan', 'Shelf', 'trace']) expect(printed).toContain(name);
    expect(printed).toContain('type Parcel implements Item {\n  id: ID!\n  secretive: String\n}');
    expect(printed).toContain('interface Item {\n  id: ID!\n}');
    expect(printed).toContain('union Thing = Order | Parcel');
  });

  test('cannot be selected, in whatever place, and is not told by what was perhaps meant', () => {
    const faults = (query: string) => validate(graphql, parse(query)).map(({ message }) => message);
    for (const query of [
      'subscription { order { tenantId } }',
      'subscription { order { ...F } } fragment F on Order { x: tenantId }',
      'subscription { item { secretive } }',
      'subscription { item { ... on Order { lane } } }',
      'subscription { anything { ... on Audit { by } } }',
      'subscription { order { audit { by } } }',
    ])
      expect(faults(query)).toEqual([expect.stringMatching(/^(Cannot query field|Unknown type) "\w+"/)]);
    for (const near of ['tenantI', 'audits', 'lanes', 'internal', 'routingKe'])
      expect(faults(`subscription { order { ${near} } }`).join().split('Did you mean')[1] ?? '').not.toMatch(
        new RegExp(hidden.join('|')),
      );
    expect(faults('subscription { anything { ... on Audi { by } } }').join()).not.toContain('"Audit"');
    expect(faults('subscription { item { ... on Parcel { secretive } } }')).toEqual([]);
  });

  test('is there for rules, routes and @conflate, by its type', () => {
    const order = fields.get('order');
    const event = { tenantId: 7, audit: { by: 'grace' }, lane: 'FAST', routing: { key: 'k' } };
    const claims = { tenant: '7', sub: 'ada' };
    expect(order?.permit(event, {}, claims, record).pass).toBe(true);
    expect(order?.permit({ ...event, tenantId: 8 }, {}, claims, record).pass).toBe(false);
    expect(order?.routes.map(({ expression }) => expression)).toEqual(['event.tenantId']);
    expect(order?.routes[0]?.channel(event)).toBe(order?.channels({}, claims)[0]);
    expect(order?.conflation?.keyOf(event)).toBe('"k"');
    const misspelt = sdl.replace('event.tenantId ==', 'event.tenantID ==').replace("'FAST'", 'event.audit');
    const told = problemsOf(misspelt).join('\n');
    expect(told).toContain('`tenantID` is unknown in Order. Did you mean "tenantId"?');
    expect(told).toContain('cannot be compared');
  });

  test('is there for explain, and so for tables of cases', () => {
    const streams = compiled(sdl);
    const order = streams.fields.get('order');
    if (!order) throw new Error('the field is missing');
    const event = { tenantId: 7, audit: { by: 'grace' }, lane: 'FAST' };
    const { delivered, rule } = explain(streams, order, {
      event,
      args: { status: null },
      claims: { tenant: '7', sub: 'ada' },
      record,
    });
    expect(delivered).toBe(true);
    expect(rule).toMatchObject({ value: true, error: null });
  });

  test('leaves what nothing leads to as it was', () => {
    const plain = compiled(
      'type Subscription { a: E @kafka(topic: "t") @public } type E { id: ID } type Unused { x: Int }',
    );
    expect(plain.graphql.getType('Unused')).toBeDefined();
  });
});

describe('check refuses what cannot be hidden', () => {
  const base = (fields: string, rest: string) =>
    `type Subscription { a: E! @kafka(topic: "t") @public ${fields} }\n${rest}`;

  test.each<[sdl: string, startsAt: string, message: string]>([
    [base('b: E! @kafka(topic: "t") @public @hidden', 'type E { id: ID }'), '@hidden }', 'nobody could ask for it'],
    [base('', 'type E { id: ID } type Query { x: Int @public @hidden }'), '@hidden }', 'nobody could ask for it'],
    [
      base('', 'type E { id: ID } type Mutation { x: Int @public @hidden y: Int @public }'),
      '@hidden y',
      'could ask for it',
    ],
    [base('', 'type E { id: ID } type Query @hidden { x: Int @public }'), '@hidden {', 'nobody could ask for it'],
    [base('', 'type E { id: ID @hidden }'), 'type E', 'Type E must define one or more fields'],
    [base('', 'type E { t: T } type T @hidden { id: ID }'), 'type E', 'Type E must define one or more fields'],
    [base('', 'type E @hidden { id: ID }'), 'E! @kafka', 'E is @hidden, and this needs it'],
    [
      base('b: [T] @public @kafka(topic: "t")', 'type E { id: ID } type T @hidden { id: ID }'),
      'T] @public',
      'T is @hidden',
    ],
    [base('', 'type E { id(of: L): ID } enum L @hidden { A }'), 'L): ID', 'L is @hidden, and this needs it'],
    [base('', 'type E { id(of: I): ID } input I { l: L } scalar L @hidden'), 'L } scalar', 'L is @hidden'],
    [
      base('', 'interface N { id: ID } type E implements N { id: ID @hidden x: ID }'),
      'id: ID }',
      'N.id expected but E',
    ],
    [
      base(
        '',
        'interface N { t: M } interface M { id: ID } type T implements M @hidden { id: ID } type E implements N { t: T x: ID }',
      ),
      't: M }',
      'N.t expected but E',
    ],
    [base('', 'union U = T type T @hidden { id: ID } type E { u: U }'), 'union U', 'must define one or more member'],
    [
      base('', 'interface N { id: ID } type T implements N @hidden { id: ID } type E { n: N }'),
      'N { id',
      'only of hidden types',
    ],
    [base('', 'type E { id(of: ID @hidden): ID }'), '@hidden)', 'may not be used on ARGUMENT_DEFINITION'],
    [
      base('', 'type E { id(of: I): ID } input I { l: ID @hidden }'),
      '@hidden }',
      'may not be used on INPUT_FIELD_DEFINITION',
    ],
    [base('', 'directive @hidden on OBJECT type E { id: ID }'), 'directive @h', '@hidden is defined by Tailrace as'],
  ])('%s', (sdl, startsAt, message) => {
    const { schema, problems } = compileSchema(sdl, { retention });
    const fault = problems.find((problem) => problem.severity === 'fault' && problem.message.includes(message));
    const shown = sdl.split('\n')[(fault?.line ?? 0) - 1]?.slice((fault?.column ?? 0) - 1);
    expect(shown?.slice(0, startsAt.length), JSON.stringify(problems)).toBe(startsAt);
    expect(schema).toBeNull();
  });

  test.each([
    'type E @hidden { id: ID } type F { id: ID }',
    'interface N { id: ID x: ID @hidden } type E implements N { id: ID x: ID } ',
    'interface N @hidden { id: ID } type E implements N { id: ID @hidden x: ID }',
    'type E { id: ID other: [E!] @hidden }',
    'schema { subscription: Subscription query: Q } type Q { v: Int @public } type E { id: ID x: Int @hidden @from(path: "a.b") }',
  ])('and takes what can: %s', (rest) => {
    const sdl = `type Subscription { a: ${rest.startsWith('type E @') ? 'F' : 'E'}! @kafka(topic: "t") @public } ${rest}`;
    expect(problemsOf(sdl)).toEqual([]);
  });
});

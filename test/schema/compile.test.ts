import { execute, type GraphQLField, parse, printType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { compileSchema } from '../../src/schema/compile.js';
import { compiled, faultsOf, problemsOf, retention } from './given.js';

const event = 'type E { id: ID n: Int }';
const subscription = (fields: string, rest = event) => `type Subscription { ${fields} } ${rest}`;

describe('a schema is refused with the place', () => {
  test.each<[sdl: string, startsAt: string, message: string]>([
    ['type Subscription {\n  a: E @kafka(topic: }', '}', 'Syntax Error'],
    [subscription('a: Missing @kafka(topic: "t") @public'), 'Missing @kaf', 'Unknown type "Missing"'],
    [
      subscription('a: E @kafka(topic: "t", piick: "x") @public'),
      'piick: "x") ',
      'Unknown argument "piick" on directive "@kafka"',
    ],
    [subscription('a: E @kafka @public'), '@kafka @publ', 'argument "topic" of type "String!" is required'],
    [subscription('a: E @kafka(topic: 5) @public'), '5) @public }', '@kafka(topic:) takes String!, not 5'],
    [subscription('a: E @kafka(topic: "a b") @public'), '"a b") @publ', 'is no name of a topic'],
    [subscription('a: E @kafka(topic: "..") @public'), '"..") @publi', 'is no name of a topic'],
    [subscription('a: E @kafka(topic: "t", format: AVRO) @public'), 'AVRO) @publi', 'the format AVRO is not built yet'],
    [
      subscription('a: E @kafka(topic: "t", format: XML) @public'),
      'XML) @public',
      '@kafka(format:) takes KafkaFormat, not XML',
    ],
    [
      subscription('a: E @kafka(topic: "t", cluster: "eu") @public'),
      '"eu") @publi',
      'several clusters are not built yet',
    ],
    [
      subscription('a: E @kafka(topic: "t") @public @conflate(by: "it", every: "1s")'),
      '"it", every',
      '@conflate(by: "it"): `it` is unknown in E. Did you mean "id"?',
    ],
    [
      subscription('a: E @kafka(topic: "t") @public @conflate(by: "id.of", every: "1s")'),
      '"id.of", every',
      '`id` is an ID',
    ],
    [
      subscription('a: E @kafka(topic: "t") @public @conflate(by: "id", every: "often")'),
      '"often")',
      '"often" is no duration from 10ms to 1h',
    ],
    [subscription('a: E @public @conflate(by: "id", every: "1s")'), '@conflate(by', '@conflate needs @kafka'],
    [
      subscription('a: E @kafka(topic: "t") @public @history(retain: "3 days")'),
      '"3 days") } ',
      'write 250ms, 30s, 10m or 1h',
    ],
    [subscription('a: E @kafka(topic: "t") @public @history(max: 0)'), '0) } type E ', 'at least one event is kept'],
    [subscription('a: E @kafka(topic: "t") @public @wher(rule: "true")'), '@wher(rule: ', 'Unknown directive "@wher"'],
    [
      subscription('a: E @kafka(topic: "t") @public @where(rule: true)'),
      'true) } type',
      '@where(rule:) takes String!, not true',
    ],
    [subscription('a: E @kafka(topic: "t")'), 'a: E @kafka(', 'nothing is public by accident'],
    [
      subscription('a: E @kafka(topic: "t") @where(rule: "event.id == \\"1\\"")'),
      'a: E @kafka(',
      'has no rule that reads claims',
    ],
    [subscription('a: E'), 'a: E } type ', 'nothing is public by accident'],
    [subscription('a: E @public @where(rule: "true")'), '@where(rule:', '@where needs @kafka'],
    [subscription('a: E @public @history(max: 5)'), '@history(max', '@history needs @kafka'],
    [subscription('a: E @kafka(topic: "t") @public @authenticated'), '@public @aut', 'only one of them can be true'],
    [subscription('a: E @kafka(topic: "t") @requiresScopes(scopes: [])'), '[]) } type E', 'lets nobody pass'],
    [subscription('a: E @kafka(topic: "t") @requiresScopes(scopes: [[]])'), '[[]]) } type', 'say @authenticated'],
    [subscription('a: E @kafka(topic: "t") @requiresScopes(scopes: [["a b"]])'), '[["a b"]]) }', 'a scope is one word'],
    [
      subscription('a: E @kafka(topic: "t", pick: "record.value", each: "record.value") @public'),
      '"record.valu',
      'only one of them can be said',
    ],
    [
      subscription('a: E @kafka(topic: "t", pick: "event.x") @public'),
      'event.x") @p',
      '`event` is unknown here; there are record',
    ],
    [
      subscription('a: E @kafka(topic: "t", each: "record.key") @public'),
      'record.key")',
      'each needs a list, and this is a String',
    ],
    [
      subscription('a: E @public @kafka(topic: "t")', 'type E { id: ID @kafka(topic: "t") }'),
      '@kafka(topic',
      'belongs on fields of Subscription, not on E.id',
    ],
    [
      subscription('a(of: J = { x: [1] }): E @kafka(topic: "t") @public', 'type E { id: ID } scalar J'),
      '{ x: [1] })',
      'The default of of cannot be told to clients',
    ],
    [subscription('a: E @public @from(path: "x")'), '"x") } type ', 'belongs on fields of the event'],
    [
      subscription('a: E @public', `${event} type Query { x: Int }`),
      'x: Int }',
      'Query.x: nothing is public by accident',
    ],
    [
      subscription('a: E @public', `${event} type Query { x: Int @public } type Mutation { y: Int }`),
      'y: Int }',
      'Mutation.y: nothing is public',
    ],
    [
      subscription('a: I @public', 'interface I { id: ID @authenticated } type E implements I { id: ID }'),
      '@authenticat',
      'on the interface',
    ],
    [`type Subscription @authenticated { a: E @public } ${event}`, 'a: E @public', 'contradict each other'],
    [
      `directive @public on OBJECT ${subscription('a: E @public')}`,
      'directive @p',
      '@public is defined by Tailrace as: directive @public on FIELD_DEFINITION | OBJECT',
    ],
  ])('%s', (sdl, startsAt, message) => {
    const { problems } = compileSchema(sdl, { retention });
    const fault = problems.find((problem) => problem.severity === 'fault' && problem.message.includes(message));
    const shown = sdl.split('\n')[(fault?.line ?? 0) - 1]?.slice((fault?.column ?? 0) - 1);
    expect(shown?.slice(0, startsAt.length), JSON.stringify(problems)).toBe(startsAt);
    expect(compileSchema(sdl, { retention }).schema).toBeNull();
  });

  test('and the file, in the order of the places, with all faults at once', () => {
    const sdl = subscription(
      'a: E @kafka(topic: 1)\n b: Nope @public\n c: E @kafka(topic: "t") @where(rule: "event.x == claims.sub")',
    );
    const { problems } = compileSchema(sdl, { retention, file: 'my.graphql' });
    const faults = problems.filter(({ severity }) => severity === 'fault');
    expect(faults.map(({ file, line }) => `${file}:${line}`)).toEqual([
      'my.graphql:1',
      'my.graphql:1',
      'my.graphql:2',
      'my.graphql:3',
    ]);
  });

  test('when two fields disagree about the format of a topic', () => {
    const sdl = subscription('a: E @kafka(topic: "t") @public\n b: E @kafka(topic: "t", format: AVRO) @public');
    expect(faultsOf(sdl)).toContain('2:34 b reads t as AVRO, a as JSON: a topic has one format');
  });
});

describe('a place inside a rule is exact', () => {
  const at = (sdl: string) => faultsOf(sdl)[0];
  test('after escapes', () => {
    expect(
      at(subscription('a: E @kafka(topic: "t") @where(rule: "claims.x == \\"\\u00e9\\" && event.zzz == claims.sub")')),
    ).toMatch(/^1:91 `zzz`/);
  });
  test('in a block, whatever its indentation', () => {
    const sdl = subscription(
      'a: E @kafka(topic: "t") @where(rule: """\n\n      claims.x == 1\n        && event.zzz == claims.sub\n  """)',
    );
    expect(at(sdl)).toMatch(/^4:18 `zzz`/);
  });
  test('in a block of one line', () => {
    expect(at(subscription('a: E @kafka(topic: "t") @where(rule: """event.zzz == claims.sub""")'))).toMatch(
      /^1:67 `zzz`/,
    );
  });
});

describe('@from', () => {
  const type = (fields: string) =>
    faultsOf(subscription('a: E @kafka(topic: "t") @public', `type E { ${fields} } type P { lat: Float } scalar JSON`));

  test.each([
    ['v: Int @from(path: "a..b")', 'is no dotted path'],
    ['v: Int @from(path: "")', 'is no dotted path'],
    ['v: Int @from(path: "a.b[x]")', 'is no dotted path'],
    ['v: Int @from(path: "a.[0]")', 'is no dotted path'],
    ['v: Int @from(path: "[\'a\'")', 'is no dotted path'],
    ['v: Int @from(path: " a")', 'is no dotted path'],
    ['a: Int v: Int @from(path: "a.b")', 'by another field `a` is an Int'],
    ['a: [P] v: Float @from(path: "a.lat")', 'by another field `a` is a list'],
    ['w: Int @from(path: "a.b") v: Int @from(path: "a.b.c")', 'by another field `a.b` is an Int'],
    ['a: P v: Int @from(path: "a.lat.x")', 'by another field `a.lat` is a Float'],
    ['w: Int @from(path: "a.b") v: Int @from(path: "a")', 'cannot exist'],
    ['a: P v: [Int] @from(path: "a")', 'cannot exist'],
    ['a: P v: Int @from(path: "a[0]")', 'by another field `a` is an object'],
    ['a: ID v: Int @from(path: "a[0]")', 'by another field `a` is an ID'],
    ['a: [P] v: Int @from(path: "a.0")', 'write a[0]'],
    ['a: [P] v: Int @from(path: "a[0].lat.x")', 'by another field `a[0].lat` is a Float'],
    ['a: [P] v: Int @from(path: "a[0]")', 'by another field `a[0]` is an object'],
    ['a: [[P]] v: Int @from(path: "a[0].lat")', 'by another field `a[0]` is a list'],
    ['w: Int @from(path: "a[1]") v: Int @from(path: "a[1].b")', 'by another field `a[1]` is an Int'],
    ['w: Int @from(path: "[\'a.b\']") v: Int @from(path: "[\'a.b\'].c")', "by another field `['a.b']` is an Int"],
    ['a: Int v: Int @from(path: "[0]")', 'by another field the event is an object'],
  ])('that contradicts itself or another field is a fault: %s', (fields, message) => {
    expect(type(fields).join('\n')).toContain(message);
  });

  test.each([
    ['a: P v: Float @from(path: "a.lat") w: Int @from(path: "a.other")'],
    ['a: JSON v: Int @from(path: "a.b")'],
    ['a: ID v: Int @from(path: "a")'],
    ['v: Int @from(path: "some key.x-y.__proto__")'],
    ['v: Int @from(path: "[\'log.level\'].text") w: P @from(path: "log.level")'],
    ['a: [P] v: Float @from(path: "a[0].lat") w: String @from(path: "a[1].other")'],
    ['v: Int @from(path: "a[0]") w: P @from(path: "a[1]") x: [Int] @from(path: "a[2]")'],
    ['v: Int @from(path: "[0]") w: P @from(path: "[1]")'],
    ['a: JSON v: Int @from(path: "a[0].b")'],
    ['a: [JSON] v: Int @from(path: "a[0].b[1]")'],
  ])('that a record can satisfy is none: %s', (fields) => {
    expect(type(fields)).toEqual([]);
  });

  test('finds its value in the record, null where anything is missing, and never in a prototype', async () => {
    const { graphql } = compiled(
      subscription(
        'a: E @kafka(topic: "t") @public',
        'type E { lat: Float @from(path: "v.pos.lat") c: String @from(path: "toString") }',
      ),
    );
    const document = parse('subscription { a { lat c } }');
    const run = (a: unknown) => execute({ schema: graphql, document, rootValue: { a } });
    expect(await run({ v: { pos: { lat: 1.5 } } })).toEqual({ data: { a: { lat: 1.5, c: null } } });
    for (const broken of [{}, { v: null }, { v: 5 }, { v: { pos: [] } }])
      expect(await run(broken)).toEqual({ data: { a: { lat: null, c: null } } });
  });

  test('may name keys that hold dots, and elements of lists', async () => {
    const fields = `
      level: String @from(path: "['log.level']")  deep: Int @from(path: "['a.b'].c")
      first: String @from(path: "translation[0].text")  second: [Int] @from(path: "pairs[1]")`;
    const { graphql } = compiled(subscription('a: E @kafka(topic: "t") @public', `type E { ${fields} }`));
    const document = parse('subscription { a { level deep first second } }');
    const run = (a: unknown) => execute({ schema: graphql, document, rootValue: { a } });
    const record = { 'log.level': 'warn', 'a.b': { c: 5 }, translation: [{ text: 'x' }], pairs: [[1], [2, 3]] };
    expect(await run(record)).toEqual({ data: { a: { level: 'warn', deep: 5, first: 'x', second: [2, 3] } } });
    for (const broken of [{}, { translation: [] }, { translation: { 0: { text: 'x' } }, log: { level: 'x' } }])
      expect(await run(broken)).toEqual({ data: { a: { level: null, deep: null, first: null, second: null } } });
  });

  test('lets rules name such keys and elements, by their types', () => {
    const fields = `
      level: String @from(path: "['log.level']")  first: String @from(path: "translation[0].text")
      n: Int @from(path: "pairs[0]")  all: [P] `;
    const sdl = (rule: string) =>
      subscription(
        `a: E @kafka(topic: "t") @public @where(rule: "${rule}")`,
        `type E { ${fields} } type P { lat: Float }`,
      );
    for (const rule of [
      "event['log.level'] == claims.level && event.translation[0].text == claims.text",
      'event.translation[1].anything == 1 && event.translation.exists(t, t.text == claims.text)',
      'event.pairs[0] == 1 && event.all[0].lat > 1.0',
    ])
      expect(faultsOf(sdl(rule))).toEqual([]);
    expect(faultsOf(sdl("event['log.levl'] == claims.level")).join()).toContain('`log.levl` is unknown in E');
    expect(faultsOf(sdl("event['log.level'] == 1")).join()).toContain('a String and an Int');
    expect(faultsOf(sdl('event.translation[0].txt == claims.text')).join()).toContain('`txt` is unknown in E');
    expect(faultsOf(sdl("event.pairs[0] == 'x'")).join()).toContain('an Int and a String');
    const { fields: streams } = compiled(sdl("event['log.level'] == claims.level"));
    const field = streams.get('a');
    expect(field?.routes.map(({ expression }) => expression)).toEqual(["event['log.level']"]);
    expect(field?.routes[0]?.channel({ 'log.level': 'warn' })).toBe(field?.channels({}, { level: 'warn' })[0]);
    expect(field?.permit({ 'log.level': 'warn' }, {}, { level: 'warn' }, {} as never).pass).toBe(true);
  });

  test('is undone in rules, which see the record', () => {
    const fields = 'id: ID lat: Float @from(path: "v.pos.lat")';
    const sdl = (rule: string) =>
      subscription(`a: E @kafka(topic: "t") @public @where(rule: "${rule}")`, `type E { ${fields} }`);
    expect(faultsOf(sdl('event.v.pos.lat > 1.0'))).toEqual([]);
    expect(faultsOf(sdl('event.lat > 1.0')).join()).toContain('`lat` is unknown in E');
    expect(faultsOf(sdl('event.v.pos.lat'))).toHaveLength(1);
  });
});

describe('types of an event', () => {
  test('may refer to themselves, and be interfaces and unions', () => {
    const rest = `
      interface Node { id: ID }  type User implements Node { id: ID boss: User name: String }  type Bot implements Node { id: ID key: Int }
      union Actor = User | Bot
      type E { who: Actor node: Node }
    `;
    const sdl = (rule: string) => subscription(`a: E @kafka(topic: "t") @public @where(rule: "${rule}")`, rest);
    expect(
      faultsOf(sdl('event.who.boss.boss.name == claims.sub && event.node.key == 1 && event.node.id == claims.sub')),
    ).toEqual([]);
    expect(faultsOf(sdl('event.who.nope == claims.sub')).join()).toContain('`nope` is unknown in Actor');
  });

  test('may be scalars and lists', () => {
    const one = compiled(
      'type Subscription { a: ID! @kafka(topic: "t") @where(rule: "event == claims.sub") }',
    ).fields.get('a');
    expect(one?.permit(1, {}, { sub: '1' }, {} as never).pass).toBe(true);
    expect(one?.routes[0]?.channel(1)).toBe(one?.channels({}, { sub: '1' })[0]);
    expect(faultsOf('type Subscription { a: [ID]! @kafka(topic: "t") @where(rule: "claims.sub in event") }')).toEqual(
      [],
    );
  });
});

describe('Query', () => {
  const field = (sdl: string, name: string): GraphQLField<unknown, unknown> | undefined =>
    compiled(sdl).graphql.getQueryType()?.getFields()[name];

  test('is made when there is none, public, with version and viewer', () => {
    const schema = compiled(subscription('a: E @kafka(topic: "t") @public'));
    expect(String(schema.graphql.getQueryType()?.getFields().version?.type)).toBe('String!');
    const viewer = schema.graphql.getType('Viewer');
    expect(viewer && printType(viewer)).toContain('sub: String\n  claims: JSON');
    expect(schema.access.get('Query.version')?.public).toBe(true);
    expect(schema.access.get('Query.viewer')?.public).toBe(true);
  });

  test('leaves the author their own Viewer and JSON', () => {
    const sdl = subscription('a: E @kafka(topic: "t") @public', `${event} type Viewer { x: Int } type JSON { y: Int }`);
    expect(String(field(sdl, 'viewer')?.type)).toBe('TailraceViewer');
    expect(String(field(`${sdl.replace('type JSON { y: Int }', 'scalar JSON')}`, 'viewer')?.type)).toBe(
      'TailraceViewer',
    );
    expect(compiled(sdl).graphql.getType('TailraceJSON')).toBeDefined();
  });

  test('is left as it is when there is one, under any name', () => {
    expect(field(subscription('a: E @public', `${event} type Query { x: Int @public }`), 'version')).toBeUndefined();
    const named = `schema { query: Root subscription: Subscription } type Root { x: Int @public } ${subscription('a: E @public')}`;
    expect(compiled(named).graphql.getQueryType()?.name).toBe('Root');
    expect(field(`schema { subscription: Subscription } ${subscription('a: E @public')}`, 'version')).toBeDefined();
    expect(field(`extend type Query { mine: Int @public } ${subscription('a: E @public')}`, 'mine')).toBeDefined();
  });
});

describe('access', () => {
  test('is carried by Type.field and Type, scopes as an OR of ANDs', () => {
    const { access } = compiled(
      subscription(
        'a: E @kafka(topic: "t") @requiresScopes(scopes: [["x", "y"], ["z"]])',
        'type E @authenticated { id: ID @public }',
      ),
    );
    expect(access.get('Subscription.a')).toEqual({ public: false, authenticated: false, scopes: [['x', 'y'], ['z']] });
    expect(access.get('E')).toEqual({ public: false, authenticated: true, scopes: null });
    expect(access.get('E.id')).toEqual({ public: true, authenticated: false, scopes: null });
  });

  test('of Subscription, Query or Mutation holds for their fields', () => {
    const { access } = compiled(
      `type Subscription @authenticated { a: E @kafka(topic: "t") } ${event} type Query @public { x: Int }`,
    );
    expect(access.get('Subscription.a')?.authenticated).toBe(true);
    expect(access.get('Query.x')?.public).toBe(true);
  });

  test('needs no statement where the rule reads claims, and may be public there', () => {
    const field = 'a: E @kafka(topic: "t") @where(rule: "event.id == claims.sub")';
    expect(compiled(subscription(field)).access.has('Subscription.a')).toBe(false);
    expect(compiled(subscription(`${field} @public`)).access.get('Subscription.a')?.public).toBe(true);
  });
});

describe('a subscription field', () => {
  test('without @kafka is ephemeral, and says that it promises nothing', () => {
    const sdl = subscription('typing: E @public');
    expect([...compiled(sdl).ephemeral]).toEqual(['typing']);
    expect(compiled(sdl).fields.size).toBe(0);
    expect(problemsOf(sdl)).toEqual([
      expect.stringMatching(/^1:21 warning: .* neither resumes nor promises delivery$/),
    ]);
  });

  test('may be added by extending Subscription', () => {
    const schema = compiled(
      `${subscription('a: E @kafka(topic: "t") @public')} extend type Subscription { b: E @kafka(topic: "t") @public }`,
    );
    expect([...schema.fields.keys()]).toEqual(['a', 'b']);
  });
});

test('an author may repeat our definitions, described and laid out as they like', () => {
  const sdl = `"mine" directive @where(
    rule: String!
  ) on FIELD_DEFINITION
  enum OnGap { "end" FAIL CONTINUE }
  ${subscription('a: E @kafka(topic: "t") @where(rule: "event.id == claims.sub")')}`;
  expect(faultsOf(sdl)).toEqual([]);
});

test('an operation may say @resume', () => {
  expect(
    compiled(subscription('a: E @public'))
      .graphql.getDirective('resume')
      ?.args.map(({ name }) => name),
  ).toEqual(['after', 'rewind', 'onGap']);
});

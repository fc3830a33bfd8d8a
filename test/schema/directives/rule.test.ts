import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { faultsOf, fieldWith, judge, type Outcome, problemsOf, record, schemaWith } from '../given.js';

type Row = readonly [
  rule: string,
  outcome: Outcome,
  given?: { event?: unknown; args?: Record<string, unknown>; claims?: Record<string, unknown> },
];

const table = (name: string, rows: readonly Row[]) =>
  describe(name, () => {
    for (const [rule, outcome, given = {}] of rows)
      test(`${outcome}: ${rule} for ${inspect(given, { depth: 5, breakLength: Number.POSITIVE_INFINITY }).slice(0, 120)}`, () => {
        expect(judge(fieldWith(rule), given)).toBe(outcome);
      });
  });

table('both sides of a comparison are converted to the schema type', [
  ['event.id == claims.sub', 'allow', { event: { id: 1 }, claims: { sub: '1' } }],
  ['event.id == claims.sub', 'allow', { event: { id: '1' }, claims: { sub: 1 } }],
  ['claims.sub == event.id', 'allow', { event: { id: 1 }, claims: { sub: '1' } }],
  ['event.s == claims.sub', 'allow', { event: { s: 1 }, claims: { sub: '1' } }],
  ['event.id == claims.sub', 'deny', { event: { id: '01' }, claims: { sub: 1 } }],
  ['event.id == claims.sub', 'deny', { event: { id: '1' }, claims: { sub: ' 1' } }],
  ['event.id == claims.sub', 'error', { event: { id: 9007199254740992 }, claims: { sub: 9007199254740993n } }],
  ['event.id == claims.sub', 'allow', { event: { id: '9007199254740993' }, claims: { sub: 9007199254740993n } }],
  ['event.id == claims.sub', 'error', { event: { id: true }, claims: { sub: 'true' } }],
  ['event.id == claims.sub', 'error', { event: { id: { a: 1 } }, claims: { sub: '[object Object]' } }],
  ['event.n == claims.level', 'allow', { event: { n: 1 }, claims: { level: '1' } }],
  ['event.n == claims.level', 'allow', { event: { n: '1' }, claims: { level: 1 } }],
  ['event.n == claims.level', 'error', { event: { n: 1 }, claims: { level: '01' } }],
  ['event.n == claims.level', 'error', { event: { n: 1 }, claims: { level: ' 1' } }],
  ['event.n == claims.level', 'error', { event: { n: 1 }, claims: { level: '' } }],
  ['event.n == claims.level', 'error', { event: { n: 1 }, claims: { level: '1e0' } }],
  ['event.n == claims.level', 'error', { event: { n: 1.5 }, claims: { level: 1.5 } }],
  ['event.n == claims.level', 'allow', { event: { n: -0 }, claims: { level: 0 } }],
  ['event.n != claims.level', 'error', { event: { n: 1 }, claims: { level: 'one' } }],
  ['event.f == claims.level', 'allow', { event: { f: 1 }, claims: { level: '1.0' } }],
  ['event.f == claims.level', 'error', { event: { f: Number.NaN }, claims: { level: Number.NaN } }],
  ['event.f >= claims.least', 'allow', { event: { f: 10 }, claims: { least: '9' } }],
  ['event.f >= args.n', 'allow', { event: { f: 10 }, args: { n: 9 } }],
  ['event.n >= args.f', 'deny', { event: { n: 1 }, args: { f: 1.5 } }],
  ['event.b == claims.flag', 'allow', { event: { b: true }, claims: { flag: true } }],
  ['event.b == claims.flag', 'error', { event: { b: true }, claims: { flag: 1 } }],
  ['event.color == args.color', 'allow', { event: { color: 'RED' }, args: { color: 'RED' } }],
  ['event.any == claims.x', 'error', { event: { any: 1 }, claims: { x: '1' } }],
  ['event.any == claims.x', 'allow', { event: { any: 1 }, claims: { x: 1 } }],
  ['event.id == event.other', 'allow', { event: { id: 1, other: '1' } }],
  ['event.tags.exists(t, t == claims.tag)', 'allow', { event: { tags: ['a', '1'] }, claims: { tag: 1 } }],
  ['event.items[0].id == claims.item', 'allow', { event: { items: [{ id: 5 }] }, claims: { item: '5' } }],
  [
    'event.address.city.name == claims.city',
    'allow',
    { event: { address: { city: { name: 'Ulm' } } }, claims: { city: 'Ulm' } },
  ],
]);

table('null is a value in lists, maps and choices', [
  ["{'a': null, 'b': 1}.a == null", 'allow'],
  ["{'a': event.id}.a == null", 'allow', { event: { id: null } }],
  ["{'a': event.id}.a == null", 'error', { event: {} }],
  ['[event.n, null].exists(x, x == null)', 'allow', { event: { n: null } }],
  ['[1, null].exists(x, x == 1)', 'allow'],
  ['size([null, 1]) == 2', 'allow'],
  ['claims.list == [1, null]', 'allow', { claims: { list: [1, null] } }],
  ['claims.list == [1, null]', 'deny', { claims: { list: [1, 2] } }],
  ['(has(event.n) ? event.n : null) == null', 'allow', { event: {} }],
  ['(event.b == true ? (has(event.n) ? null : null) : "x") == "x"', 'allow', { event: { b: false } }],
  ['(event.b == true ? (has(event.n) ? null : null) : "x") == "x"', 'error', { event: { b: true } }],
  ['event.items.map(i, i.price).exists(p, p == null)', 'allow', { event: { items: [{ price: null }] } }],
  [
    'event.items.map(i, has(i.price) ? i.price : null).exists(p, p == 2.5)',
    'allow',
    { event: { items: [{}, { price: 2.5 }] } },
  ],
]);

table('json() reads JSON inside of a text', [
  ['json(event.s).tenant == claims.tenant', 'allow', { event: { s: '{"tenant":"a"}' }, claims: { tenant: 'a' } }],
  ['json(event.s).tenant == claims.tenant', 'deny', { event: { s: '{"tenant":"a"}' }, claims: { tenant: 'b' } }],
  ['json(event.s).tenant == claims.tenant', 'error', { event: { s: '{"tenant":"a"}' } }],
  ['json(event.s).tenant == claims.tenant', 'error', { event: { s: '{}' }, claims: { tenant: 'a' } }],
  ['json(event.s).id == args.id', 'allow', { event: { s: '{"id":7}' }, args: { id: '7' } }],
  [
    'json(event.s).id == args.id',
    'allow',
    { event: { s: '{"id":9007199254740993}' }, args: { id: '9007199254740993' } },
  ],
  [
    'json(event.s).id == args.id',
    'deny',
    { event: { s: '{"id":9007199254740993}' }, args: { id: '9007199254740992' } },
  ],
  ['json(event.s).a.b[1] == 2', 'allow', { event: { s: '{"a":{"b":[1,2]}}' } }],
  ['json(event.s).x == null', 'allow', { event: { s: '{"x":null}' } }],
  ['json(event.s) == null', 'allow', { event: { s: 'null' } }],
  ['has(json(event.s).x)', 'deny', { event: { s: '{}' } }],
  ['json(event.s).list.exists(x, x == claims.sub)', 'allow', { event: { s: '{"list":["u"]}' }, claims: { sub: 'u' } }],
  ['json(event.s).x == 1', 'error', { event: { s: '{' } }],
  ['json(event.s).x == 1', 'error', { event: { s: '' } }],
  ['json(event.s).x == 1', 'error', { event: { s: 5 } }],
  ['json(event.s).x == 1', 'error', { event: {} }],
  ['!(json(event.s).x == 1)', 'error', { event: { s: 'rubbish' } }],
  ['json(event.s).x == 1 || event.b == true', 'allow', { event: { s: 'rubbish', b: true } }],
  ['json(record.headers.meta).x == 1', 'error'],
  ['json(claims.org).id == event.id', 'allow', { event: { id: 5 }, claims: { org: '{"id":"5"}' } }],
]);

test('json() reads the same text once, however many viewers are judged by it', () => {
  const field = fieldWith('json(event.s).a == json(event.t).a');
  for (const [s, t, outcome] of [
    ['{"a":1}', '{"a":1}', 'allow'],
    ['{"a":2}', '{"a":1}', 'deny'],
    ['{"a":2}', '{"a":2}', 'allow'],
    ['{', '{"a":2}', 'error'],
    ['{', '{"a":2}', 'error'],
    ['{"a":2}', '{"a":2}', 'allow'],
  ])
    expect(judge(field, { event: { s, t } })).toBe(outcome);
});

table('a missing or null side is an error, which denies', [
  ['event.id == claims.sub', 'error', { event: { id: '1' } }],
  ['event.id == claims.sub', 'error', { event: {}, claims: { sub: '1' } }],
  ['event.id == claims.sub', 'error', { event: { id: null }, claims: { sub: null } }],
  ['event.id != claims.sub', 'error', { event: { id: '1' } }],
  ['!(event.id == claims.sub)', 'error', { event: { id: '1' } }],
  ['event.id == args.id', 'error', { event: { id: null } }],
  ['event.f > args.f', 'error', { event: { f: 1 } }],
  ['claims.a == claims.b', 'error'],
  ['claims.a != claims.b', 'error', { claims: { a: 1 } }],
  ['claims.admin', 'error'],
  ['!claims.banned', 'error'],
  ['claims.admin', 'allow', { claims: { admin: true } }],
  ['claims.admin', 'error', { claims: { admin: 'true' } }],
  ['event.owner.id == claims.sub', 'error', { event: { owner: 'ada' }, claims: { sub: 'ada' } }],
]);

table('only && and || absorb an error, from either side', [
  ['event.id == claims.sub || event.b == true', 'allow', { event: { b: true } }],
  ['event.b == true || event.id == claims.sub', 'allow', { event: { b: true } }],
  ['event.id == claims.sub || event.b == true', 'error', { event: { b: false } }],
  ['event.id == claims.sub && event.b == true', 'deny', { event: { b: false } }],
  ['event.b == true && event.id == claims.sub', 'deny', { event: { b: false } }],
  ['event.b == true && event.id == claims.sub', 'error', { event: { b: true } }],
  ['event.id == claims.sub ? true : true', 'error', { event: { id: '1' } }],
]);

table('a list is a list, and nothing else', [
  ['event.id in claims.ids', 'allow', { event: { id: 1 }, claims: { ids: ['0', '1'] } }],
  ['event.id in claims.ids', 'deny', { event: { id: 1 }, claims: { ids: ['11'] } }],
  ['event.id in claims.ids', 'deny', { event: { id: 1 }, claims: { ids: [] } }],
  ['event.id in claims.ids', 'error', { event: { id: '1' }, claims: { ids: '123' } }],
  ['event.id in claims.ids', 'error', { event: { id: '1' }, claims: { ids: { 1: true } } }],
  ['event.id in claims.ids', 'error', { event: { id: '1' } }],
  ['event.id in claims.ids', 'error', { claims: { ids: ['1'] } }],
  ['event.id in claims.ids', 'allow', { event: { id: '1' }, claims: { ids: [null, '1'] } }],
  ['event.id in claims.ids', 'error', { event: { id: '1' }, claims: { ids: [null] } }],
  ['!(event.id in claims.blocked)', 'error', { event: { id: '1' } }],
  ['!(event.id in claims.blocked)', 'allow', { event: { id: '1' }, claims: { blocked: ['2'] } }],
  ['!(event.id in claims.blocked)', 'deny', { event: { id: 1 }, claims: { blocked: ['1'] } }],
  ['claims.role in event.tags', 'allow', { event: { tags: ['x'] }, claims: { role: 'x' } }],
  ['"x" in claims.roles', 'error', { claims: { roles: 'xyz' } }],
  ['"x" in claims["https://example.com/roles"]', 'allow', { claims: { 'https://example.com/roles': ['x'] } }],
  ['claims.roles.exists(r, r == "x")', 'error', { claims: { roles: 'x' } }],
  ['event.id in args.ids', 'allow', { event: { id: 1 }, args: { ids: ['1'] } }],
]);

table('only the literal null tests for null, and a missing field equals it', [
  ['event.id == null', 'allow', { event: {} }],
  ['event.id == null', 'allow', { event: { id: null } }],
  ['event.id == null', 'deny', { event: { id: '' } }],
  ['event.owner.id == null', 'allow', { event: {} }],
  ['null != event.id', 'allow', { event: { id: 0 } }],
  ['event.f == null', 'deny', { event: { f: 0.5 } }],
  ['event.owner.id == null', 'error', { event: { owner: 5 } }],
  ['claims.tenant == null', 'allow'],
  ['args.n == null || event.n >= args.n', 'allow', { event: { n: 1 } }],
  ['args.n == null || event.n >= args.n', 'deny', { event: { n: 1 }, args: { n: 2 } }],
  ['args.filter.id == null', 'allow'],
  ['has(event.id)', 'deny', { event: { id: null } }],
  ['has(claims.sub)', 'allow', { claims: { sub: '' } }],
]);

table('a path reads own properties only', [
  ['claims.constructor == null', 'allow'],
  ['claims.toString == null', 'allow'],
  ['claims["__proto__"] == null', 'allow'],
  ['claims["__proto__"].x == 1', 'allow', { claims: JSON.parse('{"__proto__": {"x": 1}}') as Record<string, unknown> }],
  ['has(claims.hasOwnProperty)', 'deny'],
  ['claims.sub.length == 3', 'error', { claims: { sub: 'ada' } }],
]);

table('arithmetic, functions and macros mean what CEL says', [
  ['event.n + 1.5 > 2', 'allow', { event: { n: 1 } }],
  ['event.n / 2 == 3', 'allow', { event: { n: 7 } }],
  ['event.f / 2 == 3.5', 'allow', { event: { f: 7 } }],
  ['-event.n / 2 == -3', 'allow', { event: { n: 7 } }],
  ['-event.n == -7 && -event.n < 0', 'allow', { event: { n: 7 } }],
  ['event.n % 0 == 0', 'error', { event: { n: 7 } }],
  ['event.n / 0 == 0', 'error', { event: { n: 7 } }],
  ['!(event.n % claims.n == 1)', 'error', { event: { n: 7 }, claims: { n: 0 } }],
  ['string(event.f / 0.0) != ""', 'error', { event: { f: 7 } }],
  ['string(event.n * 9007199254740991) == "18014398509481982"', 'allow', { event: { n: 2 } }],
  ['event.n * 9223372036854775807 > 0', 'error', { event: { n: 2 } }],
  ['event.n == 9007199254740993', 'allow', { event: { n: 9007199254740993n } }],
  ['event.n == 9007199254740993', 'deny', { event: { n: 9007199254740994n } }],
  ['int(event.id) % 1000 == 97', 'allow', { event: { id: 1524831183200260097n } }],
  ['string(event.id) == "1524831183200260097"', 'allow', { event: { id: 1524831183200260097n } }],
  ['-event.n == 9007199254740993', 'allow', { event: { n: -9007199254740993n } }],
  ['claims.a == claims.b', 'deny', { claims: { a: 9007199254740993n, b: 9007199254740992 } }],
  ['claims.a == claims.b', 'allow', { claims: { a: 9007199254740992n, b: 9007199254740992 } }],
  ['event.id in claims.ids', 'allow', { event: { id: 9007199254740993n }, claims: { ids: [1, 9007199254740993n] } }],
  ['event.n > 9007199254740992', 'allow', { event: { n: 9007199254740993n } }],
  ['event.n > 9007199254740992', 'deny', { event: { n: 5 } }],
  ['claims.a + claims.b == 3', 'allow', { claims: { a: 1, b: 2 } }],
  ['claims.a + claims.b == "12"', 'error', { claims: { a: 1, b: '2' } }],
  ['claims.a == 1', 'deny', { claims: { a: '1' } }],
  ['claims.a > 1', 'error', { claims: { a: '2' } }],
  ['int(claims.a) > 1', 'allow', { claims: { a: '2' } }],
  ['int(claims.a) > 1', 'error', { claims: { a: 'two' } }],
  ['size(event.s) == 1', 'allow', { event: { s: '😀' } }],
  ['event.tags.size() == 2', 'allow', { event: { tags: ['a', 'b'] } }],
  ['size(event.tags) == 0', 'error', { event: {} }],
  ['event.s.startsWith(claims.area)', 'error', { event: { s: 'x' } }],
  ['event.id.startsWith("1")', 'allow', { event: { id: 12 } }],
  ['event.s.lowerAscii() == claims.mail', 'allow', { event: { s: 'ADA' }, claims: { mail: 'ada' } }],
  ['event.s.matches("^a[bc]+$")', 'allow', { event: { s: 'abcb' } }],
  ['event.s.matches("^a")', 'error', { event: { s: 'a'.repeat(1000) } }],
  ['event.tags.all(t, t != "x")', 'allow', { event: { tags: [] } }],
  ['event.tags.all(t, t != "x")', 'error', { event: { tags: ['a', null] } }],
  ['event.tags.all(t, t != "x")', 'deny', { event: { tags: [null, 'x'] } }],
  ['event.tags.exists_one(t, t == "x")', 'deny', { event: { tags: ['x', 'x'] } }],
  ['event.items.filter(i, i.price > 1).size() == 1', 'allow', { event: { items: [{ price: 1 }, { price: 2 }] } }],
  ['event.items.map(i, i.price) == [1.5, 2]', 'allow', { event: { items: [{ price: 1.5 }, { price: 2 }] } }],
  ['event.items.filter(i, i.price > 1).exists(i, i.id == "7")', 'allow', { event: { items: [{ id: 7, price: 2 }] } }],
  ['(event.b == true ? event.id : event.other) == "7"', 'allow', { event: { b: false, other: 7 } }],
  ['record.key == "k" && record.headers.kind == "x" && record.offset >= 7 && record.partition == 3', 'allow'],
  ['"kind" in record.headers && !("other" in record.headers)', 'allow'],
  ['event.b == true ? event.n > 1 : event.n > 5', 'allow', { event: { b: true, n: 2 } }],
]);

describe('a rule', () => {
  test('never throws, whatever the event is', () => {
    const field = fieldWith('event.id == claims.sub && size(event.tags) > 0');
    const trap = new Proxy(
      {},
      {
        getOwnPropertyDescriptor: () => {
          throw new Error('trap');
        },
      },
    );
    for (const event of [null, undefined, 5, 'x', [], trap, () => 1])
      expect(field.permit(event, {}, {}, record).pass).toBe(false);
  });

  test('lets no null pass for an event, even when it does not look at it', () => {
    for (const rule of ['claims.x == null', 'event == null', null])
      for (const event of [null, undefined]) expect(fieldWith(rule).permit(event, {}, {}, record).pass).toBe(false);
  });

  test('answers plain allow and deny with the same frozen verdicts, whatever the rule', () => {
    const [first, second] = [fieldWith('event.n == 1'), fieldWith('event.n > 0')];
    expect(first.permit({ n: 1 }, {}, {}, record)).toBe(second.permit({ n: 1 }, {}, {}, record));
    expect(first.permit({ n: 2 }, {}, {}, record)).toBe(second.permit({ n: 0 }, {}, {}, record));
    expect(Object.isFrozen(first.permit({ n: 1 }, {}, {}, record))).toBe(true);
  });

  test('says in its error which part failed, and never a value', () => {
    const { error } = fieldWith('event.id == claims.sub').permit({ id: 'secret-1' }, {}, {}, record);
    expect(error).toContain('event.id == claims.sub');
    expect(error).not.toContain('secret-1');
  });

  test('tells what it reads: the arguments, the first name of each claim, and the record', () => {
    const { reads } = fieldWith('event.id == claims.a.b && event.n > args.n && claims["https://x/y"] == record.key');
    expect(reads).toEqual({ args: ['n'], claims: ['a', 'https://x/y'], record: true });
    expect(fieldWith('size(claims) > 0').reads.claims).toEqual(['*']);
    expect(fieldWith('claims[args.s] == "x" && claims.sub == "y"').reads.claims).toEqual(['*']);
    expect(fieldWith('event.tags.exists(t, t == claims.tag)').reads.claims).toEqual(['tag']);
    expect(fieldWith(null).reads).toEqual({ args: [], claims: [], record: false });
  });
});

describe('a rule is refused', () => {
  test.each([
    ['event.idd == claims.sub', '`idd` is unknown in Event. Did you mean "id"'],
    ['event.owner.nam == claims.sub', '`nam` is unknown in Owner. Did you mean "name"?'],
    ['event.city == claims.city', '`city` is unknown in Event'],
    ['event.id == args.idd', '`idd` is no argument of this field. Did you mean "id"'],
    ['event.id.x == "1"', '`event.id` is an ID and has no `x`'],
    ['evnt.id == claims.sub', '`evnt` is unknown here; there are event, args, claims, record. Did you mean "event"?'],
    ['event.id', 'a rule is true or false, and this one is an ID'],
    ['event.n && true', '`&&` takes true or false, and `event.n` is an Int'],
    ['!event.s', '`!` takes true or false, and `event.s` is a String'],
    ['event.tags == claims.sub', 'cannot be compared'],
    ['event.tags == "x"', '`event.tags` and `"x"` cannot be compared: a list and a String'],
    ['event.items.map(i, i.id) == ["1"]', 'cannot be compared'],
    ['event.n == "1"', '`event.n` and `"1"` cannot be compared: an Int and a String'],
    ['event.s == 1', '`event.s` and `1` cannot be compared: a String and an Int'],
    ['event.s == event.n', 'cannot be compared'],
    ['event.b == args.s', 'cannot be compared'],
    ['event.id in claims.list && event.id in args.s', '`in` needs a list, and `args.s` is a String'],
    ['event.s in [1, 2]', 'cannot be compared'],
    ['event.id > null', 'null has no order'],
    ['event.n in [1, null]', 'null can be tested with == and != only'],
    ['event.n + event.s == 1', '`+` does not take an Int and a String'],
    ['claims.a / 2 > 1', 'say int(…) or double(…)'],
    ['event.f % 2 == 0', '`%` takes whole numbers'],
    ['event.s.matches(claims.pattern)', 'written as a literal'],
    ['event.s.matches("(a+)+$")', 'may take for ever'],
    ['timestamp(event.s) > timestamp("2026-01-01T00:00:00Z")', 'the function timestamp() is unknown here'],
    ['event.s.startWith("x")', 'Did you mean "startsWith"?'],
    ['event.s.startsWith("x", "y")', 'startsWith() takes 1 argument'],
    ['size(event.n) > 0', 'size() does not take an Int'],
    ['event.tags.exists(event, event == "x")', '`event` already means something here'],
    ['event.s == b"x"', 'bytes and unsigned numbers are not supported'],
    ['record.value.x == 1', '`value` is unknown in record'],
    ['event[args.s] == "x"', 'is named by a literal'],
    ['json(event.owner).x == 1', 'json() does not take an object'],
    ['json(event.n).x == 1', 'json() does not take an Int'],
    ['json() == 1', 'json() takes 1 argument'],
    ['event.s.json().x == 1', 'the function x.json() is unknown here'],
    ['jsn(event.s).x == 1', 'Did you mean "json"?'],
    ['[1, null].exists(x, x in [2, null])', 'null can be tested with == and != only'],
    ['event.id == ', 'Unexpected token'],
    ['event.id = claims.sub', 'Unexpected character: =; this is CEL, which has == != < <= > >= in && || !'],
    ['event.id == claims.sub and event.b', 'which has == != < <= > >= in && || !'],
    ['cel.bind(x, 1, x == 1)', 'is unknown here'],
  ])('%s', (rule, message) => {
    expect(faultsOf(schemaWith(rule)).join('\n')).toContain(message);
  });

  test('with every fault in it at once', () => {
    expect(faultsOf(schemaWith('event.x1 == claims.sub && args.y2 == 1 && foo(event.n)'))).toHaveLength(3);
  });
});

describe('a rule is accepted with a warning', () => {
  test.each([
    ['event.n == claims.sub', '`event.n` is a number and claims.sub a string'],
    ['event.n == args.s', '`event.n` is an Int and `args.s` a String'],
    ['event.id < "9"', 'its order is that of text'],
    ['event.color == "REDD"', '"REDD" is no value of an enum Color. Did you mean "RED"?'],
  ])('%s', (rule, message) => {
    expect(faultsOf(schemaWith(rule))).toEqual([]);
    expect(problemsOf(schemaWith(rule)).join('\n')).toContain(message);
  });
});

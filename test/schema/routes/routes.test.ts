import { describe, expect, test } from 'vitest';
import { defaultCluster } from '../../../src/event/source-event.js';
import { argsWith, compiled, fieldWith, retention, schemaWith } from '../given.js';

const routesOf = (rule: string | null) => fieldWith(rule).routes.map(({ expression }) => expression);

describe('an event goes by', () => {
  test.each<[rule: string | null, routes: readonly string[]]>([
    [null, ['*']],
    ['event.f > 1.0', ['*']],
    ['event.id == claims.sub', ['event.id']],
    ['claims.sub == event.id', ['event.id']],
    ['event.id == args.id', ['event.id']],
    ['event.id == args.filter.id', ['event.id']],
    ['event.id == claims["https://x/y"].z', ['event.id']],
    ['event.address.city.name == claims.city', ['event.address.city.name']],
    ['event.id in claims.ids', ['event.id']],
    ['event.id in args.ids', ['event.id']],
    ['event.s == claims.mail.lowerAscii()', ['event.s']],
    ['event.id == claims.sub && (args.f == null || event.f >= args.f)', ['event.id']],
    ['event.s == claims.tenant && event.id == claims.sub', ['event.id & event.s']],
    ['event.id == claims.sub && event.s == claims.tenant', ['event.id & event.s']],
    ['event.id in claims.ids && event.other in claims.others', ['event.id']],
    ['event.id in claims.ids && event.s == claims.tenant', ['event.id & event.s']],
    ['args.id == null || event.id == args.id', ['*', 'event.id']],
    ['event.id == args.id || args.id == null', ['event.id', '*']],
    ['event.s == claims.tenant && (args.id == null || event.id == args.id)', ['event.s', 'event.id & event.s']],
    ['event.id == claims.sub || event.other == claims.sub', ['event.id', 'event.other']],
    ['"admin" in claims.roles || event.id == claims.sub', ['*', 'event.id']],
    ['event.id == claims.sub || event.f > 1.0', ['*']],
    ['!(event.id == claims.sub)', ['*']],
    ['event.id != claims.sub', ['*']],
    ['event.id == "1"', ['*']],
    ['event.id == event.other', ['*']],
    ['claims.admin == true', ['*']],
    ['claims.friends.exists(f, event.id == f)', ['*']],
  ])('%s: %j', (rule, routes) => {
    expect(routesOf(rule)).toEqual(routes);
  });

  test('at most four channels: optional equalities beyond that are left to the rule', () => {
    const optional = (name: string) => `(args.${name} == null || event.${name} == args.${name})`;
    const rule = ['id', 'n', 's', 'b'].map(optional).join(' && ');
    expect(routesOf(rule)).toHaveLength(4);
    expect(routesOf(`event.other == claims.sub && ${rule}`).every((route) => route.includes('event.other'))).toBe(true);
    const five = ['id', 'other', 's', 't', 'n'].map((name) => `event.${name} == claims.x`).join(' || ');
    expect(routesOf(five)).toEqual(['*']);
  });
});

describe('a viewer listens', () => {
  const channels = (rule: string, args = {}, claims = {}) => fieldWith(rule).channels(argsWith(args), claims);

  test('where their own events go, and nowhere else', () => {
    const field = fieldWith('event.id == claims.sub');
    const [route] = field.routes;
    expect(field.channels(argsWith({}), { sub: 1 })).toEqual([route?.channel({ id: '1' })]);
    expect(field.channels(argsWith({}), { sub: '2' })).not.toContain(route?.channel({ id: '1' }));
  });

  test('nowhere when a value is missing, null or of another type', () => {
    for (const sub of [undefined, null, true, {}, ['1'], Number.NaN, 2 ** 60])
      expect(channels('event.id == claims.sub', {}, { sub })).toEqual([]);
    expect(channels('event.n == claims.sub', {}, { sub: 'one' })).toEqual([]);
    expect(channels('event.id in claims.ids', {}, { ids: '123' })).toEqual([]);
  });

  test('to one channel per element of a list, each once', () => {
    expect(channels('event.id in claims.ids', {}, { ids: ['1', 1, '2', null, {}] })).toHaveLength(2);
    expect(channels('event.id in claims.ids', {}, { ids: [] })).toEqual([]);
  });

  test('to everything only when the optional argument is not given', () => {
    const rule = 'args.id == null || event.id == args.id';
    const [everything, byId] = fieldWith(rule).routes;
    expect(channels(rule)).toEqual([everything?.channel({})]);
    expect(channels(rule, { id: 'x' })).toEqual([byId?.channel({ id: 'x' })]);
  });

  test('to everything alone, where that holds all the rest', () => {
    const rule = '"admin" in claims.roles || event.id == claims.sub';
    const [everything, own] = fieldWith(rule).routes;
    expect(channels(rule, {}, { roles: ['admin'], sub: '1' })).toEqual([everything?.channel({})]);
    expect(channels(rule, {}, { roles: ['clerk'], sub: '1' })).toEqual([own?.channel({ id: 1 })]);
  });

  test('in both channels of an either-or', () => {
    expect(channels('event.id == claims.sub || event.other == claims.sub', {}, { sub: '1' })).toHaveLength(2);
  });
});

describe('routes', () => {
  const two = (first: string, second: string) =>
    compiled(`
      type Subscription {
        a(x: ID): Event @kafka(topic: "t") @where(rule: "event.id == claims.sub") @history(retain: "1m", max: 9)
        b(y: ID): Event ${first} @where(rule: "claims.sub == event.id && event.n > 1") @history(retain: "1h", max: 5) ${second}
        c: Event ${first} @where(rule: "event.id == claims.sub") @history(retain: "1m", max: 1)
      }
      type Event { id: ID n: Int }
    `);

  test('are shared by fields that agree, and keep the longest and the most that any of them wants', () => {
    const schema = two('@kafka(topic: "t", pick: " record . value ")', '');
    const [a, b] = [schema.fields.get('a'), schema.fields.get('b')];
    expect(a?.routes[0]).toBe(b?.routes[0]);
    expect(a?.extractor).toBe(b?.extractor);
    expect(a?.routes[0]?.retention).toEqual({ retain: 3_600_000, max: 9 });
    expect(a?.retention).toEqual({ retain: 60_000, max: 9 });
    expect(schema.topics.in(defaultCluster).get('t')?.extractors).toHaveLength(1);
  });

  test('of another topic, pick or each are others', () => {
    for (const kafka of ['topic: "u"', 'topic: "t", pick: "record.value.x"', 'topic: "t", each: "record.value"']) {
      const schema = two(`@kafka(${kafka})`, '');
      expect(schema.fields.get('a')?.routes[0]?.id).not.toBe(schema.fields.get('b')?.routes[0]?.id);
    }
  });

  test('change the fingerprint, and nothing else does', () => {
    const print = (rule: string) => compiled(schemaWith(rule)).fingerprint;
    expect(print('event.id == claims.sub')).toMatch(/^[\w-]{8}$/);
    expect(print('event.id == claims.sub')).toBe(print('claims.other == event.id && event.n > 3'));
    expect(print('event.id == claims.sub')).not.toBe(print('event.other == claims.sub'));
    expect(print('event.n == claims.sub')).not.toBe(print('event.id == claims.sub'));
  });

  test('have names of 11 characters, and give an event without a value to nobody', () => {
    const [route] = fieldWith('event.id == claims.sub').routes;
    expect(route?.id).toMatch(/^[\w-]{11}$/);
    expect(route?.retention).toEqual(retention);
    for (const event of [{}, { id: null }, { id: {} }, null, 5]) expect(route?.channel(event)).toBeNull();
    expect(route?.channel({ id: '' })).toBe(`${route?.id}:`);
    const [everything] = fieldWith(null).routes;
    expect(everything?.channel({})).toBe(everything?.id);
    expect(everything?.channel(null)).toBeNull();
  });
});

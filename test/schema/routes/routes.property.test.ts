import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Route } from '../../../src/schema/stream-schema.js';
import { cases } from '../../support/properties.js';
import { fieldOrNull, ofDrawnRules, rule } from '../drawn.js';
import { compiled, fieldWith, record } from '../given.js';

test('whenever a rule lets an event pass, its viewer listens to a channel the event goes to', () => {
  let passed = 0;
  let narrowed = 0;
  ofDrawnRules(({ text, field, events, viewer }) => {
    const heard = field.channels(...viewer);
    expect(new Set(heard).size).toBe(heard.length);
    for (const event of events) {
      const reached = field.extractor.routes.some((route) => heard.some((channel) => channel === route.channel(event)));
      const { pass } = field.permit(event, ...viewer, record);
      if (pass) passed++;
      if (!reached) narrowed++;
      if (pass && !reached)
        throw new Error(`lost by ${field.routes.map((route) => route.expression).join(', ')}: ${text}`);
    }
  });
  // Routes that never narrow, or rules that never pass, would prove nothing.
  expect(passed).toBeGreaterThan(cases(5000));
  expect(narrowed).toBeGreaterThan(cases(5000));
});

test('no rule makes an event go to more than four channels', () => {
  fc.assert(
    fc.property(rule, (text) => (fieldOrNull(text)?.routes.length ?? 1) <= 4),
    { numRuns: cases(1000) },
  );
});

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom(
      ' ',
      ':',
      '|',
      '*',
      '\n',
      '\0',
      '%',
      '~',
      '1',
      'a',
      '\ud800',
      '\udc00',
      '�',
      "'",
      '"',
      '{',
      '}',
      '?',
    ),
    maxLength: 4,
  }),
  fc.constantFrom('__proto__', 'constructor', '', '0', '-0', '1', '01', '1.0', 'null', 'undefined', 'true', '%31', '~'),
  fc
    .tuple(fc.constantFrom('x', '\ud800', '%'), fc.constantFrom('a', 'b'))
    .map(([fill, last]) => fill.repeat(10_000) + last),
);

const channelOf = (route: Route | undefined, event: unknown) => String(route?.channel(event));
const alphabet = /^[A-Za-z0-9_-]{11}(:[A-Za-z0-9_.%~-]*)*$/;

test('two different values never give one channel, and no value leaves its alphabet', () => {
  const [route] = fieldWith('event.id == claims.sub').routes;
  fc.assert(
    fc.property(nasty, nasty, (a, b) => {
      const [first, second] = [channelOf(route, { id: a }), channelOf(route, { id: b })];
      expect(first === second).toBe(a === b);
      expect(first).toMatch(alphabet);
      expect(first.length).toBeLessThan(220);
    }),
    { numRuns: cases(6000) },
  );
});

test('values made to look like the name of another have names of their own', () => {
  const [route] = fieldWith('event.id == claims.sub').routes;
  const nameOf = (id: unknown) => channelOf(route, { id }).slice(12);
  const long = 'x'.repeat(10_000);
  const values = [
    '\ud800',
    '\udc00',
    '\udc00\ud800',
    '\ufffd',
    '?',
    '%EF%BF%BD',
    '~',
    '%7E',
    long,
    nameOf(long),
    nameOf('\ud800'),
    nameOf('ü'),
  ];
  expect(new Set(values.map(nameOf)).size).toBe(values.length);
});

test('two different pairs never give one channel of a composite route', () => {
  const [route] = fieldWith('event.id == claims.sub && event.s == claims.tenant').routes;
  fc.assert(
    fc.property(nasty, nasty, nasty, nasty, (a, b, c, d) => {
      const same = channelOf(route, { id: a, s: b }) === channelOf(route, { id: c, s: d });
      expect(same).toBe(a === c && b === d);
    }),
    {
      numRuns: cases(4000),
      examples: [
        ['a:b', 'c', 'a', 'b:c'],
        ['', 'a', 'a', ''],
      ],
    },
  );
});

test('of an unknown type, a number and its text have different channels', () => {
  const [route] = fieldWith('event.any == claims.x').routes;
  const names = [1, '1', true, 'true', 'n1', '', 0].map((any) => channelOf(route, { any }));
  expect(new Set(names).size).toBe(names.length);
  expect(channelOf(route, { any: -0 })).toBe(channelOf(route, { any: 0 }));
});

test('channels of different routes differ, and no channel of values is a broadcast', () => {
  const schema = compiled(`
    type Subscription {
      all: E @kafka(topic: "t") @public
      a: E @kafka(topic: "t") @where(rule: "event.id == claims.sub")
      b: E @kafka(topic: "t") @where(rule: "event.x == claims.sub")
      c: E @kafka(topic: "t") @where(rule: "event.n == claims.sub")
      d: E @kafka(topic: "u") @where(rule: "event.id == claims.sub")
    }
    type E { id: ID x: ID n: Int }
  `);
  const routes = [...schema.topics].flatMap(({ extractors }) => extractors.flatMap(({ routes }) => routes));
  expect(routes).toHaveLength(5);
  const names = routes.map((route) => channelOf(route, { id: '1', x: '1', n: 1 }));
  expect(new Set(names).size).toBe(5);
});

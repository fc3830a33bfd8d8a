import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cases } from '../../support/properties.js';
import { fieldWith, judge, type Outcome } from '../given.js';

/** Texts of well-typed rules without null and without mixed types: there CEL and we mean the same. */
const { rule } = fc.letrec<{ rule: string; number: string; text: string; list: string }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      'event.n',
      'event.m',
      'event.gone.n',
      '0',
      '1',
      '2',
      '-3',
      '9007199254740993',
      '-9223372036854775807',
    ),
    fc
      .tuple(tie('number'), fc.constantFrom('+', '-', '*', '/', '%'), tie('number'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('text').map((text) => `size(${text})`),
    tie('list').map((list) => `${list}.size()`),
  ),
  text: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('event.s', 'event.t', '""', '"a"', '"ab"', '"😀"'),
    fc.tuple(tie('text'), tie('text')).map(([a, b]) => `(${a} + ${b})`),
    tie('number').map((number) => `string(${number})`),
  ),
  list: fc.oneof(
    fc.constantFrom('event.tags', '["a", "b"]'),
    fc.array(tie('text'), { minLength: 1, maxLength: 3 }).map((texts) => `[${texts.join(', ')}]`),
  ),
  rule: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('event.b', 'true', 'false', 'has(event.s)', 'has(event.gone)'),
    fc
      .tuple(tie('number'), fc.constantFrom('==', '!=', '<', '<=', '>', '>='), tie('number'))
      .map((parts) => parts.join(' ')),
    fc.tuple(tie('text'), fc.constantFrom('==', '!='), tie('text')).map((parts) => parts.join(' ')),
    fc
      .tuple(tie('text'), fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('text'))
      .map(([a, f, b]) => `${a}.${f}(${b})`),
    fc.tuple(tie('text'), tie('list')).map(([text, list]) => `${text} in ${list}`),
    fc
      .tuple(
        tie('list'),
        fc.constantFrom('exists', 'all', 'exists_one'),
        fc.constantFrom('x == event.s', 'x != event.t', 'size(x) > event.n', 'x.contains("a")'),
      )
      .map(([list, macro, body]) => `${list}.${macro}(x, ${body})`),
    fc.tuple(tie('rule'), fc.constantFrom('&&', '||'), tie('rule')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('rule').map((part) => `!(${part})`),
    fc.tuple(tie('rule'), tie('rule'), tie('rule')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
  ),
}));

/** As JSON brings them: a bigint where a double cannot hold the number. */
const large = fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n), 2 ** 53 - 1);

const event = fc.record(
  {
    n: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -5, max: 5 }) }, large),
    m: fc.integer({ min: -5, max: 5 }),
    s: fc.constantFrom('', 'a', 'b', 'ab', '😀'),
    t: fc.constantFrom('', 'a', 'b', 'ab'),
    b: fc.boolean(),
    tags: fc.array(fc.constantFrom('a', 'b', '', 'ab'), { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

/** A list of known and unknown types is one of its errors, unless told otherwise. */
const cel = new Environment({ homogeneousAggregateLiterals: false }).registerVariable('event', 'dyn');

/** cel-js keeps integers as BigInt. */
function celOutcome(text: string, given: Readonly<Record<string, unknown>>): Outcome {
  const whole = Object.entries(given).map(([key, value]) => [key, typeof value === 'number' ? BigInt(value) : value]);
  try {
    return cel.evaluate(text, { event: Object.fromEntries(whole) as Record<string, unknown> }) === true
      ? 'allow'
      : 'deny';
  } catch {
    return 'error';
  }
}

test('a compiled rule gives what the CEL evaluator gives, errors included', () => {
  const seen = { allow: 0, deny: 0, error: 0 };
  fc.assert(
    fc.property(rule, fc.array(event, { minLength: 3, maxLength: 3 }), (drawn, events) => {
      // `gone` is a declared field that no event has.
      const text = drawn.replaceAll('event.gone.n', 'event.owner.name.size()').replaceAll('event.gone', 'event.owner');
      const field = fieldWith(text);
      for (const given of events) {
        const outcome = judge(field, { event: given });
        seen[outcome]++;
        expect({ text, given, outcome }).toEqual({ text, given, outcome: celOutcome(text, given) });
      }
    }),
    { numRuns: cases(1500) },
  );
  // Rules that nearly all fail would prove nothing.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(cases(200));
});

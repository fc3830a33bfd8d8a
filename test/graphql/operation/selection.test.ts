import { buildSchema, execute, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { operationOf } from '../../../src/graphql/operation/operation.js';
import { normalized } from '../../../src/graphql/operation/selection.js';

function textOf(text: string, variables: Record<string, unknown> = {}, name?: string) {
  const document = parse(text);
  const operation = operationOf(document, name);
  return normalized(document, operation, variables);
}

type Asked = readonly [text: string, variables?: Record<string, unknown>, name?: string];
const same: readonly (readonly [string, Asked, Asked])[] = [
  ['a name', ['subscription A { a { b } }'], ['subscription B { a { b } }']],
  ['@resume', ['subscription @resume(rewind: 3) { a { b } }'], ['subscription { a { b } }']],
  ['the arguments of the root field', ['subscription { a(x: 1) { b } }'], ['subscription { a(x: 2) { b } }']],
  [
    'a value in the text or in a variable',
    ['subscription { a { b(x: "é\\n") } }'],
    ['subscription ($v: String) { a { b(x: $v) } }', { v: 'é\n' }],
  ],
  [
    'the same number either way',
    ['subscription { a { b(x: 5) } }'],
    ['subscription ($v: Int) { a { b(x: $v) } }', { v: 5 }],
  ],
  [
    'a list and an object either way',
    ['subscription { a { b(x: [1, null]) } }'],
    ['subscription ($v: [Int]) { a { b(x: $v) } }', { v: [1, null] }],
  ],
  [
    'a variable’s name',
    ['subscription ($v: Int) { a { b(x: $v) } }', { v: 1 }],
    ['subscription ($w: Int) { a { b(x: $w) } }', { w: 1 }],
  ],
  ['a default that holds', ['subscription ($v: Int = 3) { a { b(x: $v) } }'], ['subscription { a { b(x: 3) } }']],
  [
    'a variable not given, and no argument',
    ['subscription ($v: Int) { a { b(x: $v) } }'],
    ['subscription { a { b } }'],
  ],
  [
    'fragments in another order, and unused ones',
    ['subscription { a { ...F ...G } } fragment F on A { b } fragment G on A { c }'],
    ['subscription { a { ...F ...G } } fragment G on A { c } fragment F on A { b } fragment H on A { d }'],
  ],
  ['another operation beside it', ['subscription A { a { b } } query Q { z }', {}, 'A'], ['subscription { a { b } }']],
];
const different: readonly (readonly [string, Asked, Asked])[] = [
  ['fields', ['subscription { a { b } }'], ['subscription { a { c } }']],
  ['an alias', ['subscription { a { b } }'], ['subscription { a { c: b } }']],
  ['the alias of the root field', ['subscription { a { b } }'], ['subscription { z: a { b } }']],
  ['the order of fields', ['subscription { a { b c } }'], ['subscription { a { c b } }']],
  [
    'values',
    ['subscription ($v: Int) { a { b(x: $v) } }', { v: 1 }],
    ['subscription ($v: Int) { a { b(x: $v) } }', { v: 2 }],
  ],
  [
    'a number and its text',
    ['subscription ($v: X) { a { b(x: $v) } }', { v: 1 }],
    ['subscription ($v: X) { a { b(x: $v) } }', { v: '1' }],
  ],
  [
    'a zero and a negative one',
    ['subscription ($v: Float) { a { b(x: $v) } }', { v: 0 }],
    ['subscription ($v: Float) { a { b(x: $v) } }', { v: -0 }],
  ],
  [
    'null and nothing: an argument may have a default of its own',
    ['subscription ($v: Int) { a { b(x: $v) } }', { v: null }],
    ['subscription ($v: Int) { a { b(x: $v) } }', {}],
  ],
  [
    'a null in an object and nothing',
    ['subscription ($v: Int) { a { b(x: {y: $v}) } }', { v: null }],
    ['subscription ($v: Int) { a { b(x: {y: $v}) } }', {}],
  ],
  [
    'keys that only look alike',
    ['subscription ($v: X) { a { b(x: $v) } }', { v: { 'a: 1, b': 2 } }],
    ['subscription ($v: X) { a { b(x: $v) } }', { v: { a: 1, b: 2 } }],
  ],
  [
    '@include',
    ['subscription ($v: Boolean!) { a { b @include(if: $v) c } }', { v: true }],
    ['subscription ($v: Boolean!) { a { b @include(if: $v) c } }', { v: false }],
  ],
  [
    'what a fragment selects',
    ['subscription { a { ...F } } fragment F on A { b }'],
    ['subscription { a { ...F } } fragment F on A { c }'],
  ],
];

describe('operations are the same', () => {
  test.each(same)('whatever their %s', (_, one, other) => expect(textOf(...one)).toBe(textOf(...other)));
});

describe('operations are not the same', () => {
  test.each(different)('for different %s', (_, one, other) => expect(textOf(...one)).not.toBe(textOf(...other)));
});

test('a variable that was not given really is no null: graphql-js takes the argument’s default', () => {
  const schema = buildSchema('type Query { b(x: Int = 7): Int }');
  const run = (v: object) =>
    execute({
      schema,
      document: parse('query ($v: Int) { b(x: $v) }'),
      variableValues: v as never,
      rootValue: { b: ({ x }: { x: number | null }) => x },
    });
  expect(run({})).toMatchObject({ data: { b: 7 } });
  expect(run({ v: null })).toMatchObject({ data: { b: null } });
});

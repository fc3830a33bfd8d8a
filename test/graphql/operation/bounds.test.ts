import fc from 'fast-check';
import { buildSchema, getIntrospectionQuery, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { defaultBounds, excessOf, isTooDeep } from '../../../src/graphql/operation/bounds.js';

const schema = buildSchema(`
  type Query { one: Node many: [Node!]! table: [[Node]] named: Named }
  type Subscription { note: Node }
  interface Named { name: String }
  type Node implements Named { name: String one: Node many: [Node] }`);

const names = ['operationDepth', 'operationCost', 'operationAliases', 'operationDirectives'] as const;

/** What the document has of it: the least bound that lets it pass. */
function amountOf(text: string, limit: (typeof names)[number]): number {
  const bounds = { ...defaultBounds, ...Object.fromEntries(names.map((name) => [name, Number.MAX_SAFE_INTEGER])) };
  const document = parse(text);
  for (let most = 0; most <= 100_000; most++) {
    const excess = excessOf(schema, document, { ...bounds, [limit]: most });
    if (!excess) return most;
    expect(excess.extensions).toEqual({ code: 'LIMIT_EXCEEDED', limit, max: most });
  }
  throw new Error('more than anybody asks for');
}

describe('what an operation asks for is reckoned before it is executed', () => {
  test.each([
    ['{ one { name } }', 2],
    ['{ one { one { name } } many { name } }', 3],
    ['{ ... on Query { one { ...a } } } fragment a on Node { one { name } }', 3],
    ['query a { one { name } } query b { one { one { one { name } } } }', 4],
    ['{ nowhere { either { name } } }', 3],
    ['{ ...a } fragment a on Query { one { ...b } ...a } fragment b on Node { one { ...b } }', 2],
  ])('%s is %i deep', (text, depth) => {
    expect(amountOf(text, 'operationDepth')).toBe(depth);
  });

  test.each([
    ['{ one { name } }', 2],
    ['{ one { name } again: one { name } }', 4],
    ['{ many { name } }', 11],
    ['{ many { name many { name } } }', 1 + 10 * (2 + 10)],
    ['{ table { name } }', 101],
    ['{ many { ...a } one { ...a } } fragment a on Node { many { name } }', 1 + 10 * 11 + 1 + 11],
    ['{ named { name ... on Node { many { name } } } }', 13],
  ])('%s gives up to %i fields', (text, cost) => {
    expect(amountOf(text, 'operationCost')).toBe(cost);
  });

  test('aliases and directives are counted wherever they stand', () => {
    const text = `query ($n: Int @a) @b { a: one @skip(if: true) { ...f @c } ... @include(if: true) { b: one { name } } }
      fragment f on Node @d { c: name }`;
    expect(amountOf(text, 'operationAliases')).toBe(3);
    expect(amountOf(text, 'operationDirectives')).toBe(6);
  });

  test('fragments that spread each other cost as much as written out, and no time', () => {
    const fragments = Array.from(
      { length: 200 },
      (_, n) => `fragment f${n} on Node { ...f${n + 1} one { ...f${n + 1} } }`,
    );
    const text = `{ one { ...f0 } } ${fragments.join(' ')} fragment f200 on Node { name }`;
    const excess = excessOf(schema, parse(text), { ...defaultBounds, operationDepth: 1_000 });
    expect(excess?.extensions).toEqual({ code: 'LIMIT_EXCEEDED', limit: 'operationCost', max: 10_000 });
  });

  test('GraphiQL’s own question passes', () => {
    expect(excessOf(schema, parse(getIntrospectionQuery()), defaultBounds)).toBeNull();
  });
});

test('JSON is too deep when, and only when, more lists and objects lie in each other than it may have', () => {
  const depthOf = (json: unknown): number =>
    typeof json === 'object' && json !== null ? 1 + Math.max(0, ...Object.values(json).map(depthOf)) : 0;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(7), (json, most) => {
      expect(isTooDeep(json, most)).toBe(depthOf(json) > most);
    }),
  );
});

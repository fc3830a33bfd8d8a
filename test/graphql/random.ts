import fc from 'fast-check';
import {
  type DocumentNode,
  GraphQLError,
  GraphQLScalarType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  parse,
} from 'graphql';
import { makeExecutable, type Resolvers } from '../../src/graphql/executable.js';
import { compileSchema } from '../../src/schema/compile.js';
import { stepsOf } from '../../src/schema/path.js';

type Gen = fc.GeneratorValue;

const odd = new GraphQLScalarType({
  name: 'Odd',
  serialize(value) {
    if (value === 'refused') throw new GraphQLError('refused', { extensions: { code: 'REFUSED' } });
    if (value === 'broken') throw new Error('broken');
    if (value === 'nothing') return undefined;
    if (value === 'minus') return -0;
    if (value === 'none') return Number.NaN;
    if (value === 'deep') return { 2: [{ toJSON: (key: string) => `at ${key}` }, undefined, () => 1], 1: new Set() };
    if (value === 'date') return new Date(0);
    if (value === 'keyed') return { toJSON: (key: string) => `under ${key}` };
    return value;
  },
});

export function schemaOf(sdl: string, resolvers: Resolvers = {}): GraphQLSchema {
  const { schema, problems } = compileSchema(sdl, { retention: { retain: 1_000, max: 10 } });
  if (!schema) throw new Error(problems.map(({ message }) => message).join('\n'));
  return makeExecutable(schema, resolvers, '1').schema;
}

const names = ['id', 'name', 'length', 'constructor', 'toString', 'then', 'toJSON', 'at', 'x1', 'x2'];
const leaves = ['ID', 'String', 'Int', 'Float', 'Boolean', 'Odd', 'Colour'];

const one = <T>(g: Gen, from: readonly T[]) => from[g(fc.nat, from.length - 1)] as T;

/** Objects that hold each other, an interface, a union, lists of lists, `@from`, arguments. */
export function randomSchema(g: Gen): GraphQLSchema {
  const some = <T>(from: readonly T[]) => one(g, from);
  const typeOf = (depth = 0): string => {
    const named = g(fc.nat, 2) > 0 ? some(leaves) : some(['A', 'B', 'C', 'Named', 'Other', 'Any']);
    const inner = depth < 2 && g(fc.nat, 4) === 0 ? `[${typeOf(depth + 1)}]` : named;
    return g(fc.boolean) ? `${inner}!` : inner;
  };
  const fields = () =>
    g(fc.uniqueArray<string, string>, fc.constantFrom(...names), { minLength: 1, maxLength: 6 })
      .map((name) => {
        const from =
          g(fc.nat, 3) === 0
            ? ` @from(path: "deep${some(['.a', '.toString', '.__proto__', "['a.b'][1]"])}.${name}")`
            : '';
        return `${name}${g(fc.nat, 5) === 0 ? '(n: Int! = 1, s: String)' : ''}: ${typeOf()}${from}`;
      })
      .join(' ');
  return schemaOf(
    `scalar Odd
     enum Colour { RED GREEN }
     interface Named { label: String! }
     interface Other implements Named { label: String! }
     union Any = A | B | C
     type Subscription { it(n: Int): ${some(['A', 'Any', '[Named]', 'A!', '[[B!]]!', 'Other', '[[[[Any!]!]]]', 'Odd'])} @kafka(topic: "t") @public }
     type A { ${fields()} }
     type B implements Named { label: String! ${fields()} }
     type C implements Named & Other { label: String! ${fields()} }`,
    { Odd: odd, ...(g(fc.boolean) ? { Colour: { RED: 1, GREEN: 'green' } } : {}) },
  );
}

/** The types on which a fragment may be spread there. */
function overlapping(schema: GraphQLSchema, typeName: string): string[] {
  const possible = (name: string) => {
    const type = schema.getType(name);
    return isAbstractType(type) ? schema.getPossibleTypes(type).map(String) : [name];
  };
  const here = new Set(possible(typeName));
  return ['A', 'B', 'C', 'Named', 'Other', 'Any'].filter((name) => possible(name).some((one) => here.has(one)));
}

/** Valid by the types; merged fields may contradict each other, which no executed operation may. */
export function randomOperation(
  g: Gen,
  schema: GraphQLSchema,
): { document: DocumentNode; variables: Record<string, unknown> } {
  const fragments: string[] = [];
  const some = <T>(from: readonly T[]) => one(g, from);
  const condition = () =>
    g(fc.nat, 4) > 0 ? '' : ` @${some(['skip', 'include'])}(if: ${some(['true', 'false', '$yes', '$no', '$maybe'])})`;
  const given = (args: readonly { name: string }[]) =>
    args.length === 0 || g(fc.boolean) ? '' : `(n: ${some(['1', '$n'])}, s: ${some(['"s"', 'null', '$s'])})`;

  function selection(typeName: string, depth: number): string {
    const type = schema.getType(typeName);
    const fields = !type || isUnionType(type) || !('getFields' in type) ? [] : Object.values(type.getFields());
    const parts = Array.from({ length: 1 + g(fc.nat, 4) }, (): string => {
      const kind = g(fc.nat, 9);
      if (kind === 0 || (fields.length === 0 && kind < 5)) return `${alias()}__typename${condition()}`;
      if ((kind < 3 || fields.length === 0) && depth < 4) {
        const on = some(overlapping(schema, typeName));
        if (g(fc.boolean)) return `... on ${on}${condition()} ${selection(on, depth + 1)}`;
        const name = `F${fragments.length}`;
        fragments.push('');
        fragments[Number(name.slice(1))] = `fragment ${name} on ${on} ${selection(on, depth + 1)}`;
        return `...${name}${condition()} ...${name}`;
      }
      if (fields.length === 0) return '__typename';
      const field = some(fields);
      const below = getNamedType(field.type);
      if (isCompositeType(below) && depth >= 4) return '__typename';
      const rest = isCompositeType(below) ? ` ${selection(String(below), depth + 1)}` : '';
      return `${alias()}${field.name}${given(field.args)}${condition()}${rest}`;
    });
    return `{ ${parts.join(' ')} }`;
  }
  const alias = () => (g(fc.nat, 3) > 0 ? '' : `${some(['__proto__', 'toJSON', 'then', 'other', 'id'])}: `);
  const root = getNamedType(schema.getSubscriptionType()?.getFields().it?.type);
  const body = isCompositeType(root) ? selection(String(root), 0) : '';
  const head =
    'subscription ($yes: Boolean! = true, $no: Boolean! = false, $maybe: Boolean!, $n: Int! = 2, $s: String)';
  return {
    document: parse(`${head} { ${alias()}it(n: $n)${condition()} ${body} } ${fragments.join(' ')}`),
    variables: { maybe: g(fc.boolean), ...(g(fc.boolean) ? { s: 'text' } : {}) },
  };
}

const text = () =>
  fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '"', '\\', '\n', '\u2028', '\ud800', '7'));
const wrong = () =>
  fc.oneof(
    fc.constantFrom<unknown>(
      null,
      undefined,
      Number.NaN,
      Infinity,
      2 ** 31,
      2 ** 53,
      2n ** 53n + 1n,
      -(2n ** 63n),
      1e21,
      -0,
      1.5,
      true,
      '',
      'refused',
    ),
    fc.constantFrom<unknown>('broken', 'minus', 'none', 'deep', { 2: 0, 1: -0, __proto__: null }),
    fc.constantFrom<unknown>('nothing', 'date', 'keyed', [], {}, [null], { __typename: 'Nobody' }, { label: 1 }),
    text(),
    fc.jsonValue(),
  );

/** A value that fits its type, but for one in `noise` of its parts. */
export function randomValue(g: Gen, schema: GraphQLSchema, type: unknown, noise: number, depth = 0): unknown {
  if (noise > 0 && g(fc.nat, noise) === 0) return g(wrong);
  if (isNonNullType(type)) return randomValue(g, schema, type.ofType, noise, depth);
  if (isListType(type)) {
    const length = depth > 3 ? 0 : g(fc.nat, 3);
    return Array.from({ length }, () => randomValue(g, schema, type.ofType, noise, depth + 1));
  }
  if (isAbstractType(type)) {
    return randomValue(g, schema, one(g, schema.getPossibleTypes(type)), noise, depth);
  }
  if (isObjectType(type)) return randomObject(g, schema, type.name, noise, depth);
  if (isEnumType(type)) return one(g, type.getValues()).value;
  if (String(type) === 'Int') return g(fc.integer);
  if (String(type) === 'Float') return g(fc.double, { noNaN: true, noDefaultInfinity: true });
  if (String(type) === 'Boolean') return g(fc.boolean);
  if (String(type) === 'Odd') return g(fc.jsonValue) ?? 0;
  return g(text);
}

function randomObject(g: Gen, schema: GraphQLSchema, name: string, noise: number, depth: number) {
  const type = schema.getType(name);
  const out = JSON.parse('{"deep":{"a":{},"toString":{},"__proto__":{},"a.b":[0,{}]}}');
  out.__typename = name;
  for (const field of isObjectType(type) ? Object.values(type.getFields()) : []) {
    // A type that holds itself, and must: nothing that ends could fit.
    const value = depth > 5 ? null : randomValue(g, schema, field.type, noise, depth + 1);
    const parent = stepsOf(field)
      .slice(0, -1)
      .reduce((inner, step) => Object.getOwnPropertyDescriptor(inner, step)?.value, out);
    if (noise === 0 || g(fc.nat, noise) > 0) Object.defineProperty(parent, field.name, { value, enumerable: true });
  }
  return out;
}

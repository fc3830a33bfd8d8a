import {
  defaultFieldResolver,
  GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLScalarType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  type OperationDefinitionNode,
  typeFromAST,
  type ValueNode,
} from 'graphql';
import { numberOf } from '../event/read-json.js';
import { holdsBigInt, holdsInfinity } from '../event/write-json.js';

/*
 * A whole number that a double cannot hold is a `bigint` (`readJson`). graphql-js 16 knows doubles only: it refuses a
 * `bigint` under ID and String, and rounds a literal under a scalar of the author's. This is where the two meet.
 */

/** A client's variables as graphql-js can coerce them: each `bigint` as text under an ID, as a double under Int and Float. */
export function exactVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  raw: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (!holdsBigInt(raw)) return raw;
  const fitted = { ...raw };
  for (const { variable, type } of operation.variableDefinitions ?? []) {
    const { value: name } = variable.name;
    const declared = typeFromAST(schema, type);
    if (Object.hasOwn(raw, name) && declared && isInputType(declared)) fitted[name] = exactInput(raw[name], declared);
  }
  return fitted;
}

/** A value from JSON as `coerceInputValue` of graphql-js can take it. */
export function exactInput(value: unknown, type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return exactInput(value, type.ofType as GraphQLInputType);
  // One value stands for a list of it.
  if (isListType(type)) {
    const inner = type.ofType as GraphQLInputType;
    return Array.isArray(value) ? value.map((one) => exactInput(one, inner)) : exactInput(value, inner);
  }
  if (typeof value === 'bigint') {
    if (type.name === 'ID') return String(value);
    return type.name === 'Int' || type.name === 'Float' ? Number(value) : value;
  }
  if (!isInputObjectType(type) || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const fields = type.getFields();
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return [name, field ? exactInput(one, field.type) : one];
    }),
  );
}

type Resolve = GraphQLFieldResolver<never, never>;

/** A resolver whose whole numbers graphql-js can complete: exact digits under ID and String, the nearest double under Float. */
export function exactly<R extends Resolve>(resolve: R): R {
  const fitting: Resolve = (source, args, context, info) => {
    const value: unknown = resolve(source, args, context, info);
    const type = getNamedType(info.returnType as GraphQLOutputType);
    if (!isScalarType(type)) return value;
    return isPromise(value) ? value.then((settled) => completed(settled, type)) : completed(value, type);
  };
  return fitting as R;
}

/** The `fieldResolver` of what resolvers in code return: graphql-js's own, exactly. Events are read by `readMember`. */
export const exactFields = exactly(defaultFieldResolver as Resolve) as GraphQLFieldResolver<unknown, unknown>;

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

function completed(value: unknown, type: GraphQLScalarType): unknown {
  if (!isSpecifiedScalarType(type)) return within(value, type);
  if (typeof value === 'bigint') return type.name === 'ID' || type.name === 'String' ? String(value) : Number(value);
  return Array.isArray(value) ? value.map((one) => completed(one, type)) : value;
}

/** A scalar of the author's. Throws GraphQLError for a number beyond every double, which JSON.stringify would make null. */
function within(value: unknown, { name }: GraphQLScalarType): unknown {
  if (holdsInfinity(value)) throw new GraphQLError(`${name} cannot represent a number that is beyond a double's range`);
  return value;
}

/** Gives each scalar of the author's literals with their exact digits: a whole number beyond 2^53 is a `bigint`. */
export function exactLiterals(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap()))
    if (isScalarType(type) && !isSpecifiedScalarType(type)) type.parseLiteral = parseLiteral;
}

/** Not a closure: a schema made from this one has types of its own, with a `parseValue` of the author's. */
function parseLiteral(this: GraphQLScalarType, node: ValueNode, variables?: Readonly<Record<string, unknown>> | null) {
  return this.parseValue(literalValue(node, variables ?? {}));
}

function literalValue(node: ValueNode, variables: Readonly<Record<string, unknown>>): unknown {
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.INT:
    case Kind.FLOAT:
      return numberOf(node.value);
    case Kind.LIST:
      return node.values.map((one) => literalValue(one, variables));
    case Kind.OBJECT: {
      const object = Object.create(null) as Record<string, unknown>;
      for (const { name, value } of node.fields) object[name.value] = literalValue(value, variables);
      return object;
    }
    case Kind.VARIABLE:
      return variables[node.name.value];
    default:
      return node.value;
  }
}

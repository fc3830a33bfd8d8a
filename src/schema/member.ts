import {
  defaultFieldResolver,
  GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
} from 'graphql';
import { type Steps, stepsOf, valueAt } from './path.js';
import { exactly } from './whole-numbers.js';

type Read = GraphQLFieldResolver<unknown, unknown>;

const readers = new WeakMap<object, Steps>();

/** The path that this resolver reads and does nothing else; null for any resolver but those of `@from`. */
export const pathReadBy = (resolve: object): Steps | null => readers.get(resolve) ?? null;

/** Reads what lies at a path of the parent, as `readMember` reads a field by its name. */
export function readerOf(steps: Steps): Read {
  const resolve: Read = exactly((source, _args, _context, { parentType, returnType }) =>
    isOf(parentType, source) ? fitted(valueAt(source, steps), returnType) : misfit(parentType, source),
  );
  readers.set(resolve, steps);
  return resolve;
}

/**
 * The `fieldResolver` of events: how a field without a resolver is read from its parent. Gives an error where a type has
 * fields and the value has none: by graphql-js alone a text in the place of an object is an object of nulls. What resolvers
 * in code return is not held to that (`exactFields`): of a root there is no parent, and what they mean by a value is theirs.
 */
export const readMember: Read = exactly<Read>((source, args, context, info) =>
  isOf(info.parentType, source)
    ? fitted(defaultFieldResolver(source, args, context, info), info.returnType)
    : misfit(info.parentType, source),
);

interface Shape {
  readonly inList: boolean;
  readonly inCode: boolean;
}

const shapes = new WeakMap<GraphQLObjectType, Shape>();

function shapeOf(type: GraphQLObjectType): Shape {
  const known = shapes.get(type);
  if (known) return known;
  const fields = Object.values(type.getFields());
  const shape = {
    inList: fields.some((field) => typeof stepsOf(field)[0] === 'number'),
    inCode: fields.some(({ resolve }) => resolve && resolve !== defaultFieldResolver && pathReadBy(resolve) === null),
  };
  shapes.set(type, shape);
  return shape;
}

/** True where a type's fields are elements of a list: `@from(path: "[0]")`. */
export const liesInList = (type: GraphQLObjectType): boolean => shapeOf(type).inList;

function isOf(type: GraphQLObjectType, value: unknown): boolean {
  if (liesInList(type)) return Array.isArray(value);
  return typeof value === 'function' || (typeof value === 'object' && value !== null && !Array.isArray(value));
}

/** An Error in the place of a value is one to graphql-js, of that element alone. */
function fitted(value: unknown, type: GraphQLOutputType): unknown {
  const named = getNamedType(type);
  if (value === null || value === undefined || !isObjectType(named)) return value;
  // Resolvers in code may read a user's name by an id that is all that the event has of the user.
  if (shapeOf(named).inCode) return value;
  const inner = getNullableType(type);
  if (isListType(inner))
    return Array.isArray(value) ? value.map((element) => fitted(element, inner.ofType as GraphQLOutputType)) : value;
  return isOf(named, value) ? value : misfit(named, value);
}

function misfit(type: GraphQLObjectType, value: unknown): GraphQLError {
  const wanted = liesInList(type) ? 'a list' : 'an object';
  return new GraphQLError(`Expected ${wanted} for ${type.name}, found ${nounFor(value)}.`);
}

function nounFor(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'boolean') return 'true or false';
  return typeof value === 'object' ? 'an object' : 'a number';
}

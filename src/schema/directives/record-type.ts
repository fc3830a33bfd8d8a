import {
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isAbstractType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { dyn, type ListType, leafType, listOf, objectOf, type Type } from '../cel/types.js';
import { type Steps, stepsOf } from '../path.js';

/**
 * The schema read backwards: what a record must look like for the types to come out of it.
 * In a rule `event` has the record's own names, which are those before `@from`.
 */
export interface RecordTypes {
  /** With `fields`, as only these of the type's fields say. */
  of(type: GraphQLOutputType, fields?: readonly GraphQLField<unknown, unknown>[]): Type;
}

export function recordTypes(schema: GraphQLSchema): RecordTypes {
  const known = new Map<GraphQLObjectType, Type>();
  const of: RecordTypes['of'] = (type, fields) => {
    if (isNonNullType(type)) return of(type.ofType as GraphQLOutputType);
    if (isListType(type)) return listOf(of(type.ofType as GraphQLOutputType));
    if (isAbstractType(type))
      return mergeAll(
        type.name,
        schema.getPossibleTypes(type).map((possible) => of(possible)),
      );
    if (!isObjectType(type)) return leafType(type);
    if (fields !== undefined) return fromFields(type, fields);
    const type_ = known.get(type) ?? fromFields(type, Object.values(type.getFields()));
    known.set(type, type_);
    return type_;
  };
  const fromFields = (type: GraphQLObjectType, fields: readonly GraphQLField<unknown, unknown>[]): Type => {
    // Fields under their own names first: where two types are told for one place, the plainer one is believed.
    const plain = fields.filter((field) => stepsOf(field).length === 1 && stepsOf(field)[0] === field.name);
    const moved = fields.filter((field) => !plain.includes(field));
    return mergeAll(
      type.name,
      [...plain, ...moved].map((field) => nested(type.name, stepsOf(field), () => of(field.type))),
    );
  };
  return { of };
}

/** The type of the other elements of a list of which a path names one. */
const unsaid: Type = { kind: 'dyn' };

/** `a.b` of type T is an object whose `a` is an object whose `b` is a T; `a[0]` is a list that begins with a T. */
function nested(name: string, [first, ...rest]: Steps, leaf: () => Type): Type {
  if (first === undefined) return leaf();
  const inner = () => nested(name, rest, leaf);
  if (typeof first === 'string') return objectOf(name, new Map([[first, inner]]));
  return { kind: 'list', of: unsaid, at: (index) => (index === first ? inner() : undefined) };
}

function mergeAll(name: string, types: readonly Type[]): Type {
  if (types.length === 0) return dyn;
  const objects = types.filter((type) => type.kind === 'object');
  const lists = types.filter((type) => type.kind === 'list');
  if (lists.length === types.length) return mergeLists(name, lists);
  if (objects.length < types.length) return types.find((type) => type.kind === 'dyn') ?? types[0] ?? dyn;
  return {
    kind: 'object',
    name,
    names: () => [...new Set(objects.flatMap((object) => object.names()))],
    field: (field) => {
      const told = objects.map((object) => object.field(field)).filter((type) => type !== undefined);
      return told.length < 2 ? told[0] : mergeAll(name, told);
    },
  };
}

function mergeLists(name: string, lists: readonly ListType[]): ListType {
  const all = lists.map(({ of }) => of).filter((of) => of !== unsaid);
  return {
    kind: 'list',
    of: all.length === 0 ? unsaid : mergeAll(name, all),
    at(index) {
      const told = lists.map((list) => list.at?.(index)).filter((type) => type !== undefined);
      return told.length === 0 ? undefined : mergeAll(name, [...all, ...told]);
    },
  };
}

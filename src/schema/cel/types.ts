import {
  type GraphQLInputType,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';

/** What is known about a value of a rule before any event is seen. `dyn`: nothing. */
export type Type =
  | { readonly kind: 'dyn' | 'null' | 'bool' | 'int' | 'double' | 'string' | 'id' }
  | { readonly kind: 'enum'; readonly name: string; readonly values: readonly string[] }
  | { readonly kind: 'map'; readonly of: Type }
  | ListType
  | ObjectType;

export interface ListType {
  readonly kind: 'list';
  readonly of: Type;
  /** What is known of one element more than of all; undefined: nothing. */
  at?(index: number): Type | undefined;
}

/** Fields are looked up, never listed in advance: types refer to themselves. */
export interface ObjectType {
  readonly kind: 'object';
  readonly name: string;
  field(name: string): Type | undefined;
  names(): readonly string[];
}

export const dyn: Type = { kind: 'dyn' };
export const bool: Type = { kind: 'bool' };
export const int: Type = { kind: 'int' };
export const double: Type = { kind: 'double' };
export const string: Type = { kind: 'string' };
export const nothing: Type = { kind: 'null' };
export const listOf = (of: Type): Type => ({ kind: 'list', of });
export const mapOf = (of: Type): Type => ({ kind: 'map', of });

export function objectOf(name: string, fields: ReadonlyMap<string, () => Type>): ObjectType {
  return { kind: 'object', name, field: (field) => fields.get(field)?.(), names: () => [...fields.keys()] };
}

/** What a rule sees as `record`. */
export const recordMeta = objectOf(
  'record',
  new Map<string, () => Type>([
    ['key', () => string],
    ['headers', () => mapOf(string)],
    ['topic', () => string],
    ['partition', () => int],
    ['offset', () => int],
    ['timestamp', () => int],
  ]),
);

/** What `pick` and `each` see as `record`: the decoded value too, of which nothing is known. */
export const recordWithValue = objectOf(
  'record',
  new Map<string, () => Type>([
    ['value', () => dyn],
    ...recordMeta.names().map((name): [string, () => Type] => [name, () => recordMeta.field(name) ?? dyn]),
  ]),
);

/** GraphQL's leaves. A custom scalar may hold anything. */
export function leafType(type: GraphQLNamedType): Type {
  if (isEnumType(type)) return { kind: 'enum', name: type.name, values: type.getValues().map(({ name }) => name) };
  switch (type.name) {
    case 'ID':
      return { kind: 'id' };
    case 'String':
      return string;
    case 'Int':
      return int;
    case 'Float':
      return double;
    case 'Boolean':
      return bool;
    default:
      return dyn;
  }
}

export function inputType(type: GraphQLInputType): Type {
  if (isNonNullType(type)) return inputType(type.ofType as GraphQLInputType);
  if (isListType(type)) return listOf(inputType(type.ofType as GraphQLInputType));
  if (!isInputObjectType(type)) return leafType(type);
  const fields = Object.values(type.getFields());
  return objectOf(type.name, new Map(fields.map((field) => [field.name, () => inputType(field.type)])));
}

/** As a sentence shows it. */
export function describe(type: Type): string {
  switch (type.kind) {
    case 'id':
      return 'an ID';
    case 'enum':
    case 'object':
      return type.kind === 'enum' ? `an enum ${type.name}` : `an object (${type.name})`;
    case 'list':
      return 'a list';
    case 'map':
      return 'a map';
    case 'int':
      return 'an Int';
    case 'double':
      return 'a Float';
    case 'bool':
      return 'a Boolean';
    case 'string':
      return 'a String';
    case 'null':
      return 'null';
    case 'dyn':
      return 'a value of unknown type';
  }
}

import type { GraphQLField } from 'graphql';

/** Where a field's value lies in its parent, in the record's own names: `@from(path)`, else the field's name. */
export function pathOf(field: GraphQLField<unknown, unknown>): readonly string[] {
  const from = field.extensions.from;
  return Array.isArray(from) ? (from as readonly string[]) : [field.name];
}

/** Undefined when anything on the way is missing. Own properties only: a path never reaches a prototype. */
export function valueAt(source: unknown, path: readonly string[]): unknown {
  let value = source;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    if (!Object.hasOwn(value, segment)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[segment];
  }
  return value;
}

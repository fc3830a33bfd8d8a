import { type GraphQLField, type GraphQLSchema, isInterfaceType, isObjectType } from 'graphql';
import { describe, type Type } from '../cel/types.js';
import { readerOf } from '../member.js';
import { noPath, parsePath, printPath, type Steps, stepsOf } from '../path.js';
import type { Report } from '../problem.js';
import { argument, argumentPlace, used } from './directives.js';
import { noWay, stepInto } from './path-type.js';
import { recordTypes } from './record-type.js';

interface Moved {
  readonly parent: string;
  readonly field: GraphQLField<unknown, unknown>;
  readonly place: number;
}

/** Gives every field with `@from` its resolver and its `extensions.from`, and tells these fields. */
export function attachFrom(schema: GraphQLSchema, to: Report): readonly Moved[] {
  const definition = schema.getDirective('from');
  const roots = new Set<unknown>([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  const types = Object.values(schema.getTypeMap());
  const moved: Moved[] = [];
  for (const type of types) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const from = used(field.astNode?.directives, definition);
      if (from === null) continue;
      const place = argumentPlace(from, 'path');
      const path = argument(from, 'path', to);
      if (isInterfaceType(type))
        to.fault(place, `@from belongs on the object types: an interface's field has no value of its own`);
      else if (roots.has(type))
        to.fault(place, `@from belongs on fields of the event, not on ${type.name}.${field.name}`);
      else if (typeof path === 'string') {
        const steps = parsePath(path);
        if (steps === null) to.fault(place, `@from(path: ${JSON.stringify(path)}) ${noPath}`);
        else {
          field.extensions = { ...field.extensions, from: steps };
          field.resolve = readerOf(steps);
          moved.push({ parent: type.name, field, place });
        }
      }
    }
  }
  return moved;
}

/** Gives these fields of the schema that clients see, which has no `@from` to read, the resolvers that they have in the whole. */
export function handOn(moved: readonly Moved[], shown: GraphQLSchema): void {
  for (const { parent, field: from } of moved) {
    const type = shown.getType(parent);
    const field = isObjectType(type) ? type.getFields()[from.name] : undefined;
    if (field !== undefined) Object.assign(field, { extensions: from.extensions, resolve: from.resolve });
  }
}

/**
 * A path is a fault when no record can satisfy it together with the type's other fields: when it leads into what another
 * field says is a scalar or a list.
 */
export function refuseContradictions(schema: GraphQLSchema, moved: readonly Moved[], to: Report): void {
  const record = recordTypes(schema);
  for (const { parent, field, place } of moved) {
    const type = schema.getType(parent);
    if (!isObjectType(type)) continue;
    const others = Object.values(type.getFields()).filter((other) => other !== field);
    const why = contradiction(record.of(type, others), stepsOf(field), record.of(field.type));
    if (why !== null) to.fault(place, `@from(path: "${printPath(stepsOf(field))}") cannot exist: ${why}`);
  }
}

function contradiction(known: Type, path: Steps, declared: Type): string | null {
  let type: Type | undefined = known;
  for (const [index, step] of path.entries()) {
    const next = stepInto(type, step);
    if (next === undefined) return null;
    if (next === null) return `by another field ${noWay(type, path, index)}`;
    type = next;
  }
  if (shape(type) === null || shape(declared) === null || shape(type) === shape(declared)) return null;
  return `by another field \`${printPath(path)}\` is ${describe(type)}, here it is ${describe(declared)}`;
}

/** A value is an object, a list or a scalar; null when that is not known. */
function shape(type: Type): string | null {
  if (type.kind === 'dyn') return null;
  return type.kind === 'object' || type.kind === 'list' ? type.kind : 'scalar';
}

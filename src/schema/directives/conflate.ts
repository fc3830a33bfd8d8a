import type { GraphQLField, GraphQLSchema } from 'graphql';
import { writeJson } from '../../event/write-json.js';
import { describe, type Type } from '../cel/types.js';
import { parseDuration } from '../duration.js';
import { noPath, parsePath, type Steps, valueAt } from '../path.js';
import type { Report } from '../problem.js';
import type { Conflation } from '../stream-schema.js';
import { didYouMean } from '../suggest.js';
import { argument, argumentPlace, type Used } from './directives.js';
import { noWay, stepInto } from './path-type.js';
import { recordTypes } from './record-type.js';

/** Shorter windows would cost a timer for nothing: a screen shows a frame every 16 ms. */
const shortest = 10;
const longest = 3_600_000;

/** What `@conflate` says; null without it. Every fault of it is said. */
export function conflationOf(
  directive: Used | null,
  field: GraphQLField<unknown, unknown>,
  schema: GraphQLSchema,
  to: Report,
): Conflation | null {
  if (directive === null) return null;
  const by = argument(directive, 'by', to);
  const path = (typeof by === 'string' ? parsePath(by) : null) ?? [];
  if (typeof by === 'string') {
    const why = path.length === 0 ? noPath : faultOf(recordTypes(schema).of(field.type), path);
    if (why !== null) to.fault(argumentPlace(directive, 'by'), `@conflate(by: ${JSON.stringify(by)}): ${why}`);
  }
  const written = argument(directive, 'every', to);
  const every = typeof written === 'string' ? parseDuration(written) : null;
  if (typeof written === 'string' && (every === null || every < shortest || every > longest)) {
    to.fault(
      argumentPlace(directive, 'every'),
      `${JSON.stringify(written)} is no duration from ${shortest}ms to 1h: write 250ms, 1s`,
    );
  }
  return {
    every: every ?? shortest,
    keyOf(event) {
      const value = valueAt(event, path);
      return value === undefined || value === null ? null : writeJson(value);
    },
  };
}

/** Why no event of this type has one plain value there; null when it may. */
function faultOf(event: Type, path: Steps): string | null {
  let type = event;
  for (const [at, step] of path.entries()) {
    const next = stepInto(type, step);
    if (next === null) return noWay(type, path, at);
    if (next === undefined) {
      const names = type.kind === 'object' ? type.names() : [];
      return `\`${step}\` is unknown in ${type.kind === 'object' ? type.name : 'it'}${didYouMean(String(step), names)}`;
    }
    type = next;
  }
  return type.kind === 'object' || type.kind === 'list' || type.kind === 'map'
    ? `it is ${describe(type)}, and a key is one plain value`
    : null;
}

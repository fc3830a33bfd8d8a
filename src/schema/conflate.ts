import type { GraphQLField, GraphQLSchema } from 'graphql';
import { writeJson } from '../event/write-json.js';
import { argument, argumentPlace, type Used } from './directives.js';
import { parseDuration } from './duration.js';
import { valueAt } from './path.js';
import type { Report } from './problem.js';
import { recordTypes } from './record-type.js';
import type { Conflation } from './stream-schema.js';
import { didYouMean } from './suggest.js';
import { describe, type Type } from './types.js';

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
  const path = typeof by === 'string' ? by.split('.') : [];
  if (typeof by === 'string') {
    const why = faultOf(recordTypes(schema).of(field.type), path);
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
function faultOf(event: Type, path: readonly string[]): string | null {
  let type = event;
  for (const [at, segment] of path.entries()) {
    if (type.kind === 'dyn') return null;
    const place = at === 0 ? 'the event' : `\`${path.slice(0, at).join('.')}\``;
    if (type.kind !== 'object') return `${place} is ${describe(type)}`;
    const next = type.field(segment);
    if (next === undefined) return `\`${segment}\` is unknown in ${type.name}${didYouMean(segment, type.names())}`;
    type = next;
  }
  return type.kind === 'object' || type.kind === 'list' || type.kind === 'map'
    ? `it is ${describe(type)}, and a key is one plain value`
    : null;
}

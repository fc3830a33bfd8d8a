import type { OperationDefinitionNode } from 'graphql';
import { writeJson } from '../event/write-json.js';
import { isRounded } from '../schema/cel/conversion.js';
import type { StreamField } from '../schema/stream-schema.js';
import type { Executable } from './executable.js';
import type { Document } from './operation/operation.js';
import { normalized } from './operation/selection.js';
import { pickClaims, type Viewer } from './viewer.js';

export interface GroupKeyParts {
  readonly document: Document;
  readonly operation: OperationDefinitionNode;
  /** The client's own JSON. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly field: StreamField;
  /** Arguments as coerced: every declared one. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly viewer: Viewer;
}

/**
 * The key of the group that a viewer joins: equal only for viewers to whom every event looks the same. Null for a viewer who shares with nobody: a resolver did
 * not say what it reads, or a value cannot be compared by its text.
 */
export function groupKey(
  { document, operation, variables, field, args, viewer }: GroupKeyParts,
  { resolved }: Executable,
): string | null {
  const reads = new Set(field.reads.claims);
  let signedIn: boolean | null = null;
  for (const { coordinate } of document.fields(operation)) {
    const declared = resolved.get(coordinate);
    if (declared === null) return null;
    if (declared === undefined) continue;
    for (const claim of declared) reads.add(claim);
    // A resolver sees that someone is signed in, whatever claims it asks for.
    signedIn = viewer.signedIn;
  }
  const claims = pickClaims(viewer.claims, [...reads].sort());
  if (!isPlain(args) || !isPlain(claims)) return null;
  return writeJson([field.name, args, claims, signedIn, normalized(document.ast, operation, variables)]);
}

/**
 * Whether JSON tells a value from every other one: what a scalar of the author's own made of an argument may print as `{}`, -0
 * prints as 0, and 2^53 as a double as it does as a bigint.
 */
function isPlain(value: unknown): boolean {
  if (value === null || ['string', 'boolean', 'bigint'].includes(typeof value)) return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) && !isRounded(value);
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value !== 'object') return false;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlain);
}

import { type GraphQLSchema, getDirectiveValues, type OperationDefinitionNode } from 'graphql';
import type { CursorCodec } from '../../event/cursor.js';
import { Fault, limitExceeded } from '../../event/faults.js';
import type { OnGap, Start } from '../../hub/subscription/start.js';

/** The ways a client may say where to begin, beside `@resume` in the operation. */
export interface StartRequest {
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
  /** SSE's header, which a browser sends by itself when it comes back. */
  readonly lastEventId?: string | undefined;
}

/**
 * `Last-Event-ID` beats `extensions.after` beats `@resume(after)`: a retry must not fall back to an old variable.
 * `rewind` counts only without a cursor. Throws Fault CURSOR_INVALID, BAD_USER_INPUT or LIMIT_EXCEEDED.
 */
export function startOf(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
  { extensions, lastEventId }: StartRequest,
  field: string,
  cursors: CursorCodec,
  mostRewind: number,
): { start: Start; onGap: OnGap } {
  const directive = schema.getDirective('resume');
  const resume = directive ? getDirectiveValues(directive, operation, variables) : undefined;
  const stated = gapPolicy(extensions?.onGap) ?? gapPolicy(resume?.onGap);
  const [text, policy] = lastEventId
    ? [lastEventId, 'CONTINUE' as const]
    : [extensions?.after ?? resume?.after, 'FAIL' as const];

  if (text !== undefined && text !== null) {
    const place = typeof text === 'string' ? cursors.decode(field, text) : null;
    if (!place) throw new Fault('CURSOR_INVALID', { why: `it was not made for ${field} here, or was changed` });
    return { start: { kind: 'after', place }, onGap: stated ?? policy };
  }
  const count = resume?.rewind;
  if (typeof count === 'number') {
    if (count < 0) throw new Fault('BAD_USER_INPUT', { why: `rewind is ${count}, but cannot be negative` });
    if (count > mostRewind) throw limitExceeded('rewind', mostRewind, count);
    if (count > 0) return { start: { kind: 'rewind', count }, onGap: stated ?? 'CONTINUE' };
  }
  return { start: { kind: 'now' }, onGap: stated ?? 'CONTINUE' };
}

function gapPolicy(value: unknown): OnGap | null {
  if (value === undefined || value === null) return null;
  if (value === 'FAIL' || value === 'CONTINUE') return value;
  throw new Fault('BAD_USER_INPUT', { why: `onGap is ${JSON.stringify(value)}, but FAIL or CONTINUE was expected` });
}

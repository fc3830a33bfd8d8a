import type { Running } from '../graphql/engine.js';

/** A ping's payload stays below this: clients echo it in their pong. */
const mostBytes = 32 * 1024;

type Named = readonly [id: string, operation: Running];

/** Brings a stream its cursor when it starts, so that a quiet one resumes where it is. */
export const pingOf = (...operations: readonly Named[]): string => written(operations).text;

/**
 * Brings all streams their cursors. What finds no room waits for the next heartbeat and comes first in it: always left
 * out, a quiet stream would keep the cursor of its beginning until that is older than what is kept.
 */
export function heartbeatOf(live: Map<string, Running>): string {
  const { text, told, isWhole } = written(live);
  if (isWhole) return text;
  for (const [id, operation] of told) {
    live.delete(id);
    live.set(id, operation);
  }
  return text;
}

function written(operations: Iterable<Named>) {
  const told: Named[] = [];
  const cursors: string[] = [];
  const gaps: string[] = [];
  let isWhole = true;
  let bytes = 0;
  for (const [id, operation] of operations) {
    const cursor = operation.kind === 'stream' ? operation.cursor() : null;
    if (operation.kind !== 'stream' || cursor === null) continue;
    const name = JSON.stringify(id);
    const gap = operation.gap && `${name}:${JSON.stringify(operation.gap)}`;
    const more = Buffer.byteLength(name) + cursor.length + (gap ? Buffer.byteLength(gap) : 0) + 8;
    // One long id takes only its own cursor, and not those of all that come after it.
    if (bytes + more > mostBytes) {
      isWhole = false;
      continue;
    }
    bytes += more;
    told.push([id, operation]);
    cursors.push(`${name}:"${cursor}"`);
    if (gap) gaps.push(gap);
  }
  const payload = `{"cursors":{${cursors}}${gaps.length > 0 ? `,"gaps":{${gaps}}` : ''}}`;
  return { text: told.length === 0 ? '{"type":"ping"}' : `{"type":"ping","payload":${payload}}`, told, isWhole };
}

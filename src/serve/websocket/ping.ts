import type { Running } from '../../graphql/running/running.js';

/** Bytes of a ping's payload, at the most: clients echo it in their pong. */
const mostBytes = 32 * 1024;

type Named = readonly [id: string, operation: Running];

/** Tells that an operation has started, and brings its cursor, so that a quiet one resumes where it is. */
export const pingOf = (...operations: readonly Named[]): string => written(operations).text;

/**
 * Brings all operations their cursors, or the gaps that wait for their events. What finds no room waits for the next
 * heartbeat and comes first in it: always left out, a quiet stream would keep the cursor of its beginning until that is
 * older than what is kept.
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
    const { gap } = operation;
    // A cursor never comes with a gap: who came back by a cursor beyond the gap would be past what the gap leaves open, which another gateway,
    // whose schema has other routes, may hold.
    const cursor = gap ? null : operation.cursor();
    if (!gap && cursor === null) continue;
    const name = JSON.stringify(id);
    const entry = `${name}:${gap ? JSON.stringify(gap) : `"${cursor}"`}`;
    const more = Buffer.byteLength(entry) + 1;
    // One long id takes only its own cursor, and not those of all that come after it.
    if (bytes + more > mostBytes) {
      isWhole = false;
      continue;
    }
    bytes += more;
    told.push([id, operation]);
    (gap ? gaps : cursors).push(entry);
  }
  const payload = `{"cursors":{${cursors}}${gaps.length > 0 ? `,"gaps":{${gaps}}` : ''}}`;
  return { text: told.length === 0 ? '{"type":"ping"}' : `{"type":"ping","payload":${payload}}`, told, isWhole };
}

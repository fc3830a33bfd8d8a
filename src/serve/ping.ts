import type { Running } from '../graphql/engine.js';

/** A ping's payload stays below this: clients echo it in their pong. */
const mostBytes = 32 * 1024;

/** Brings streams their cursors: each when it starts, all with every heartbeat, so that a quiet one resumes where it is. */
export function pingOf(operations: Iterable<readonly [string, Running]>): string {
  // With a prototype, an id called `__proto__` would set it, and have no cursor.
  const cursors: Record<string, string> = Object.create(null);
  const gaps: Record<string, unknown> = Object.create(null);
  let bytes = 0;
  for (const [id, operation] of operations) {
    const cursor = operation.kind === 'stream' ? operation.cursor() : null;
    if (operation.kind !== 'stream' || cursor === null) continue;
    const more = Buffer.byteLength(id) + cursor.length + 8;
    // One long id takes only its own cursor, and not those of all that come after it.
    if (bytes + more > mostBytes) continue;
    bytes += more;
    cursors[id] = cursor;
    if (operation.gap) gaps[id] = operation.gap;
  }
  if (bytes === 0) return '{"type":"ping"}';
  return JSON.stringify({ type: 'ping', payload: { cursors, ...(Object.keys(gaps).length > 0 ? { gaps } : {}) } });
}

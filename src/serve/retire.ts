import type { Fault } from '../event/faults.js';
import type { Viewer } from '../graphql/viewer.js';
import type { Source } from '../observe/audit.js';

/** Something a client is connected by. */
export interface Connection {
  /** Whose it is now: `nobody` before anybody signed in. */
  readonly viewer: Viewer;
  readonly source: Source;
  /** Bytes that wait for it. */
  waiting(): number;
  /** Ends it for now: its client is to come back, and loses nothing. */
  turnAway(why: string): void;
  /** Ends it with this as its last word: its token counts no more. */
  expel(fault: Fault): void;
  /** Ends it because the replica retires: what was written before goes out first. Idempotent. */
  retire(): void;
  /** Ends it now. */
  terminate(): void;
}

/**
 * Ends every connection at a moment of its own within `period` ms. Closed all at once they would all come back at
 * once, and the other replicas would go down under it. Resolves when none is left, at the latest a second after.
 */
export async function retire(
  connections: ReadonlySet<Connection>,
  period: number,
  random = Math.random,
): Promise<void> {
  for (const connection of connections) setTimeout(() => connection.retire(), random() * period);
  const last = performance.now() + period + 1_000;
  while (connections.size > 0 && performance.now() < last) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const connection of connections) connection.terminate();
}

import type { Connection } from './connection.js';

/** What retiring asks of a connection. */
type Retiring = Pick<Connection, 'retire' | 'terminate'>;

/** Where whoever comes anew is told that the replica goes away. */
export interface Door {
  /** Nobody is taken any more. */
  shut(): void;
  /** Whether somebody who was taken has no answer yet. */
  owes(): boolean;
}

const noDoor: Door = { shut() {}, owes: () => false };

/** Milliseconds for last words and answers, beyond the period. */
const grace = 1_000;

/**
 * Ends every connection at a moment of its own within `period` ms. Closed all at once they would all come back at
 * once, and the other replicas would go down under it. The door stays open as long, whoever has left before: balancers learn
 * in their own time that the replica is not ready, and until then they send it those who were ended here. Resolves when the
 * period is over and nobody is left, at the latest a second after.
 */
export async function retire(
  connections: ReadonlySet<Retiring>,
  period: number,
  random = Math.random,
  door = noDoor,
): Promise<void> {
  const asked = new Set(connections);
  for (const connection of asked) setTimeout(() => connection.retire(), random() * period);
  if (period > 0) await wait(period);
  door.shut();
  // Who was let in before it began, and had no place here yet.
  for (const connection of connections) if (!asked.has(connection)) connection.retire();
  const last = performance.now() + grace;
  while ((connections.size > 0 || door.owes()) && performance.now() < last) await wait(20);
  for (const connection of connections) connection.terminate();
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

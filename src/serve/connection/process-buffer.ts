import type { Observers } from '../../observe/observers.js';
import type { Connection } from './connection.js';

/** What a bound asks of a connection. */
type Bounded = Pick<Connection, 'waiting' | 'turnAway' | 'terminate'>;

export interface ProcessBuffer {
  /**
   * Connections for which something waited after the last write; those that hold nothing any more are taken out. Not all
   * connections: looking at four thousand idle ones four times a second was 6 % of what a gateway did.
   */
  readonly holding: Set<Bounded>;
  /** Bytes that may wait in all of them together. */
  readonly processBuffer: number;
  readonly observers: Pick<Observers, 'metrics' | 'logger'>;
  /** Milliseconds between two looks. Default 250. */
  readonly every?: number;
}

/** Milliseconds for a last word to get through. */
const lastWord = 1_000;

/**
 * Keeps what waits in all sockets together below `processBuffer`: beyond it, those that hold the most are sent away, to
 * come back and resume. A limit for each socket is none for thousands that stop reading at once. The result ends it.
 */
export function boundBuffers({ holding, processBuffer, observers, every = 250 }: ProcessBuffer): () => void {
  const leaving = new WeakSet<Bounded>();
  function look() {
    const held: { readonly connection: Bounded; readonly bytes: number }[] = [];
    let sum = 0;
    for (const connection of holding) {
      const bytes = connection.waiting();
      if (bytes === 0) holding.delete(connection);
      else if (!leaving.has(connection)) {
        held.push({ connection, bytes });
        sum += bytes;
      }
    }
    if (sum <= processBuffer) return;
    observers.logger.warn(
      { bytes: sum, max: processBuffer },
      'all sockets together hold too much: the worst are sent away',
    );
    held.sort((one, other) => other.bytes - one.bytes);
    for (const { connection, bytes } of held) {
      if (sum <= processBuffer) return;
      sum -= bytes;
      leaving.add(connection);
      observers.metrics.limited('processBuffer');
      connection.turnAway('reconnect and resume');
      // Behind all that waits, no close frame gets through: what waits has to go.
      setTimeout(() => connection.terminate(), lastWord).unref();
    }
  }
  const timer = setInterval(look, every).unref();
  return () => clearInterval(timer);
}

import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import type { Connection } from './retire.js';

export interface ProcessBuffer {
  readonly connections: ReadonlySet<Connection>;
  /** Bytes. */
  readonly processBuffer: number;
  readonly metrics: Pick<GatewayMetrics, 'limited'>;
  readonly logger: Logger;
  /** Milliseconds between two looks. Default 250. */
  readonly every?: number;
}

/** Milliseconds for a last word to get through. */
const lastWord = 1_000;

/**
 * Keeps what waits in all sockets together below `processBuffer`: beyond it, those that hold the most are sent away, to
 * come back and resume. A limit for each socket is none for thousands that stop reading at once. The result ends it.
 */
export function boundBuffers({ connections, processBuffer, metrics, logger, every = 250 }: ProcessBuffer): () => void {
  const leaving = new WeakSet<Connection>();
  function look() {
    const holding = [...connections]
      .filter((connection) => !leaving.has(connection))
      .map((connection) => ({ connection, bytes: connection.waiting() }));
    let sum = holding.reduce((all, { bytes }) => all + bytes, 0);
    if (sum <= processBuffer) return;
    logger.warn({ bytes: sum, max: processBuffer }, 'all sockets together hold too much: the worst are sent away');
    holding.sort((one, other) => other.bytes - one.bytes);
    for (const { connection, bytes } of holding) {
      if (sum <= processBuffer) return;
      sum -= bytes;
      leaving.add(connection);
      metrics.limited('processBuffer');
      connection.turnAway('reconnect and resume');
      // Behind all that waits, no close frame gets through: what waits has to go.
      setTimeout(() => connection.terminate(), lastWord).unref();
    }
  }
  const timer = setInterval(look, every).unref();
  return () => clearInterval(timer);
}

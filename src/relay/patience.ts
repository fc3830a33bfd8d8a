import type { SourcePartition } from '../event/source-event.js';
import { LogUnavailable } from '../log/channel-log.js';
import type { Logger } from '../observe/logger.js';
import type { RelayMetrics } from '../observe/metrics.js';

/** How a partition bears what goes wrong: failures in a row, how long each costs, and what is said of them. */
export interface Patience {
  /** In a row. */
  failures(): number;
  /** Counts a failure at an offset and answers how many milliseconds to wait. */
  tried(error: unknown, offset: number): number;
  /** The log took an append that ends at `next`. */
  rewarded(next: number): void;
}

export function createPatience(
  { topic, partition }: SourcePartition,
  delay: (attempt: number) => number,
  metrics: RelayMetrics,
  logger: Logger,
): Patience {
  let failures = 0;
  return {
    failures: () => failures,
    tried(error, offset) {
      failures++;
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof LogUnavailable) metrics.refused(topic, error.full ? 'full' : 'unavailable');
      const wait = delay(failures);
      // The first of a row, then one in ten: an hour without the log is not an hour of log lines.
      if (failures === 1 || failures % 10 === 0) {
        logger.warn({ topic, partition, offset, reason, failures, wait }, 'The partition waits');
      }
      return wait;
    },
    rewarded(next) {
      if (failures > 0) logger.info({ topic, partition, offset: next, failures }, 'The log takes records again');
      failures = 0;
    },
  };
}

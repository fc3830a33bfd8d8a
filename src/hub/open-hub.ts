import { backoff } from '../event/backoff.js';
import { LogUnavailable } from '../log/channel-log.js';
import type { Logger } from '../observe/logger.js';
import type { Hub, HubOptions } from './hub.js';
import { TailingHub } from './tailing-hub.js';

/** Opens the one tail of this replica. Throws LogUnavailable when the log cannot be reached. */
export async function openHub(options: HubOptions): Promise<Hub> {
  const hub = new TailingHub(options);
  await hub.open();
  return hub;
}

/**
 * A hub that may be asked before the log can be reached: until then `join` throws LogUnavailable, and it tries again
 * with a log line at growing intervals, at most two seconds.
 */
export function patientHub(options: HubOptions): Hub & { opened(): boolean } {
  const { logger } = options.observers;
  let hub: Hub | null = null;
  let closed = false;
  void opening(logger);

  async function opening(log: Logger) {
    for (let attempt = 0; !closed && !hub; attempt++) {
      try {
        hub = await openHub(options);
      } catch (error) {
        log.warn({ error: error instanceof Error ? error.message : String(error) }, 'the log cannot be reached yet');
        await new Promise((resolve) => setTimeout(resolve, backoff(attempt + 1, { most: 2_000 })));
      }
    }
    if (closed) await hub?.close();
  }

  function reached(): Hub {
    if (!hub) throw new LogUnavailable('the log has not been reached yet');
    return hub;
  }

  return {
    opened: () => hub !== null,
    join: async (listener) => reached().join(listener),
    leave: (listener) => hub?.leave(listener),
    refresh: async (shown) => reached().refresh(shown),
    read: async (...asked) => reached().read(...asked),
    newest: async (...asked) => reached().newest(...asked),
    gaps: async (shard) => reached().gaps(shard),
    twice: (position) => reached().twice(position),
    heads: () => hub?.heads() ?? [],
    async close() {
      closed = true;
      await hub?.close();
    },
  };
}

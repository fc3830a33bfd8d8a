import { setTimeout as pause } from 'node:timers/promises';
import { backoff } from '../../event/backoff.js';
import { LogUnavailable } from '../../log/channel-log.js';

/** Does `work` again while `isDue` and the log is unavailable; throws what else it throws. */
export async function retryWhile(isDue: () => boolean, work: (again: boolean) => Promise<void>): Promise<void> {
  for (let attempt = 0; isDue(); attempt++) {
    try {
      return await work(attempt > 0);
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      // Thousands may have met the same trouble: without chance in the pause they would all try again in one moment.
      await pause(backoff(attempt + 1, { first: 50, most: 2_000 }));
    }
  }
}

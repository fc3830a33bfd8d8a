import { setTimeout as pause } from 'node:timers/promises';
import { LogUnavailable } from '../../log/channel-log.js';

/** Does `work` again while `isDue` and the log is unavailable; throws what else it throws. */
export async function retryWhile(isDue: () => boolean, work: (again: boolean) => Promise<void>): Promise<void> {
  for (let attempt = 0; isDue(); attempt++) {
    try {
      return await work(attempt > 0);
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      // Thousands may have met the same trouble: they must not all try again in the same moment.
      const most = Math.min(2_000, 50 * 2 ** Math.min(attempt, 6));
      await pause(most * (0.5 + Math.random() / 2));
    }
  }
}

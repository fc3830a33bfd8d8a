/** When the next fetch may go out. */
export interface Pace {
  /** To be awaited by each batch when it is done, with how many records it had: null when there is nothing to wait for. */
  rest(records: number): Promise<void> | null;
}

/** Fewer records than this are not worth a wait: each would come later, and hardly any work be saved. */
const worthwhile = 8;
/** Milliseconds over which the rate of records is measured. */
const span = 50;

/**
 * Lets records gather where they come fast. Each fetch costs a request to Kafka, and its append one to Redis and one
 * wake-up of every gateway, whatever they carry (`npm run bench -- --only linger`). So fetches are at least `linger` ms
 * apart wherever that gathers `worthwhile` records; where it would not, every record goes at once. All batches of a fetch
 * wait for the same moment; a fetch that took longer than `linger` to be appended waits for nothing. 0 never waits.
 */
export function createPace(linger: number, now: () => number = () => performance.now()): Pace {
  let perMillisecond = 0;
  let count = 0;
  let since = now();
  let rested = since;
  let resting: Promise<void> | null = null;

  function measure(records: number, time: number): void {
    count += records;
    if (time - since < span) return;
    perMillisecond = count / (time - since);
    count = 0;
    since = time;
  }

  return {
    rest(records) {
      const time = now();
      measure(records, time);
      if (resting || perMillisecond * linger < worthwhile) return resting;
      const left = rested + linger - time;
      if (left <= 0) {
        rested = time;
        return null;
      }
      resting = new Promise((resolve) => setTimeout(resolve, left)).then(() => {
        rested = now();
        resting = null;
      });
      return resting;
    },
  };
}

/** When the next fetch may go out. */
export interface Pace {
  /**
   * To be awaited by each batch when it is done, with how many records it had, and whether Kafka has `more` already: null
   * when there is nothing to wait for.
   */
  rest(records: number, more?: boolean): Promise<void> | null;
}

/** Fewer records than this are not worth a wait: each would come later, and hardly any work be saved. */
const worthwhile = 8;
/** Records a millisecond from which on fetches are `linger` apart. */
const fast = 10;
/** Milliseconds over which the rate of records is measured. */
const span = 50;

/**
 * Lets records gather where they come fast. Each fetch costs a request to Kafka, and its append one to Redis and one
 * wake-up of every gateway, whatever they carry (`npm run bench -- --only linger`). So fetches are `linger` ms apart where
 * 10,000 records/s come, at lower rates as much less, and where that would not gather `worthwhile` records every record
 * goes at once. All batches of a fetch wait for the same moment. A fetch that took longer than that to be appended waits for
 * nothing, and so does a relay that is behind: what it would wait for is there. 0 never waits.
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
    rest(records, more = false) {
      const time = now();
      measure(records, time);
      const apart = linger * Math.min(1, perMillisecond / fast);
      if (resting || perMillisecond * apart < worthwhile) return resting;
      const left = rested + apart - time;
      if (left <= 0 || more) {
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

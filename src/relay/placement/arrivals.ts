/** By `time`, of the log's clock, all that lies below `offset` was in the log. */
export interface Arrival {
  readonly offset: number;
  readonly time: number;
  /** Milliseconds: from a record's own time, at most so late came each that lies between the arrival before and this one. */
  readonly lag: number;
}

/** When a partition's newest records came into the log, ascending. */
export type Arrivals = readonly Arrival[];

/** With steps of an eighth of a refill, the newest two refills. */
const most = 16;

/**
 * Adds an append that begins at `base`. What was there before from `base` on is written again: only now it is there.
 * Appends that are less than `step` milliseconds apart become one, as late as the later of them.
 */
export function arrived(known: Arrivals, base: number, newest: Arrival, step: number): Arrivals {
  const below = arrivedBelow(known, base);
  const last = below.at(-1);
  if (last === undefined || newest.time - (below.at(-2)?.time ?? Number.NEGATIVE_INFINITY) >= step) {
    return [...below, newest].slice(-most);
  }
  return [...below.slice(0, -1), { ...newest, lag: Math.max(last.lag, newest.lag) }];
}

/** What is left of them where the partition was cut at `end`. */
export function arrivedBelow(known: Arrivals, end: number): Arrivals {
  const cut = known.findIndex(({ offset }) => offset >= end);
  return cut < 0 ? known : [...known.slice(0, cut), { ...(known[cut] as Arrival), offset: end }];
}

/** When all that lies below `offset` was in the log, at the latest; null where nobody knows. */
export const allThereBy = (known: Arrivals, offset: number): number | null =>
  known.find((one) => one.offset >= offset)?.time ?? null;

/** When this record was in the log for the first time, at the latest; null where nobody knows. */
export function firstThereBy(known: Arrivals, offset: number, timestamp: number): number | null {
  const arrival = known.find((one) => one.offset > offset);
  return arrival === undefined ? null : Math.min(arrival.time, timestamp + arrival.lag);
}

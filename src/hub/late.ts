import type { Place } from '../event/place.js';
import { type Position, wholeUntil } from '../event/position.js';

/**
 * By the log's clock, up to when somebody lacks nothing of what the log has lost since; null for who lacks nothing at all.
 *
 * Who comes back to a log that was emptied stands where it stands now, and by that position was there all the time. What it
 * had still to be shown is written again, or a relay finds that it is gone and tells so: that may be later, of each
 * partition, and concerns who was late already when the log was lost.
 */
export type Late = number | null;

/** For somebody who comes `from` a place to another: late where the epoch there is a new one, or the log went back. */
export function lateAt(late: Late, from: Place['positions'], upTo: readonly Position[]): Late {
  const left = upTo.flatMap(({ shard, epoch, number }) => {
    const known = from[shard];
    const isSame = known?.epoch === epoch && known.number <= number;
    return known === undefined || known.epoch === '' || isSame ? [] : [wholeUntil(known)];
  });
  return left.length === 0 ? late : Math.min(...left, late ?? Number.POSITIVE_INFINITY);
}

/** What it lacked is older than what its channels keep, by the clock of each shard: it would have expired without a loss. */
export const isOver = (late: Late, heads: readonly Position[], retain: number): boolean =>
  late !== null && heads.every(({ time }) => time - late >= retain);

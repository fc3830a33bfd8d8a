import type { Moment, Position } from './position.js';
import type { SourceEvent } from './source-event.js';
import { sourceKey } from './source-key.js';

/**
 * How far a subscription has come: everything its channels carried up to here was shown, judged or skipped. Nobody changes
 * one: thousands stand at the same. Its text, for clients, is a cursor (`cursorCodec`).
 */
export interface Place {
  /** Per shard of the log. */
  readonly positions: readonly Moment[];
  /** The newest coordinates of the partitions heard last, the last of them at the end. At most `maxOffsets`; they outlive an epoch. */
  readonly offsets: readonly Coordinate[];
  /** Names the routes by which its field went: four characters of base64url. */
  readonly routes: string;
  /** By the log's clock, up to when it lacks nothing of what the log has lost since; null when it lacks nothing. */
  readonly late: number | null;
}

/** How far a subscription has come, per shard. */
export type Progress = Place['positions'];

/** How far a partition of an origin went by. */
export interface Coordinate {
  /** `sourceKey` of the partition. */
  readonly key: number;
  readonly offset: number;
  readonly index: number;
}

/** An index behind every event of a record. */
export const wholeRecord = 2 ** 31;

export const maxOffsets = 16;

/** The coordinates of whoever has heard nothing: one list for all of them. */
export const noOffsets: readonly Coordinate[] = [];

/** True when somebody has come, on some shard, where the heads are not: to a later number, or another epoch. */
export function isAhead(progress: Progress, heads: readonly Position[]): boolean {
  return heads.some(({ shard, epoch, number }) => {
    const known = progress[shard];
    return known !== undefined && known.epoch !== '' && (known.epoch !== epoch || known.number > number);
  });
}

/** `heads`, with this position in its shard. */
export function positionsAt(heads: readonly Position[], position: Position): readonly Position[] {
  const head = heads[position.shard];
  const isSame = head?.number === position.number && head.epoch === position.epoch && head.time === position.time;
  return isSame ? heads : heads.with(position.shard, position);
}

/** Right before an entry of the log, in its shard. */
export const positionBefore = (position: Position): Position => ({
  ...position,
  number: position.number - 1,
  time: position.time - 1,
});

/** What had gone by before an event that is the newest of its partition in `offsets`. */
export function offsetsBefore(offsets: readonly Coordinate[], event: SourceEvent): readonly Coordinate[] {
  const { origin, record, index } = event;
  const key = sourceKey(origin, record.partition);
  const { offset } = record;
  if (index === 0 && offset === 0) return offsets.filter((one) => one.key !== key);
  const before = index > 0 ? { key, offset, index: index - 1 } : { key, offset: offset - 1, index: wholeRecord };
  const at = offsets.findIndex((one) => one.key === key);
  return at < 0 ? [...offsets, before] : offsets.with(at, before);
}

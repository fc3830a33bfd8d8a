import { type Gap, isAfter, type Moment, type Position } from '../../event/position.js';
import { type Voided, voidedBy } from '../../event/publication.js';
import { type LoggedGap, maxMarks } from '../../log/channel-log.js';

/** A mark behind which a partition has other records. */
export interface Renewal {
  readonly position: Position;
  readonly voided: Voided;
}

export const renewalsIn = (marks: readonly LoggedGap[]): readonly Renewal[] =>
  marks.flatMap((mark) => {
    const voided = voidedBy(mark);
    return voided ? [{ position: mark.position, voided }] : [];
  });

/** Those that came into the shard after a place of it, and up to its head. */
export const marksBetween = (marks: readonly LoggedGap[], from: Moment, head: Position): readonly LoggedGap[] =>
  marks.filter(({ position }) => isAfter(position, from, head.epoch) && !isAfter(position, head, head.epoch));

/** Those that a topic's readers were told up to the head. */
export const marksOf = (marks: readonly LoggedGap[], topic: string, head: Position): readonly LoggedGap[] =>
  marks.filter(({ source, position }) => source.topic === topic && !isAfter(position, head, head.epoch));

/** What they told nobody knows. */
export const forgotten: Gap = { reason: 'LOG_LOST', missed: null };

/** Whether marks may be gone that came after a place: of many, a shard keeps the newest, and they are of all its topics. */
export const areForgotten = (kept: readonly LoggedGap[], from: Moment, current: string): boolean =>
  kept.length >= maxMarks && isAfter((kept[0] as LoggedGap).position, from, current);

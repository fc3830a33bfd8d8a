import { type Gap, isAfter, type Moment } from '../event/position.js';
import { type LoggedGap, maxMarks } from '../log/channel-log.js';

/** What they told nobody knows. */
export const forgotten: Gap = { reason: 'LOG_LOST', missed: null };

/** Whether marks may be gone that came after a place: of many, a shard keeps the newest, and they are of all its topics. */
export const areForgotten = (kept: readonly LoggedGap[], from: Moment, current: string): boolean =>
  kept.length >= maxMarks && isAfter((kept[0] as LoggedGap).position, from, current);

import type { Moment } from '../../event/position.js';
import type { Cut, Loss, SourceGap } from '../../event/publication.js';
import type { LoggedGap } from '../../log/channel-log.js';

/** What is known to be told when a mark has come into the log at `time`, by the log's clock. */
export function lossAfter(known: Loss | null, gap: SourceGap, time: number): Loss | null {
  const { reason, since = time, cut, changedAt = since } = gap;
  // What is written again finds its channels by the routes of now.
  if (reason === 'LOG_LOST' || reason === 'SOURCE_LOST') return both(known, { reason, since });
  if (reason === 'TOPIC_RECREATED') return both(known, { reason, since, changedAt, ...(cut && { cut }) });
  return known;
}

/** What the log itself knows, by its newest mark of a partition. */
export const lossIn = (mark: LoggedGap | null): Loss | null =>
  mark && lossAfter(mark.before ?? null, mark, mark.position.time);

/**
 * A log that came back empty lacks its marks as well. Whoever stands before what they told would be shown all that is left of
 * the partition as if nothing were missing, and what has the offsets of other records as repeats.
 */
export function toldAgain(gap: SourceGap | null, known: Loss | null, place: Moment | null): SourceGap | null {
  if (known === null) return gap;
  const again = { ...known, missed: null, ...(place && { told: place }) };
  if (gap === null) return again;
  const { since, ...all } = lossAfter(known, gap, 0) ?? known;
  // A loss of what came nobody knows when concerns everybody.
  return gap.since === undefined ? { ...all, missed: null } : { ...again, ...all, since };
}

/** The older one first. */
export function both(one: Loss | null, other: Loss | null): Loss | null {
  if (one === null || other === null) return one ?? other;
  const since = Math.max(one.since, other.since);
  const changes = [one, other].filter(({ reason }) => reason === 'TOPIC_RECREATED');
  if (changes.length === 0) return { reason: other.reason, since };
  const changedAt = Math.max(...changes.map((change) => change.changedAt ?? change.since));
  const cut = lowest(changes.map((change) => change.cut));
  return { reason: 'TOPIC_RECREATED', since, changedAt, ...(cut && { cut }) };
}

/** Without a cut all that is known of the partition is void. */
function lowest(cuts: readonly (Cut | undefined)[]): Cut | undefined {
  const newest = cuts.at(-1);
  if (!newest || cuts.includes(undefined)) return undefined;
  // A cut of another origin than the newest makes nothing void any more: nothing comes of that origin.
  const offsets = cuts.map((cut) => (cut?.origin === newest.origin ? cut.offset : newest.offset));
  return { ...newest, offset: Math.min(...offsets) };
}

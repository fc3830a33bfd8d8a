import type { Moment } from '../event/position.js';
import type { SourceGap } from '../event/publication.js';

/** What was told of a partition that nobody can give its log again: for the day when the log has forgotten that too. */
export interface Loss extends Pick<SourceGap, 'cut'> {
  readonly reason: 'LOG_LOST' | 'SOURCE_LOST' | 'TOPIC_RECREATED';
  /** `SourceGap.since`. */
  readonly since: number;
}

/** What is known to be told when a mark has come into the log at `time`, by the log's clock. */
export function lossAfter(known: Loss | null, gap: SourceGap, time: number): Loss | null {
  const { reason, since = time, cut } = gap;
  // What is written again finds its channels by the routes of now.
  if (reason !== 'LOG_LOST' && reason !== 'SOURCE_LOST' && reason !== 'TOPIC_RECREATED') return known;
  return both(known, { reason, since, ...(cut && { cut }) });
}

/** What was told by `place`, at the latest, nobody knows. */
export const toldBy = (known: Loss | null, place: Moment): Loss | null =>
  both(known, { reason: 'LOG_LOST', since: place.time });

/**
 * A log that came back empty lacks its marks as well. Whoever stands before what they told would be shown all that is left of
 * the partition as if nothing were missing, and what has the offsets of other records as repeats.
 */
export function toldAgain(gap: SourceGap | null, known: Loss | null, place: Moment | null): SourceGap | null {
  if (known === null) return gap;
  const again = { ...known, missed: null, ...(place && { told: place }) };
  if (gap === null) return again;
  const all = lossAfter(known, gap, 0) ?? known;
  if (gap.since !== undefined) return { ...again, ...all };
  const { reason, cut } = all;
  return { reason, missed: null, ...(cut && { cut }) };
}

/** The older one first. */
export function both(one: Loss | null, other: Loss | null): Loss | null {
  if (one === null || other === null) return one ?? other;
  const since = Math.max(one.since, other.since);
  const again = [one, other].filter(({ reason }) => reason === 'TOPIC_RECREATED');
  const reason = again[0]?.reason ?? other.reason;
  const cuts = again.flatMap(({ cut }) => cut ?? []);
  // Without a cut all that is known of the partition is void.
  if (cuts.length === 0 || cuts.length < again.length) return { reason, since };
  // Of another origin than the newest nothing comes any more.
  const { origin } = cuts.at(-1) as (typeof cuts)[0];
  const offsets = cuts.filter((cut) => cut.origin === origin).map(({ offset }) => offset);
  return { reason, since, cut: { origin, offset: Math.min(...offsets) } };
}

import { originOf } from '../../event/origin.js';
import type { SourceGap } from '../../event/publication.js';
import type { SourcePartition } from '../../event/source-event.js';
import type { SourceHistory } from '../../event/source-history.js';
import type { PartitionState } from '../../log/channel-log.js';
import type { Bounds, PartitionFeed, Reached } from '../record-batch.js';
import { arrivedBelow } from './arrivals.js';
import { below, isOtherTopic, partingOf, termOf } from './history.js';

/** Kafka has another history than the one that is known. */
export interface Change {
  readonly why: string;
  /** From here on all is new. Null where the log has forgotten what it had. */
  readonly next: number | null;
  readonly history: SourceHistory;
  readonly gap: SourceGap;
}

/** A change after which the log knows where it goes on. */
export type Renewing = Change & { readonly next: number };

export const isRenewing = (change: Change): change is Renewing => change.next !== null;

/** A relay of another Kafka cluster feeds the topic. */
export class Rivalry extends Error {
  override name = 'Rivalry';
}

/** Milliseconds after which a relay that has not asked for its partition's state does not feed it any more. */
const heldFor = 15_000;

/** A history that begins in the leader's term. */
export const begun = ({ topicId, leaderEpoch }: Bounds, at: number): SourceHistory => ({
  topicId,
  epochs: leaderEpoch < 0 ? [] : [[leaderEpoch, at]],
});

/** The topic is another one: it begins anew. */
export const madeAgain = (bounds: Bounds, why: string, gap = recreated): Renewing => ({
  why,
  next: bounds.begin,
  history: begun(bounds, bounds.begin),
  gap,
});

const recreated: SourceGap = { reason: 'TOPIC_RECREATED', missed: null };

/** From `offset` on, what was known by another name or of another end is void; what has a name of its own is not. */
const recreatedFrom = (origin: string, offset: number): SourceGap => ({ ...recreated, cut: { origin, offset } });

/** How far relays came in a topic, and how much of that Kafka still has: all of it, or what lies before a cut. */
export interface Claim {
  readonly reached: Reached;
  readonly held: number;
}

/** What is left of what relays had reached: below a cut they have been there all the same. */
export function leftOf(reached: Reached | null, { history, gap: { cut } }: Change): Reached | null {
  if (reached === null || !cut || cut.offset === 0 || reached.history.topicId !== history.topicId) return null;
  const offset = Math.min(reached.offset, cut.offset);
  return {
    ...reached,
    offset,
    arrivals: arrivedBelow(reached.arrivals, offset),
    history: below(reached.history, offset),
  };
}

/** Kafka is asked only where the log has less than was reached: what the log has names itself. Throws what the feed throws. */
export async function claimOf(
  reached: Reached | null,
  { watermark }: PartitionState,
  feed: PartitionFeed,
): Promise<Claim | null> {
  if (reached === null) return null;
  const { offset: end, history } = reached;
  return { reached, held: end <= (watermark ?? -1) ? end : await partingOf({ ...history, end }, feed.endOf) };
}

/**
 * Compares what the log knows of a partition, and what relays claim, with what Kafka has. Null where that is one history.
 * `former` is what they had reached in another topic, of which a log may have forgotten all. `oldest` is the time from which
 * on all could still be asked for. Throws Rivalry, and what the feed throws.
 */
export async function changeOf(
  source: SourcePartition,
  state: PartitionState,
  bounds: Bounds,
  claim: Claim | null,
  former: Reached | null,
  feed: PartitionFeed,
  oldest: number,
): Promise<Change | null> {
  const { watermark, history, feeder } = state;
  if (feeder.cluster !== source.cluster) {
    if (feeder.idle < heldFor) throw new Rivalry(rivalry(source, feeder));
    // Another cluster's records are new as far as they could still be asked for, but for what this log had of it before.
    const next = watermark ?? Math.min(Math.max(await feed.offsetAt(oldest), bounds.begin), bounds.end);
    const why = `The topic comes from another cluster than before (${feeder.cluster})`;
    const gap = recreatedFrom(originOf({ ...source, cluster: feeder.cluster }, null), 0);
    return { why, next, history: history ?? begun(bounds, next), gap };
  }
  if (isOtherTopic(history, bounds) || (watermark === null && claim === null && former !== null)) {
    const gap = recreatedFrom(originOf(source, (history ?? former?.history)?.topicId ?? null), 0);
    const again = madeAgain(bounds, 'The topic was made again', gap);
    return watermark === null ? { ...again, next: null } : again;
  }
  const parting = await partedAt(state, bounds, claim, feed);
  if (parting === null) return null;
  const next = watermark === null ? null : Math.min(watermark, parting);
  const left = below(history ?? begun(bounds, 0), parting);
  return {
    why: `The partition was cut at offset ${parting}`,
    next,
    // The leader's term is that of what comes: so that this cut is known, where an offset of before it was committed.
    history: { ...left, epochs: [...left.epochs, [bounds.leaderEpoch, parting]] },
    gap: recreatedFrom(originOf(source, bounds.topicId), parting),
  };
}

/** Where Kafka's history leaves what is known of it; null where it does not. */
async function partedAt(
  { watermark, history }: PartitionState,
  { leaderEpoch: current }: Bounds,
  claim: Claim | null,
  feed: PartitionFeed,
): Promise<number | null> {
  const ends = watermark ?? 0;
  const parting = history === null ? ends : await partingOf({ epochs: history.epochs, end: ends }, feed.endOf);
  if (parting < ends) return parting;
  // A log that lost its newest part knows nothing of it, and who was shown that part does.
  if (claim === null || claim.held === claim.reached.offset) return null;
  const { offset, history: reached } = claim.reached;
  const last = termOf(reached);
  // The cut may have been told before, and the offset be one committed before that: then a term is known that began in what was cut off. A place may
  // have been found under a term in which nothing was written yet; that one ended where the cut is.
  const newer = history?.epochs.findLast(([epoch, first]) => epoch > last && first < offset);
  if (newer === undefined) return claim.held;
  const [epoch] = newer;
  const isKnown = epoch >= current || ((await feed.endOf(epoch))?.end ?? 0) > claim.held;
  return isKnown ? null : claim.held;
}

const rivalry = ({ cluster, topic }: SourcePartition, { cluster: other, idle }: PartitionState['feeder']): string =>
  `${topic} is fed into this log from the Kafka cluster ${other}, by a relay that was there ${Math.round(idle / 1000)} s ago; this relay reads the cluster ${cluster}. One log takes a topic from one cluster: stop the other relay, or give this one a TAILRACE_REDIS_PREFIX of its own`;

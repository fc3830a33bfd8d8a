import { originOf } from '../event/origin.js';
import type { SourceGap } from '../event/publication.js';
import type { SourcePartition } from '../event/source-event.js';
import type { SourceHistory } from '../event/source-history.js';
import type { PartitionState } from '../log/channel-log.js';
import { below, isOtherTopic, partingOf } from './history.js';
import type { Bounds, PartitionFeed, Reached } from './record-batch.js';

/** Kafka has another history than the one that is known. */
export interface Change {
  readonly why: string;
  /** From here on all is new. Null where the log has forgotten what it had. */
  readonly next: number | null;
  readonly history: SourceHistory;
  readonly gap: SourceGap;
}

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
export const madeAgain = (bounds: Bounds, why: string): Change & { readonly next: number } => ({
  why,
  next: bounds.begin,
  history: begun(bounds, bounds.begin),
  gap: recreated,
});

const recreated: SourceGap = { reason: 'TOPIC_RECREATED', missed: null };

/** How far relays came, and how much of that Kafka still has: all of it, what lies before a cut, or nothing (0). */
export interface Claim {
  readonly reached: Reached;
  readonly held: number;
}

/** Asked only where the log has less: what it has names itself. Throws what the feed throws. */
export async function claimOf(
  reached: Reached | null,
  { watermark }: PartitionState,
  { topicId }: Bounds,
  feed: PartitionFeed,
): Promise<Claim | null> {
  if (reached === null) return null;
  const { offset: end, leaderEpoch } = reached;
  if (end <= (watermark ?? -1)) return { reached, held: end };
  if (reached.topicId !== null && topicId !== null && reached.topicId !== topicId) return { reached, held: 0 };
  if (leaderEpoch < 0) return { reached, held: end };
  return { reached, held: await partingOf({ epochs: [[leaderEpoch, 0]], end }, feed.endOf) };
}

/**
 * Compares what the log knows of a partition, and what relays claim, with what Kafka has. Null where that is one history.
 * `oldest` is the time from which on all could still be asked for. Throws Rivalry, and what the feed throws.
 */
export async function changeOf(
  source: SourcePartition,
  state: PartitionState,
  bounds: Bounds,
  claim: Claim | null,
  feed: PartitionFeed,
  oldest: number,
): Promise<Change | null> {
  const { watermark, history, feeder } = state;
  if (feeder.cluster !== source.cluster) {
    if (feeder.idle < heldFor) throw new Rivalry(rivalry(source, feeder));
    // Of another cluster all is new that could still be asked for, but for what this log had of it before.
    const next = watermark ?? Math.min(Math.max(await feed.offsetAt(oldest), bounds.begin), bounds.end);
    const why = `The topic comes from another cluster than before (${feeder.cluster})`;
    return { why, next, history: history ?? begun(bounds, next), gap: recreated };
  }
  if (isOtherTopic(history, bounds) || (watermark === null && claim?.held === 0)) {
    const again = madeAgain(bounds, 'The topic was made again');
    return watermark === null ? { ...again, next: null } : again;
  }
  const parting = await partedAt(state, claim, feed);
  if (parting === null) return null;
  const next = watermark === null ? null : Math.min(watermark, parting);
  const left = below(history ?? { topicId: bounds.topicId, epochs: [] }, parting);
  return {
    why: `The partition was cut at offset ${parting}`,
    next,
    history: left.epochs.length > 0 ? left : begun(bounds, next ?? parting),
    gap: { ...recreated, cut: { origin: originOf(source, bounds.topicId), offset: parting } },
  };
}

/** Where Kafka's history leaves what is known of it; null where it does not. */
async function partedAt(
  { watermark, history }: PartitionState,
  claim: Claim | null,
  feed: PartitionFeed,
): Promise<number | null> {
  const ends = watermark ?? 0;
  const parting = history === null ? ends : await partingOf({ epochs: history.epochs, end: ends }, feed.endOf);
  if (parting < ends) return parting;
  // A log that lost its newest part knows nothing of it, and who was shown that part does.
  return claim !== null && claim.held < claim.reached.offset && claim.held > ends ? claim.held : null;
}

const rivalry = ({ cluster, topic }: SourcePartition, { cluster: other, idle }: PartitionState['feeder']): string =>
  `${topic} is fed into this log from the Kafka cluster ${other}, by a relay that was there ${Math.round(idle / 1000)} s ago; this relay reads the cluster ${cluster}. One log takes a topic from one cluster: stop the other relay, or give this one a TAILRACE_REDIS_PREFIX of its own`;

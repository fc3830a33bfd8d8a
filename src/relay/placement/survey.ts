import type { SourcePartition } from '../../event/source-event.js';
import type { ChannelLogWriter, PartitionState } from '../../log/channel-log.js';
import type { Bounds, PartitionFeed, Reached } from '../record-batch.js';
import { type Change, changeOf, claimOf } from './change.js';
import { isNamed, isOtherTopic, termOf } from './history.js';
import { both, lossIn } from './loss.js';
import type { Memory } from './memory.js';
import type { Facts } from './placement.js';

export interface SurveyOptions extends Pick<Facts, 'retain' | 'refillMax' | 'startedAt'> {
  readonly source: SourcePartition;
  readonly feed: PartitionFeed;
  readonly log: Pick<ChannelLogWriter, 'topic'>;
  readonly now: () => number;
}

/** An offset, and by which term it was reached: the same one may be reached in another history. Null for none. */
export const committedIn = ({ committed, newest }: Bounds): string | null =>
  committed === null ? null : `${committed} ${newest && termOf(newest.history)}`;

/** The newer term wins, whatever the offsets: in an older one somebody may have come to offsets that were cut off since. */
function isFarther(one: Reached, than: Reached): boolean {
  const newer = termOf(one.history) - termOf(than.history);
  return newer > 0 || (newer === 0 && one.offset > than.offset);
}

/** All that decides where a partition goes on. */
export interface Survey {
  readonly bounds: Bounds;
  readonly facts: Facts;
  /** Not null: Kafka has another history than the log. */
  readonly change: Change | null;
}

/** Asks Kafka what the log's `state` has to be held against. Throws what the feed and the log throw, and Rivalry. */
export async function survey(options: SurveyOptions, state: PartitionState, memory: Readonly<Memory>): Promise<Survey> {
  const { source, feed, retain, refillMax, startedAt } = options;
  const { watermark, last } = state;
  const told = await feed.bounds();
  const isVoided = committedIn(told) === memory.voided;
  const bounds = isVoided ? { ...told, committed: null, newest: null } : told;
  const { newest = null } = bounds;
  // Without what another relay said, a loss of its partition would be counted back from now: the longer Kafka was
  // away, the less would be written again.
  const claims = [newest, memory.reached];
  const isFormer = (one: Reached | null) => one !== null && isOtherTopic(one.history, bounds);
  const former = claims.find(isFormer) ?? null;
  const known = claims.reduce(
    (far, one) => (one === null || isFormer(one) || (far && !isFarther(one, far)) ? far : one),
    null,
  );
  const now = options.now();
  const claim = await claimOf(known, state, feed);
  const change = await changeOf(source, state, bounds, claim, former, feed, Math.max(0, now - retain));
  const isHeld = !isFormer(newest) && (claim === null || claim.held === claim.reached.offset);
  const reached = claim && { ...claim.reached, offset: claim.held };
  const lost = both(both(memory.lost, reached?.lost ?? null), lossIn(state.mark));
  const facts: Facts = {
    ...bounds,
    watermark,
    last,
    reached,
    lost,
    // What was committed of a history that is over is no offset of this one.
    committed: isHeld || bounds.committed !== newest?.offset ? bounds.committed : null,
    retain,
    refillMax,
    startedAt,
    now,
    isProven: isNamed(state.history, bounds),
    isAdded: false,
  };
  return { bounds, facts: { ...facts, isAdded: await isAdded(options, facts, change) }, change };
}

/**
 * A partition that its topic did not have at first. Begun by the time of its records as at a first start, whatever was written
 * to it before a relay knew of it would be lost to those who are there, where records are older than their partition.
 */
async function isAdded({ source, log }: SurveyOptions, facts: Facts, change: Change | null): Promise<boolean> {
  const { watermark, reached, committed, partitions, hasSiblings } = facts;
  if (watermark !== null) return false;
  if (change !== null && change.next === null && reached === null) return true;
  const topic = await log.topic(source, partitions);
  if (reached !== null || committed !== null) return false;
  return source.partition >= topic.partitions || (topic.isNew && hasSiblings);
}

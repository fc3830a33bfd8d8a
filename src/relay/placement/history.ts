import type { EpochEnd, LeaderEpoch, SourceHistory } from '../../event/source-history.js';

/** The newest term in it; -1 where the broker tells none. */
export const termOf = ({ epochs }: Pick<SourceHistory, 'epochs'>): number => epochs.at(-1)?.[0] ?? -1;

/** False where nobody can tell whether two topics of one name are one: then only what was written in them may tell. */
export const isNamed = (one: Pick<SourceHistory, 'topicId'> | null, other: Pick<SourceHistory, 'topicId'>): boolean =>
  one !== null && one.topicId !== null && other.topicId !== null;

export const isOtherTopic = (
  one: Pick<SourceHistory, 'topicId'> | null,
  other: Pick<SourceHistory, 'topicId'>,
): boolean => isNamed(one, other) && one?.topicId !== other.topicId;

/**
 * The terms that a fetch told of, as far as they begin below `before`. The same object where there are no new ones. Read again
 * from the middle of a term, it keeps where that began.
 */
export function learned(history: SourceHistory, epochs: readonly LeaderEpoch[], before: number): SourceHistory {
  let known = history.epochs;
  for (const [epoch, first] of epochs) {
    if (first >= before) break;
    if (known.at(-1)?.[0] === epoch) continue;
    // The term in which a place was found may be newer than that of the next record.
    const older = known.filter((one) => one[0] <= epoch);
    known = older.at(-1)?.[0] === epoch ? older : [...older, [epoch, first]];
  }
  return known === history.epochs ? history : { ...history, epochs: known };
}

/** What is left of a history that was cut: what was written in it below an offset. */
export const below = ({ topicId, epochs }: SourceHistory, offset: number): SourceHistory => ({
  topicId,
  epochs: epochs.filter(([, first]) => first < offset),
});

/**
 * The offset where what is known and what a leader has part: what is known ends there, or they differ from there on. The walk
 * of a follower that was elected away (KIP-101, KIP-279), by `endOf`, which answers the largest epoch up to the one asked for
 * that the leader has, and null where all it has is older. Throws what `endOf` throws.
 */
export async function partingOf(
  { epochs, end }: Pick<SourceHistory, 'epochs'> & { readonly end: number },
  endOf: (epoch: number) => Promise<EpochEnd | null>,
): Promise<number> {
  for (let at = epochs.length - 1; at >= 0; ) {
    const [epoch] = epochs[at] as LeaderEpoch;
    const ours = Math.min(end, epochs[at + 1]?.[1] ?? end);
    const theirs = await endOf(epoch);
    if (theirs?.epoch === epoch) return Math.min(ours, theirs.end);
    const older = epochs.findLastIndex(([one], i) => i < at && (theirs === null || one <= theirs.epoch));
    // The part before the oldest known term has no name here: the leader may have as much of it as it says.
    if (older < 0) return Math.min((epochs[0] as LeaderEpoch)[1], theirs?.end ?? 0);
    if (epochs[older]?.[0] === theirs?.epoch) {
      return Math.min(end, epochs[older + 1]?.[1] ?? end, theirs?.end ?? 0);
    }
    at = older;
  }
  return end;
}

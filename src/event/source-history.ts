/**
 * A leader's term with a partition, and the first offset written in it that is known of. Kafka counts the terms up, so a
 * record is named by topic id, epoch and offset, and by nothing less: an offset alone is given out again after a topic was
 * made anew, and after an unclean election (KIP-101, KIP-516).
 */
export type LeaderEpoch = readonly [epoch: number, first: number];

/** Where a leader's epoch ended: one past the last offset written in it, or in the newest one before it that was written in. */
export interface EpochEnd {
  readonly epoch: number;
  readonly end: number;
}

/** What names the history of a partition: the same offset of two histories is two records. */
export interface SourceHistory {
  /** Kafka's id of the topic, 22 characters of base64url; null where the broker tells none. */
  readonly topicId: string | null;
  /** The newest ones, ascending by both. Empty where the broker tells none. */
  readonly epochs: readonly LeaderEpoch[];
}

/** As many terms as are remembered: what is behind them is taken for one. */
export const mostEpochs = 32;

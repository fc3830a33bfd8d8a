import type { Moment } from '../event/position.js';
import type { Loss } from '../event/publication.js';
import type { KafkaRecord } from '../event/source-event.js';
import type { EpochEnd, LeaderEpoch, SourceHistory } from '../event/source-history.js';
import type { Arrivals } from './placement/arrivals.js';

/** Headers as Kafka keeps them: names may repeat, values are bytes. */
export type OriginalHeaders = Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;

export interface FedRecord extends KafkaRecord {
  /** For the dead letters, which keep what was written. Absent when the record has no headers. */
  readonly originalHeaders?: OriginalHeaders;
}

/**
 * What one fetch of a partition brought. Everything the partition has in [from, to) for a reader of committed records
 * is in `records`, in order; the holes between are compacted records, transaction markers and aborted records.
 */
export interface RecordBatch {
  /** Where the fetch began. Not the first record's offset: what lies between may be a hole. */
  readonly from: number;
  /** Where the next fetch begins. */
  readonly to: number;
  /** The end of the partition as known at the fetch. */
  readonly end: number;
  /** May be empty: then only the position moves. */
  readonly records: readonly FedRecord[];
  /** The leaders' terms that begin in it, or before it and were not told yet; ascending. Absent where nobody tells. */
  readonly epochs?: readonly LeaderEpoch[];
}

/** What a feed can tell about one of its partitions. Both throw while it cannot be reached. */
export interface PartitionFeed {
  bounds(): Promise<Bounds>;
  /** The offset of the first record at or after `timestamp` (ms), the partition's end when there is none. */
  offsetAt(timestamp: number): Promise<number>;
  /**
   * Where the leader's newest epoch up to the one asked for ended, by the leader that the last `bounds` told of. Null where all
   * it has is older.
   */
  endOf(epoch: number): Promise<EpochEnd | null>;
}

/** How far an append came. */
export interface Reached {
  /** One past its last record. */
  readonly offset: number;
  /** Milliseconds since 1970: its last record's own. */
  readonly timestamp: number;
  /** When it and what came before it were in the log. */
  readonly arrivals: Arrivals;
  /** Names what lies below it. */
  readonly history: SourceHistory;
  /** `SourceGap.told`; null where nobody knows. */
  readonly told: Moment | null;
  /** What had been told of the partition by then; null where nothing was. */
  readonly lost: Loss | null;
}

export interface Bounds {
  /** The oldest offset the partition still has. */
  readonly begin: number;
  /** One past its newest. */
  readonly end: number;
  /** What an earlier relay of this group said it has appended; null when there was none. */
  readonly committed: number | null;
  /** What it said of the append that came there; absent or null when it said nothing. */
  readonly newest?: Reached | null;
  /** Kafka's id of the topic; null where the broker does not tell. */
  readonly topicId: string | null;
  /** The leader's term; -1 where the broker does not tell. */
  readonly leaderEpoch: number;
  /** How many partitions the topic has. */
  readonly partitions: number;
  /** The group has committed offsets of other partitions of the topic. */
  readonly hasSiblings: boolean;
}

/** What the feed has to do next: fetch from `position`, not before `wait` milliseconds have passed. */
export interface Turn {
  readonly position: number;
  readonly wait: number;
  /** Everything below it is in the log; null while that is not known. The feed may commit it. */
  readonly appended: number | null;
}

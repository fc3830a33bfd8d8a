import type { Channel, Retention } from '../event/channel.js';
import type { Position } from '../event/position.js';
import type { Commit, GapMark, Publication, SourceGap } from '../event/publication.js';
import type { RecordMeta, SourcePartition } from '../event/source-event.js';
import type { SourceHistory } from '../event/source-history.js';

/**
 * The one boundary between relay and gateway: an ordered, retained history per channel, and its live tail.
 * `memory-log` and `redis-log` keep these promises; `test/log/contract.ts` holds both to them.
 *
 * - The log is cut into shards by source partition. All channels of one event lie on one shard.
 * - An append is atomic: all of it is readable and heard, or nothing.
 * - Each event gets the shard's next number. Publications of a channel carry the number before them in it.
 */

/** An append takes at most this many entries … */
export const maxAppendEntries = 500;
/** … and this many bytes of payload, unless one entry alone is larger. */
export const maxAppendBytes = 1024 * 1024;
/**
 * A shard keeps the newest of its gap marks, so many: each partition of a topic that is made again leaves one. They do not expire:
 * somebody may resume after the longest retention of all.
 */
export const maxMarks = 1_000;

export interface ChannelAddress {
  readonly channel: Channel;
  readonly retention: Retention;
}

/** One event on its way into the log. */
export interface AppendEntry {
  /** Whose offset the record has: see `originOf`. */
  readonly origin: string;
  readonly record: RecordMeta;
  readonly index: number;
  /** The event as JSON text. */
  readonly payload: string;
  /** Where it can be heard, each channel once; never empty. */
  readonly channels: readonly ChannelAddress[];
  /**
   * False where it is new. Else by when it was there first, by the log's clock; true where nobody knows more than its record's
   * own time.
   */
  readonly refilled: boolean | number;
}

export interface Append {
  readonly source: SourcePartition;
  /** The epoch the caller believes in; any other answers `other-epoch`. */
  readonly epoch: string;
  /** The next offset expected: the end of the previous append or, after assignment and seek, the fetch position. */
  readonly base: number;
  /** The watermark after this append. Greater than or equal to `base`. */
  readonly next: number;
  /** True when the partition is expected to have no watermark yet; without it, a missing watermark is *behind*. */
  readonly first: boolean;
  /** The newest record below `next`. Null keeps what is stored. */
  readonly last: { readonly offset: number; readonly timestamp: number } | null;
  /** Names all that lies below `next`; absent keeps what is stored. One that moves nothing, and is behind, teaches nothing. */
  readonly history?: SourceHistory;
  /** In the order of their offsets and indexes. May be empty: then only the watermark moves. */
  readonly entries: readonly AppendEntry[];
  /**
   * Told before the entries, to those who listen to the topic; dropped when it was told: `base` is below the watermark,
   * or `routes` feed the log already where they were to take the place of others.
   */
  readonly gap: SourceGap | null;
  /**
   * The ids of the routes by which the entries found their channels, sorted. A log with a watermark that is fed by other
   * ones answers `other-routes`: a relay that was paused while the schema changed would go on by the old routes, and
   * nobody would be told.
   */
  readonly routes: readonly string[];
  /** What the log is expected to be fed by until now, where `routes` take its place. */
  readonly instead?: readonly string[];
  readonly fingerprint: string;
}

export type AppendAnswer =
  /** `appended` counts the entries written: fewer than given when some were already there. */
  | { readonly kind: 'appended'; readonly position: Position; readonly appended: number }
  /** The log has less than the caller believes; -1 when it has nothing of this partition. Nothing was written. */
  | { readonly kind: 'behind'; readonly watermark: number }
  /** The log lost data or the topic was recreated since. Nothing was written. */
  | { readonly kind: 'other-epoch'; readonly epoch: string }
  /** The partition is fed by these routes. Nothing was written. */
  | { readonly kind: 'other-routes'; readonly routes: readonly string[] };

/** Another history of a partition takes the place of the one that the log knows. */
export interface Renewal extends Pick<Append, 'source' | 'epoch' | 'fingerprint'> {
  /** What the log is expected to hold: with another watermark it answers `behind`. */
  readonly watermark: number | null;
  /** The watermark from now on, mostly a lower one. */
  readonly next: number;
  readonly history: SourceHistory;
  /** Told to those who listen to the topic. */
  readonly gap: SourceGap;
}

/** Where the log stands with a partition. */
export interface PartitionState {
  readonly epoch: string;
  /** True when this shard had no epoch before this call: the log is new, or lost everything. */
  readonly newLog: boolean;
  /** Where the shard stood then. */
  readonly head: Position;
  readonly watermark: number | null;
  readonly last: { readonly offset: number; readonly timestamp: number } | null;
  /** Names what is below the watermark; null where the log does not know. */
  readonly history: SourceHistory | null;
  /** The newest gap that it was told of the partition; null for none. */
  readonly mark: LoggedGap | null;
  /** The routes that feed it, by the newest append; empty where the log does not know. */
  readonly routes: readonly string[];
  /**
   * The cluster whose relay feeds the topic's partition of this number, and how long ago that one last asked for its state, in
   * milliseconds. The first who asks takes the place; another cluster takes it by a `renew`.
   */
  readonly feeder: { readonly cluster: string; readonly idle: number };
}

/** What the log knows of a topic. */
export interface TopicState {
  /** How many partitions it had when the log first heard of it; 0 when it was waited for before it was there. */
  readonly partitions: number;
  /** True when that is now. */
  readonly isNew: boolean;
}

/** The relay's side. Calls for one partition are made one at a time; partitions may overlap. */
export interface ChannelLogWriter {
  /**
   * Ask at assignment, after `other-epoch`, and every few seconds while a partition is assigned: by that the log's clock is
   * kept, and its feeder known. Opens a new epoch where numbers would be given out twice under the old one: the log is
   * another one, or an older copy of itself.
   */
  partition(source: SourcePartition): Promise<PartitionState>;
  /** Safe to repeat with the same arguments after any failure. Throws LogUnavailable, having written nothing or all. */
  append(append: Append): Promise<AppendAnswer>;
  /** In one step: opens a new epoch, sets the watermark and what names it, and tells the gap. Throws as `append` does. */
  renew(renewal: Renewal): Promise<AppendAnswer>;
  /** To be asked before a topic's first partition is placed; remembers `partitions` when the topic is new to the log. */
  topic(topic: Omit<SourcePartition, 'partition'>, partitions: number): Promise<TopicState>;
  close(): Promise<void>;
}

/** What a tail tells. Calls come one after the other, never inside a call of the LogTail. */
export interface TailListener {
  /** In the order of the log. At first they may lie before the heads that were told, and are known by them. */
  commit(commit: Commit): void;
  /** Commits may have been missed from now on. */
  interrupted(): void;
  /** All channels are heard again, everything after `heads` will be; what lies before it must be read. */
  restored(heads: readonly Position[]): void;
}

export interface LogTail {
  /**
   * Resolves when every later commit will bring the publications of these channels: at the moment it resolves,
   * nothing after `heads()` has been missed. Throws LogUnavailable when that cannot be confirmed in time.
   */
  listen(channels: readonly Channel[]): Promise<void>;
  leave(channels: readonly Channel[]): void;
  /** Per shard, the position of the last commit heard. */
  heads(): readonly Position[];
  /** It was found deaf, though its connection looks healthy: begins anew, as after an interruption. */
  renew(): void;
  close(): Promise<void>;
}

/** A gap mark with its place in the log. */
export interface LoggedGap extends GapMark {
  readonly position: Position;
}

/** A part of a channel's history on one shard. */
export interface History {
  /** In the order of their numbers. */
  readonly publications: readonly Publication[];
  /** The shard's position when this was read, and the log's clock then. */
  readonly head: Position;
  readonly now: number;
  /** The number of the newest entry of the current epoch that was trimmed, 0 when none: above `after`, something is missing. */
  readonly trimmedTo: number;
  /** True when there are more entries to ask for. */
  readonly more: boolean;
  /** True for what was not asked of the log, because it was heard and is kept: nothing is missing. */
  readonly heard?: true;
}

/** The gateway's side. Never writes more than a doubt. */
export interface ChannelLogReader {
  readonly shards: number;
  /** One tail per process; resolves when its heads are known. */
  tail(listener: TailListener): Promise<LogTail>;
  /**
   * Entries of the channel after `after` (a number of the current epoch), oldest first, at most `limit`, and fewer where they
   * are long. What came later than `since`, by the log's clock, is after it too, whatever its number: there is such a thing
   * only where numbers were given out twice.
   * With `after: null` everything kept, of whatever epoch.
   */
  read(channel: Channel, shard: number, after: number | null, limit: number, since?: number): Promise<History>;
  /** The newest `limit` entries, oldest first; `more` is true when older ones are kept too. */
  newest(channel: Channel, shard: number, limit: number): Promise<History>;
  /**
   * Per shard, where the log stands: at least as far as any commit a tail has told before the call, unless it is a replica
   * that lags. `now` is the log's clock before that: up to then nothing newer was there.
   */
  heads(): Promise<{ readonly heads: readonly Position[]; readonly now: readonly number[] }>;
  /** The gap marks a shard still keeps (the newest `maxMarks`), oldest first. */
  gaps(shard: number): Promise<readonly LoggedGap[]>;
  /**
   * The log has less than is `known`: relays are told, and open another epoch where this one is still open and their log
   * has less too. It was no more than a replica that lags if theirs has not. With `certain` they open one whatever they have:
   * numbers of this epoch were given out twice. To be repeated while the doubt lasts. Throws LogUnavailable.
   */
  doubt(known: Position, certain: boolean): Promise<void>;
  /** Null when the log can serve; else the reason in a sentence: unreachable, evicting. */
  unready(): Promise<string | null>;
  close(): Promise<void>;
}

/** The log cannot be reached, refuses, or is full. Nothing was lost: the same call may be made again. */
export class LogUnavailable extends Error {
  override name = 'LogUnavailable';
  constructor(
    message: string,
    /** True when the log refuses writes for want of memory. */
    readonly full = false,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

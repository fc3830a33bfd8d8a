import type { Channel } from '../event/channel.js';
import type { Gap, Position } from '../event/position.js';
import type { Publication, Voided } from '../event/publication.js';

/**
 * Whoever wants to hear channels: in practice a group. Called in the order of the log, with each publication once; an
 * event that the log lost and was filled with again comes again, under its new number.
 */
export interface ChannelListener {
  readonly topic: string;
  readonly channels: readonly Channel[];
  /** Milliseconds of history its channels keep. */
  readonly retain: number;
  /** `heads` is where the hub stands after these, on every shard. Must not throw. */
  heard(publications: readonly Publication[], heads: readonly Position[]): void;
  /**
   * Events between what was heard and what comes next are lost to this listener, and what is known of coordinates may be
   * void. With a `reach` they are lost to some only.
   */
  lost(gap: Gap, voided: Voided | null, reach?: Reach): void;
}

/** Whom a loss concerns, by the log's clock: who had been shown everything up to `since` lacks nothing. Without one, everybody. */
export interface Reach {
  readonly since: number | undefined;
  /** Up to here the listener has heard everything that was there. */
  readonly heard: number;
  /** Those who have been there since all earlier losses were told; null where nobody knows who has. */
  readonly stayed: Stay | null;
  /** Where nobody knows: who was there before each epoch that was left lately, the oldest first, and has heard that much. */
  readonly before: readonly Stay[];
}

/** Who has been there in an epoch of the log. */
export interface Stay {
  /** By performance.now(): who had come to this replica by then, has been there. */
  readonly until: number;
  /** How far this replica had heard the epoch, by the log's clock. */
  readonly heard: number;
}

/** One channel on this replica, offered to many. */
export interface TailedChannel {
  readonly listeners: Set<ChannelListener>;
  /** Per shard, the number of the newest publication heard or read; null until the channel is heard at all. */
  last: number[] | null;
  leaving: NodeJS.Timeout | null;
}

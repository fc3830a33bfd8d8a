import { type Channel, routeOf } from './channel.js';
import type { Gap, Moment, Position } from './position.js';
import type { SourceEvent, SourcePartition } from './source-event.js';

/** A SourceEvent at a Position in a Channel. An event routed to two channels is two publications of one number. */
export interface Publication {
  readonly channel: Channel;
  readonly position: Position;
  /** The number before this one in the same channel; 0 when the channel had none it still remembers. */
  readonly previous: number;
  /** Written again after the log lost it, or older than the relay's first start: a plain start skips it. */
  readonly refilled: boolean;
  /** Of a refilled one: by the log's clock, when it was there first at the latest. Absent: as its record's own time says. */
  readonly firstBy?: number | undefined;
  /** Names the routes the relay had when it wrote this. */
  readonly fingerprint: string;
  /** How long its entry is, for whoever keeps many. */
  readonly bytes: number;
  /** Parsed at the first access, then kept: an event that no rule looks at costs no parsing. */
  readonly source: SourceEvent;
  /** The same for whoever keeps many for long: what is parsed of it lives as long as a reader, and as the collector lets it. */
  kept(): Publication;
}

/** A hole in a source that nobody can fill. */
export interface SourceGap extends Gap {
  /**
   * By the log's clock, milliseconds since 1970: whoever had been shown everything up to then has lost nothing, because
   * only older events are gone. Absent: it concerns everybody.
   */
  readonly since?: number;
  /**
   * There all had been told that the log had lost of the partition before. Whoever stood there, or later in that epoch, lacks
   * at most what came after that. Absent: nobody knows.
   */
  readonly told?: Moment;
  /** Ids of routes: it concerns only who listens to one of them. Absent: everybody. */
  readonly routes?: readonly string[];
  /**
   * From `offset` on the partition has other records than before, under this origin. A mark that tells so concerns
   * everybody. Absent from a TOPIC_RECREATED: all of the partition is another one, whosever offsets they were.
   */
  readonly cut?: Cut;
  /**
   * By the log's clock, when other records took their place. Of whoever had been shown everything up to then no coordinates are
   * void, though the mark may tell of a later loss too. Absent: `since`.
   */
  readonly changedAt?: number;
  /** What had been told of the partition before, for relays: of its marks the log gives them the newest. Absent: nothing. */
  readonly before?: Loss;
}

/** What was told of a partition that nobody can give its log again, as one mark: for the day when the log has forgotten that too. */
export interface Loss extends Pick<SourceGap, 'cut' | 'changedAt'> {
  readonly reason: 'LOG_LOST' | 'SOURCE_LOST' | 'TOPIC_RECREATED';
  /** `SourceGap.since`. */
  readonly since: number;
}

export interface Cut {
  readonly origin: string;
  readonly offset: number;
}

/** A source's gap as the log keeps it, told to those who listen to that topic. */
export interface GapMark extends SourceGap {
  readonly source: SourcePartition;
}

/** What a mark makes void of what is known of coordinates: those of one partition, by a cut or altogether. */
export interface Voided {
  readonly partition: number;
  readonly cut: Cut | null;
  /** Only of whoever may lack what came by then, as in `isSince`. */
  readonly since?: number | undefined;
}

export const voidedBy = ({ reason, source, cut, since, changedAt = since }: GapMark): Voided | null =>
  cut || reason === 'TOPIC_RECREATED' ? { partition: source.partition, cut: cut ?? null, since: changedAt } : null;

/** Whether somebody who had been shown everything up to `time` (the log's clock) may miss what a mark tells of. */
export const isSince = ({ since }: { readonly since?: number | undefined }, time: number): boolean =>
  since === undefined || time < since;

/** Whether one of the channels is concerned by a mark. */
export const isOn = ({ routes }: SourceGap, channels: readonly Channel[]): boolean =>
  routes === undefined || channels.some((channel) => routes.includes(routeOf(channel)));

/**
 * One atomic append as a tail hears it. `from` is the shard's number before it, so a lost commit shows.
 * The publications are those of the channels listened to, in the order of their numbers.
 */
export interface Commit {
  readonly position: Position;
  readonly from: number;
  readonly publications: readonly Publication[];
  readonly gap: GapMark | null;
}

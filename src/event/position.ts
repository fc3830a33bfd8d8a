/**
 * A place in one shard of the log. Numbers are given out by the log, one per event, without holes in an epoch.
 * Numbers of different epochs are never compared: after a log lost data, a number may have been given out twice.
 */
export interface Position {
  readonly shard: number;
  readonly epoch: string;
  readonly number: number;
  /** The log's own clock when this number was given out, milliseconds since 1970. */
  readonly time: number;
}

/** Why events between two positions cannot be shown. The list is closed: clients rely on it. */
export type GapReason =
  | 'EXPIRED'
  | 'TRIMMED'
  | 'LOG_REFILLED'
  | 'LOG_LOST'
  | 'TOPIC_RECREATED'
  | 'SOURCE_LOST'
  | 'SCHEMA_CHANGED';

/** What a client is told about a hole that cannot be filled. `missed` is null where nobody can count it. */
export interface Gap {
  readonly reason: GapReason;
  readonly missed: number | null;
}

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

/**
 * How far someone has come in a shard, as a cursor or a replica knows it: up to this number, and by the log's clock at
 * `time` nothing newer was there.
 */
export type Moment = Pick<Position, 'epoch' | 'number' | 'time'>;

/**
 * Whether `one` came into its shard after `start`, in a log whose epoch is `current`. Numbers tell within an epoch, and
 * where a number was given out twice, the time does. The epoch that is open now began after every other; of what is
 * neither, the log's clock tells, which never goes back.
 */
export function isAfter(one: Moment, start: Moment, current: string): boolean {
  if (one.epoch === start.epoch) return one.number > start.number || one.time > lastly(start);
  return one.epoch === current || one.time > start.time;
}

/**
 * In a whole log nothing up to the number of a place is later than this. Right before an entry lies the place of its number
 * less one and its time less one, and what came in one append with it has its time.
 */
export const lastly = ({ time }: Moment): number => time + 1;

/**
 * By the log's clock, up to when somebody who stands at a place has been shown everything. Not up to its own time: what came in
 * one append has one time, and of that the rest may be missing.
 */
export const wholeUntil = ({ time }: Pick<Moment, 'time'>): number => time - 1;

/** `one` is known, and now the log stands at `found`: it has gone back, and gives out numbers of this epoch again. */
export const isGivenAgain = (one: Moment, found: Moment): boolean =>
  found.epoch === one.epoch && found.number < one.number && found.time > lastly(one);

/** Whether somebody who stands at `one` has been at `place`: known within an epoch only. */
export const hasPassed = (one: Moment, place: Moment): boolean =>
  one.epoch === place.epoch && one.number >= place.number && one.time >= place.time;

/** Sorts what lies in one shard by when it came there. */
export function byAge(a: Moment, b: Moment, current: string): number {
  if (a.time !== b.time) return a.time - b.time;
  if (a.epoch === b.epoch) return a.number - b.number;
  return a.epoch === current ? 1 : b.epoch === current ? -1 : a.number - b.number;
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
  /** How many losses it stands for, where more than one wait for the same event. */
  readonly times?: number;
}

/**
 * Losses that wait for one event are told as one gap, by the reason of the first. It says of how many: a page that was told
 * ahead, and has fetched anew what it shows, would take the gap before the event for the one that it knows.
 */
export function withLoss(known: Gap | null, loss: Gap): Gap {
  if (known === null || known.reason === 'LOG_REFILLED') return loss;
  const missed = known.missed === null || loss.missed === null ? null : known.missed + loss.missed;
  return { reason: known.reason, missed, times: (known.times ?? 1) + (loss.times ?? 1) };
}

import type { Loss, SourceGap } from '../../event/publication.js';
import type { KafkaRecord } from '../../event/source-event.js';
import type { SourceHistory } from '../../event/source-history.js';
import type { Append, PartitionState } from '../../log/channel-log.js';
import type { Bounds, Reached } from '../record-batch.js';
import { type Arrivals, allThereBy, firstThereBy } from './arrivals.js';
import { toldAgain } from './loss.js';

/** All that decides where a partition's relay goes on. Pure data; times are milliseconds since 1970. */
export interface Facts extends Bounds {
  /** What the log holds: null when it has nothing of this partition. */
  readonly watermark: number | null;
  readonly last: PartitionState['last'];
  /** The newest append that is known of, by this relay or by one before it. */
  readonly reached: Reached | null;
  /** What the log was told before. */
  readonly lost: Loss | null;
  readonly now: number;
  /** When this relay was started. */
  readonly startedAt: number;
  /** How far a first start looks back, ms. */
  readonly retain: number;
  /** How much of what the log lost is written again, ms of records. */
  readonly refillMax: number;
  /** Kafka and the log name one history: nothing has to be read again to tell. */
  readonly isProven: boolean;
  /** It came to a topic that was known, or waited for: whoever is there has seen nothing of it. */
  readonly isAdded: boolean;
}

export interface Placement {
  /** Where fetching begins: `goOn`, or the record before it when that one has to be compared first. */
  readonly fetch: number;
  /** The first record that goes into the log. */
  readonly goOn: number;
  /** Lies between the watermark and `goOn`: told before anything else. */
  readonly gap: SourceGap | null;
  readonly refill: Refill;
  /**
   * The newest record in the log, where nothing names the history: with another timestamp in Kafka the topic is another one, and
   * where it is not there nobody knows.
   */
  readonly verify: { readonly offset: number; readonly timestamp: number } | null;
}

/** Which records count as refilled: those below an offset, and those both below an offset and older than a time. */
export interface Refill {
  readonly below: number;
  readonly older: { readonly below: number; readonly than: number } | null;
  /** When those below the offset had come into the log. */
  readonly arrivals: Arrivals;
}

/**
 * A log that is ahead of its topic: the topic was deleted and made again, or lost its end. Where its history is proven it is
 * not: the end that a broker tells is what it has told others, for a moment less than it has.
 */
export const isAhead = ({ watermark, end, isProven }: Facts): boolean =>
  !isProven && watermark !== null && watermark > end;

/** What lies before this cannot be told from what was there before. */
export const unknown: SourceGap = { reason: 'SOURCE_LOST', missed: null };

/**
 * The highest offset that is known to have been in the log once. A watermark below it means that the log lost data.
 * What a former relay committed is no proof of more than that: it commits only what it has appended.
 */
const knownEnd = ({ reached, committed, end }: Facts) => Math.min(end, Math.max(reached?.offset ?? 0, committed ?? 0));

const isNew = (facts: Facts) => facts.watermark === null && knownEnd(facts) === 0;
const isBehind = (facts: Facts) => !isNew(facts) && (facts.watermark ?? -1) < knownEnd(facts);

/** The time whose offset `place` has to be given; null when it needs none. */
export function lookBack(facts: Facts): number | null {
  if (isNew(facts)) return facts.isAdded ? null : Math.max(0, facts.now - facts.retain);
  if (!isBehind(facts)) return null;
  // Counted back from the newest record lost, not from now: a topic that was quiet for an hour lost its last minute too.
  return Math.max(0, Math.min(facts.now, facts.reached?.timestamp ?? facts.now) - facts.refillMax);
}

/** Where to go on. `found` is the offset at `lookBack(facts)`. */
export function place(facts: Facts, found: number | null): Placement {
  const { begin, end, watermark, last, lost, reached } = facts;
  const told = (gap: SourceGap | null) => (watermark === null ? toldAgain(gap, lost, reached?.told ?? null) : gap);
  const none: Refill = { below: 0, older: null, arrivals: [] };
  if (isNew(facts) && facts.isAdded) return { fetch: begin, goOn: begin, gap: told(null), refill: none, verify: null };
  if (isNew(facts)) {
    const goOn = clamp(found ?? end, begin, end);
    return {
      fetch: goOn,
      goOn,
      gap: told(null),
      refill: { ...none, older: { below: end, than: facts.startedAt } },
      verify: null,
    };
  }
  const known = knownEnd(facts);
  const floor = Math.max(begin, watermark ?? begin);
  const behind = isBehind(facts);
  const goOn = behind && known > floor ? clamp(found ?? floor, floor, known) : floor;
  const unproven = !facts.isProven && goOn === watermark ? last : null;
  const isGone = unproven !== null && unproven.offset < begin;
  const gap = told(gapBefore(goOn, facts, known) ?? (isGone ? unknown : null));
  const verify = isGone ? null : unproven;
  return {
    fetch: verify?.offset ?? goOn,
    goOn,
    gap,
    refill: behind ? { below: known, older: null, arrivals: reached?.arrivals ?? [] } : none,
    verify,
  };
}

function gapBefore(goOn: number, facts: Facts, known: number): SourceGap | null {
  const { watermark, begin } = facts;
  if (goOn === (watermark ?? 0)) return null;
  if (known < begin) return { reason: 'SOURCE_LOST', missed: begin - Math.max(known, watermark ?? 0) };
  // Also of what Kafka has no more, where the log had it: told as never relayed, everybody would be told of it who was shown it.
  // A log that forgot how much it had may have had all of it.
  const missed = watermark === null ? null : goOn - watermark;
  return { reason: 'LOG_LOST', missed, ...concerns(facts, goOn) };
}

/**
 * Whom a loss concerns, by the log's clock: whoever had been shown everything by `since` had all that is not written again.
 * By the records' own time it would be told to those who were there, where records came late or a clock was set, and not to
 * those who were not. Nothing said where nobody knows when they came: then it concerns everybody.
 */
function concerns({ reached }: Facts, goOn: number): Pick<SourceGap, 'since' | 'told'> {
  const since = reached === null ? null : allThereBy(reached.arrivals, goOn);
  if (since === null) return {};
  return { since, ...(reached?.told && { told: reached.told }) };
}

/** An append that brings no record. */
export type Opening = Omit<Append, 'source' | 'fingerprint' | 'routes'>;

/**
 * What makes a placement true in the log, in this order: a first watermark is set at once, and what is missing is told,
 * though no record may come. `routes` are the ids that this relay feeds, sorted.
 *
 * Each mark has an append of its own. The one of a gap and the one of a change concern different people, and a relay that
 * dies between the two leaves the log with one of them done.
 */
export function openings(
  { epoch, watermark, routes: fed }: PartitionState,
  { goOn, gap }: Pick<Placement, 'goOn' | 'gap'>,
  routes: Feeds,
  history: SourceHistory,
): Opening[] {
  const empty = { epoch, last: null, entries: [], first: false };
  // Whatever the routes were: what the log lacks is told, and what is written again goes by the new ones.
  if (watermark === null) return [{ ...empty, base: goOn, next: goOn, first: true, gap, history }];
  const needed: Opening[] = [];
  if (fed.join() !== routes.join()) {
    needed.push({ ...empty, base: watermark, next: watermark, gap: changeOf(fed, routes), instead: fed });
  }
  if (gap !== null) needed.push({ ...empty, base: watermark, next: goOn, gap, history });
  return needed;
}

type Feeds = PartitionState['routes'];

/**
 * Which routes came or went. Listeners of one that went hear nothing any more; those of one that came find nothing in it
 * of what was relayed before, and a cursor knows the field only. Null where the log does not know what fed it.
 */
function changeOf(fed: Feeds, routes: Feeds): SourceGap | null {
  if (fed.length === 0) return null;
  const changed = [...fed, ...routes].filter((id) => !fed.includes(id) || !routes.includes(id));
  return { reason: 'SCHEMA_CHANGED', missed: null, routes: changed.sort() };
}

/** What the log is to keep of a record: `AppendEntry.refilled`. */
export function refilled(
  { below, older, arrivals }: Refill,
  { offset, timestamp }: Pick<KafkaRecord, 'offset' | 'timestamp'>,
): boolean | number {
  if (offset < below) return firstThereBy(arrivals, offset, timestamp) ?? true;
  return older !== null && offset < older.below && timestamp < older.than;
}

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);

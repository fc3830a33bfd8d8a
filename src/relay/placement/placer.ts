import { originOf } from '../../event/origin.js';
import type { Moment } from '../../event/position.js';
import type { SourceHistory } from '../../event/source-history.js';
import type { ChannelLogWriter, PartitionState } from '../../log/channel-log.js';
import type { Logger } from '../../observe/logger.js';
import type { RelayMetrics } from '../../observe/metrics.js';
import type { PartitionWriter } from '../partition-writer.js';
import type { Bounds, Reached } from '../record-batch.js';
import type { Arrivals } from './arrivals.js';
import { begun, isRenewing, leftOf, madeAgain, type Renewing } from './change.js';
import type { Memory } from './memory.js';
import { isAhead, lookBack, openings, type Placement, place, type Refill } from './placement.js';
import { committedIn, type SurveyOptions, survey } from './survey.js';

/** What is known while the log and this relay agree. */
export interface Placed {
  readonly epoch: string;
  readonly refill: Refill;
  /** Where fetching begins. */
  readonly fetch: number;
  /** The log's watermark: the base of the next append. A base above it would be refused as *behind*. */
  appended: number;
  /** Compared with the first record fetched, then null. */
  verify: Placement['verify'];
  /** Names what the log has, and in part what it will have next. */
  history: SourceHistory;
  arrivals: Arrivals;
  /** `Reached.told`. */
  readonly told: Moment;
  /** The leader's, when the place was found. */
  readonly leaderEpoch: number;
  readonly origin: string;
  /** A batch has come from here. */
  hasBegun: boolean;
}

export interface PlacerParts extends SurveyOptions {
  readonly log: Pick<ChannelLogWriter, 'topic' | 'partition'>;
  readonly writer: PartitionWriter;
  /** The ids of the routes of the topic, sorted. */
  readonly routes: readonly string[];
  readonly metrics: RelayMetrics;
  readonly logger: Logger;
  /** Is told when the offsets begin anew. */
  readonly letters: { forget(): void };
}

/** Finds where a partition goes on, and makes that true in the log. Calls for one partition are made one at a time. */
export class Placer {
  /** Another history was seen once. */
  #isSuspected = false;

  constructor(
    private readonly parts: PlacerParts,
    private readonly memory: Memory,
  ) {}

  /** Throws what the log and the feed throw, Refused, Rivalry, and an Error where it has to look a second time. */
  async find(): Promise<Placed> {
    const { source, log, feed, metrics } = this.parts;
    // The log first: read after the bounds, the watermark of another relay could lie above an older end.
    const state = await log.partition(source);
    const { bounds, facts, change } = await survey(this.parts, state, this.memory);
    this.memory.lost = facts.lost;
    if (change !== null || isAhead(facts)) {
      const why = change?.why ?? `The log is at ${state.watermark} and the partition ends at ${facts.end}`;
      this.#lookTwice(why);
      const begins = change ?? madeAgain(bounds, why);
      if (isRenewing(begins)) return this.beginAnew(state, bounds, begins, leftOf(facts.reached, begins));
    }
    this.#isSuspected = false;
    const time = lookBack(facts);
    const placement = place(facts, time === null ? null : await feed.offsetAt(time));
    const told = change === null ? placement : { ...placement, gap: change.gap };
    const placed = await this.#open(state, bounds, told, facts.reached);
    metrics.lag(source.topic, source.partition, Math.max(0, facts.end - placed.fetch));
    return placed;
  }

  /** Another history takes the place of the one that was known, and a place in it is found. Throws as `find` does. */
  async beginAnew(
    state: PartitionState,
    bounds: Bounds,
    renewing: Renewing,
    left: Reached | null = null,
  ): Promise<Placed> {
    const { writer, letters, logger, source } = this.parts;
    await writer.renew(state, renewing);
    // The suspicion outlives a refusal. Each partition's renewal opens an epoch, which refuses the others': looking twice again
    // after each, a topic of 16 partitions came back up to a minute late.
    this.#isSuspected = false;
    letters.forget();
    const { why, next, gap } = renewing;
    const { topic, partition } = source;
    const { watermark } = state;
    logger.warn({ topic, partition, ...gap, watermark, offset: next }, `${why}: subscribers are told`);
    this.memory.reached = left;
    this.memory.voided = committedIn(bounds) ?? this.memory.voided;
    return this.find();
  }

  /**
   * Throws at the first look. A broker that has just become leader, or lags, may tell what is not so for a moment, and a
   * change of the history is told to every subscriber: it has to be seen twice, with a wait between.
   */
  #lookTwice(why: string): void {
    if (this.#isSuspected) return;
    this.#isSuspected = true;
    throw new Error(`${why}: looking again`);
  }

  /** Makes a placement true in the log. */
  async #open(
    state: PartitionState,
    bounds: Bounds,
    { fetch, goOn, verify, refill, gap }: Placement,
    reached: Reached | null,
  ): Promise<Placed> {
    const { source, routes, writer, logger } = this.parts;
    const { topic, partition } = source;
    const { topicId, leaderEpoch } = bounds;
    const { epoch } = state;
    const known = state.watermark === null ? null : state.history;
    // What is passed over was written in terms that nobody has seen: the one that leads now had all of it.
    const isBegun = known === null || known.epochs.length === 0 || goOn > (state.watermark ?? 0);
    const history = isBegun ? begun(bounds, goOn) : { topicId, epochs: known.epochs };
    let head: Moment = state.head;
    for (const opening of openings(state, { goOn, gap }, routes, history)) {
      head = (await writer.append(opening)).position;
      if (opening.gap === null) continue;
      const fields = { topic, partition, ...opening.gap, offset: goOn };
      logger.warn(fields, 'Records are missing in the log: subscribers are told');
    }
    const told = { epoch, number: head.number, time: head.time };
    const arrivals = reached?.arrivals ?? [];
    const origin = originOf(source, topicId);
    const hasBegun = false;
    return { epoch, refill, fetch, appended: goOn, verify, history, arrivals, told, leaderEpoch, origin, hasBegun };
  }
}

import { originOf } from '../event/origin.js';
import type { Moment } from '../event/position.js';
import type { SourceGap } from '../event/publication.js';
import type { SourcePartition } from '../event/source-event.js';
import type { SourceHistory } from '../event/source-history.js';
import type { AppendAnswer, ChannelLogWriter, PartitionState } from '../log/channel-log.js';
import type { Logger } from '../observe/logger.js';
import type { RelayMetrics } from '../observe/metrics.js';
import type { TopicPlan } from '../schema/stream-schema.js';
import { type Chunk, chunks } from './chunks.js';
import { type DeadLetters, writeOnce } from './dead-letter.js';
import { createPatience } from './patience.js';
import { type Arrivals, arrived, arrivedBelow } from './placement/arrivals.js';
import { begun, type Change, leftOf, madeAgain, Rivalry } from './placement/change.js';
import { learned } from './placement/history.js';
import { lossAfter } from './placement/loss.js';
import {
  isAhead,
  lookBack,
  type Opening,
  openings,
  type Placement,
  place,
  type Refill,
  refilled,
  unknown,
} from './placement/placement.js';
import { committedIn, type Memory, survey } from './placement/survey.js';
import type { Bounds, FedRecord, PartitionFeed, Reached, RecordBatch, Turn } from './record-batch.js';
import { type Accepted, Refused } from './refused.js';
import { routeIds } from './route.js';

/**
 * One partition on its way into the log. Calls may overlap; they are carried out one after the other.
 * Neither call throws: what goes wrong is counted, logged and answered with a `wait`, after which the feed asks again.
 */
export interface PartitionRelay {
  /**
   * Finds where to go on, and tells the log what is missing before it. To be called at each assignment; with a `wait`
   * in the answer, to be called again.
   */
  start(): Promise<Turn>;
  /**
   * Brings a batch into the log, in order, exactly once. `pulse` is awaited between appends; false means stop here.
   * A `position` other than the batch's `to` means that the feed has to seek there.
   */
  take(batch: RecordBatch, pulse?: () => Promise<boolean>): Promise<Turn>;
  /**
   * Asks whether the log still has what it was given. To be called now and then while no batch comes: what a log lost
   * of a quiet topic would otherwise be missing until the topic's next record.
   */
  look(): Promise<Turn>;
  /** The newest append, to be kept with the committed offset: a relay after this one will want to know. */
  newest(): Reached | null;
  /** Names what is to be fetched, by the last place that was found; null while there is none. */
  history(): { readonly topicId: string | null; readonly leaderEpoch: number } | null;
  /** Why it may not go on, in a sentence; null when it may. */
  rivalry(): string | null;
  /** Another relay has the partition now. */
  release(): void;
}

export interface PartitionOptions {
  readonly source: SourcePartition;
  readonly plan: TopicPlan;
  readonly fingerprint: string;
  readonly feed: PartitionFeed;
  readonly log: ChannelLogWriter;
  readonly deadLetters: DeadLetters;
  readonly metrics: RelayMetrics;
  readonly logger: Logger;
  readonly retain: number;
  readonly refillMax: number;
  readonly startedAt: number;
  readonly now: () => number;
  /** Milliseconds before attempt n, counted from 1. */
  readonly delay: (attempt: number) => number;
}

/** What is known while the log and this relay agree. */
interface Placed {
  readonly epoch: string;
  readonly refill: Refill;
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
}

export function createPartitionRelay(options: PartitionOptions): PartitionRelay {
  const { source, plan, feed, log, metrics, logger } = options;
  const { topic, partition } = source;
  const where = { topic, partition };
  const routes = routeIds(plan);

  let placed: Placed | null = null;
  /** Where the next batch is expected to begin. Unlike `placed.appended` it moves over holes at once. */
  let position = 0;
  let memory: Memory = { reached: null, voided: null, lost: null };
  /** A batch has come from where the place was found. */
  let isGoing = false;
  let suspected = false;
  let rivalry: string | null = null;
  let busy: Promise<unknown> = Promise.resolve();
  const letters = writeOnce(options.deadLetters, metrics, logger);
  const patience = createPatience(source, options.delay, metrics, logger);

  async function findPlace(): Promise<void> {
    placed = null;
    // The log first: read after the bounds, the watermark of another relay could lie above an older end.
    const state = await log.partition(source);
    const { bounds, facts, change } = await survey(options, state, memory);
    memory = { ...memory, lost: facts.lost };
    if (change !== null || isAhead(facts)) {
      // A broker that has just become leader, or lags, may tell what is not so for a moment. A change of the history is told to
      // every subscriber, so it has to be seen twice, with a wait between.
      const why = change?.why ?? `The log is at ${state.watermark} and the partition ends at ${facts.end}`;
      if (!suspected) {
        suspected = true;
        throw new Error(`${why}: looking again`);
      }
      const begins = change ?? madeAgain(bounds, why);
      if (begins.next !== null) return beginAnew(state, bounds, begins, leftOf(facts.reached, begins));
    }
    suspected = false;
    const time = lookBack(facts);
    const placement = place(facts, time === null ? null : await feed.offsetAt(time));
    await open(state, bounds, change === null ? placement : { ...placement, gap: change.gap }, facts.reached);
    metrics.lag(topic, partition, Math.max(0, facts.end - position));
  }

  /** Another history takes the place of the one that was known. */
  async function beginAnew(
    state: PartitionState,
    bounds: Bounds,
    change: Change,
    reached: Reached | null = null,
  ): Promise<void> {
    const { why, history, gap } = change;
    const next = change.next as number;
    const { epoch, watermark } = state;
    placed = null;
    const renewal = { source, epoch, watermark, next, history, gap: mark(gap), fingerprint: options.fingerprint };
    const { position } = accept(await log.renew(renewal));
    // The suspicion outlives a refusal. Each partition's renewal opens an epoch, which refuses the others': looking twice again
    // after each, a topic of 16 partitions came back up to a minute late.
    suspected = false;
    letters.forget();
    logger.warn({ ...where, ...gap, watermark, offset: next }, `${why}: subscribers are told`);
    memory = { ...memory, reached, voided: committedIn(bounds) ?? memory.voided };
    told(gap, position);
    await findPlace();
  }

  /** Makes a placement true in the log. */
  async function open(
    state: PartitionState,
    bounds: Bounds,
    placement: Placement,
    reached: Reached | null,
  ): Promise<void> {
    const { epoch } = state;
    const { goOn, verify } = placement;
    const { topicId, leaderEpoch } = bounds;
    const known = state.watermark === null ? null : state.history;
    // What is passed over was written in terms that nobody has seen: the one that leads now had all of it.
    const isBegun = known === null || known.epochs.length === 0 || goOn > (state.watermark ?? 0);
    const history = isBegun ? begun(bounds, goOn) : { topicId, epochs: known.epochs };
    let head: Moment = state.head;
    for (const opening of openings(state, placement, routes, history)) {
      head = (await append(opening)).position;
      const { gap } = opening;
      if (gap === null) continue;
      logger.warn({ ...where, ...gap, offset: goOn }, 'Records are missing in the log: subscribers are told');
    }
    placed = {
      epoch,
      refill: placement.refill,
      appended: goOn,
      verify,
      history,
      arrivals: reached?.arrivals ?? [],
      told: { epoch, number: head.number, time: head.time },
      leaderEpoch,
      origin: originOf(source, topicId),
    };
    rivalry = null;
    isGoing = false;
    position = placement.fetch;
  }

  const mark = (gap: SourceGap): SourceGap => (memory.lost === null ? gap : { ...gap, before: memory.lost });

  function told(gap: SourceGap, { time }: Moment): void {
    memory = { ...memory, lost: lossAfter(memory.lost, gap, time) };
    metrics.gap(topic, gap.reason);
  }

  async function append(batch: Opening): Promise<Accepted> {
    const gap = batch.gap && mark(batch.gap);
    const written = accept(await log.append({ ...batch, gap, source, routes, fingerprint: options.fingerprint }));
    if (batch.gap) told(batch.gap, written.position);
    return written;
  }

  function accept(answer: AppendAnswer): Accepted {
    if (answer.kind === 'appended') return answer;
    placed = null;
    metrics.refused(topic, answer.kind);
    throw new Refused(answer);
  }

  /** `asked`: the place that was known when the batch came. */
  async function relay(batch: RecordBatch, pulse: () => Promise<boolean>, asked: Placed | null): Promise<void> {
    if (placed === null) await findPlace();
    else if (placed === asked && batch.from !== position && isGoing) await jump(batch.from);
    // Fetched before the place was found, it is given back. Taken for one behind a hole, all that lies between would never be in
    // the log; and though it begins there: its leader may have been another one, what it brings cut off since, and what is
    // there now would never come.
    if (placed === null || placed !== asked || batch.from !== position) return;
    isGoing = true;
    if (!(await isVerified(placed, batch))) return;

    const now: Placed = placed;
    const known = (batch.records[0]?.offset ?? now.appended) < now.appended;
    const fresh = known ? batch.records.filter(({ offset }) => offset >= now.appended) : batch.records;
    const last = fresh.at(-1);
    const inChunks = (records: readonly FedRecord[]) =>
      chunks(records, plan, now.origin, (record) => refilled(now.refill, record));
    for (const chunk of inChunks(fresh)) {
      const unwritten = await letters.write(chunk.faults);
      if (unwritten !== null) {
        // The letter may have to wait for hours. What precedes it does not.
        const before = chunk.records.filter(({ offset }) => offset < unwritten.offset);
        for (const part of inChunks(before)) await bring(now, batch, part);
        throw unwritten.error;
      }
      const isLast = chunk.records.at(-1) === last;
      await bring(now, batch, chunk, isLast ? batch.to : undefined);
      if (!isLast && !(await pulse())) return;
    }
    now.history = learned(now.history, batch.epochs ?? [], batch.to);
    position = batch.to;
    metrics.lag(topic, partition, Math.max(0, batch.end - position));
  }

  /** False where the batch does not follow on what the log has: another place was found then. */
  async function isVerified(now: Placed, batch: RecordBatch): Promise<boolean> {
    const { verify, epoch, appended: base, history } = now;
    if (verify === null || batch.to <= verify.offset) return true;
    const first = batch.records[0];
    if (first?.offset === verify.offset && first.timestamp !== verify.timestamp) {
      const [state, bounds] = [await log.partition(source), await feed.bounds()];
      await beginAnew(state, bounds, madeAgain(bounds, 'The record that was the newest in the log is another one'));
      return false;
    }
    // That it is not there, compacted away or never written, says nothing.
    const gap = first?.offset === verify.offset ? null : unknown;
    if (gap !== null || history.topicId !== null || history.epochs.length > 0) {
      await append({ epoch, base, next: base, first: false, last: null, entries: [], gap, history });
    }
    now.verify = null;
    return true;
  }

  async function lookAtLog(): Promise<void> {
    if (placed === null) return findPlace();
    const { watermark, feeder } = await log.partition(source);
    if ((watermark ?? -1) < placed.appended || feeder.cluster !== source.cluster) await findPlace();
  }

  /** The feed went on elsewhere than expected: over a hole, or because the offset is no longer there. */
  async function jump(from: number): Promise<void> {
    if (from > position && (await feed.bounds()).begin <= position) position = from;
    else await findPlace();
  }

  async function bring(now: Placed, batch: RecordBatch, chunk: Chunk, end?: number): Promise<void> {
    const { offset, timestamp } = chunk.records.at(-1) as FedRecord;
    const next = end ?? offset + 1;
    now.history = learned(now.history, batch.epochs ?? [], next);
    const { epoch, appended: base, history } = now;
    const { entries } = chunk;
    // `first` only allows that there is no watermark. It was set when the place was found; missing now, it was lost.
    const written = await append({
      epoch,
      base,
      next,
      first: false,
      last: { offset, timestamp },
      entries,
      gap: null,
      history,
    });
    patience.rewarded(next);
    now.appended = next;
    position = next;
    // For nobody, they are not heard: by the time of them, everybody would have heard too little.
    const heard = entries.length > 0 ? undefined : arrivedBelow(now.arrivals, base).at(-1);
    const time = heard?.time ?? written.position.time;
    const oldest = chunk.records.reduce((min, record) => Math.min(min, record.timestamp), timestamp);
    const arrival = { offset: next, time, lag: time - oldest };
    now.arrivals = arrived(now.arrivals, base, arrival, options.refillMax / 8);
    memory = {
      ...memory,
      reached: { offset: next, timestamp, arrivals: now.arrivals, history, told: now.told, lost: memory.lost },
    };
    tell(chunk, written.appended);
  }

  function tell(chunk: Chunk, written: number) {
    metrics.consumed(topic, partition, chunk.records.length);
    if (written > 0) metrics.appended(topic, written);
    const again = chunk.entries.reduce((sum, entry) => sum + Number(entry.refilled !== false), 0);
    if (again > 0) metrics.refilled(topic, again);
    for (let i = 0; i < chunk.tombstones; i++) metrics.tombstone(topic);
    for (const route of chunk.forNobody) metrics.forNobody(topic, route);
  }

  async function turn(work: () => Promise<void>): Promise<Turn> {
    let wait = 0;
    try {
      await work().catch(askAgain);
    } catch (error) {
      if (error instanceof Rivalry) rivalry = error.message;
      wait = patience.tried(error, position);
    }
    return { position, wait, appended: placed === null ? null : placed.appended };
  }

  /** A log that refused once is asked where it is; one that goes on refusing is asked more and more rarely. */
  async function askAgain(error: unknown): Promise<void> {
    if (!(error instanceof Refused) || patience.failures() > 0) throw error;
    patience.tried(error, position);
    await findPlace();
  }

  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = busy.then(work);
    busy = result;
    return result;
  }

  return {
    start: () => inOrder(() => turn(findPlace)),
    look: () => inOrder(() => turn(lookAtLog)),
    newest: () => memory.reached,
    history: () => placed && { topicId: placed.history.topicId, leaderEpoch: placed.leaderEpoch },
    rivalry: () => rivalry,
    release: () => metrics.lag(topic, partition, null),
    take(batch, pulse = async () => true) {
      const asked = placed;
      return inOrder(() => turn(() => relay(batch, pulse, asked)));
    },
  };
}

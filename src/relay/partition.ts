import { originOf } from '../event/origin.js';
import type { SourcePartition } from '../event/source-event.js';
import type { AppendAnswer, ChannelLogWriter, PartitionState } from '../log/channel-log.js';
import type { Logger } from '../observe/logger.js';
import type { RelayMetrics } from '../observe/metrics.js';
import type { TopicPlan } from '../schema/stream-schema.js';
import { type Chunk, chunks } from './chunks.js';
import { type DeadLetters, writeOnce } from './dead-letter.js';
import { createPatience } from './patience.js';
import {
  type Facts,
  isAhead,
  isRefilled,
  lookBack,
  type Opening,
  openings,
  type Placement,
  place,
  placeAtBeginning,
  type Refill,
} from './placement.js';
import type { FedRecord, PartitionFeed, Reached, RecordBatch, Turn } from './record-batch.js';
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
}

type Accepted = Extract<AppendAnswer, { kind: 'appended' }>;

/** The log did not take an append because it holds less than was thought, or is another log by now, or fed by others. */
class Refused extends Error {
  override name = 'Refused';
  constructor(answer: Exclude<AppendAnswer, Accepted>) {
    const { kind } = answer;
    if (kind === 'behind') super(`the log holds offsets below ${answer.watermark} only`);
    else super(kind === 'other-epoch' ? 'the log has a new epoch' : 'the log is fed by the routes of another schema');
  }
}

export function createPartitionRelay(options: PartitionOptions): PartitionRelay {
  const { source, plan, feed, log, metrics, logger } = options;
  const { topic, partition } = source;
  const where = { topic, partition };
  const routes = routeIds(plan);
  const origin = originOf(source, null);

  let placed: Placed | null = null;
  /** Where the next batch is expected to begin. Unlike `placed.appended` it moves over holes at once. */
  let position = 0;
  let reached: Reached | null = null;
  const longest = longestOf(options.refillMax);
  let suspected = false;
  /** From the decision to begin anew until the log has the mark of it, whatever fails between. */
  let beginning = false;
  let busy: Promise<unknown> = Promise.resolve();
  const letters = writeOnce(options.deadLetters, metrics, logger);
  const patience = createPatience(source, options.delay, metrics, logger);

  async function findPlace(): Promise<void> {
    placed = null;
    // The log first: read after the bounds, the watermark of another relay could lie above an older end.
    const state = await log.partition(source);
    if (beginning && state.watermark === null) return open(state, placeAtBeginning(await feed.bounds()));
    beginning = false;
    const facts = await factsOf(state);
    if (isAhead(facts)) {
      // A broker that has just become leader may tell a low end for a moment. Starting over gives every subscriber
      // a gap, so it has to be seen twice, with a wait between.
      if (suspected) return beginAnew(state.epoch);
      suspected = true;
      throw new Error(`the log is at ${state.watermark}, the partition ends at ${facts.end}: looking again`);
    }
    suspected = false;
    const time = lookBack(facts);
    await open(state, place(facts, time === null ? null : await feed.offsetAt(time)));
    metrics.lag(topic, partition, Math.max(0, facts.end - position));
  }

  async function factsOf({ watermark, last }: PartitionState): Promise<Facts> {
    const { retain, refillMax, startedAt } = options;
    const bounds = await feed.bounds();
    const { newest = null } = bounds;
    // Without what another relay said, a loss of its partition would be counted back from now: the longer Kafka was
    // away, the less would be written again.
    const known = (newest?.offset ?? 0) > (reached?.offset ?? 0) ? newest : reached;
    // And of a second loss soon after, too early a time would be told from which nothing is missing.
    if (known && known !== reached) longest(known.timestamp, known.lag);
    return { ...bounds, watermark, last, reached: known, retain, refillMax, startedAt, now: options.now() };
  }

  async function beginAnew(epoch: string): Promise<void> {
    placed = null;
    reached = null;
    letters.forget();
    suspected = false;
    beginning = true;
    logger.warn({ ...where, epoch }, 'The topic was recreated or truncated: its log begins anew');
    await log.renew(source, epoch);
    await findPlace();
  }

  /** Makes a placement true in the log. */
  async function open(state: PartitionState, placement: Placement): Promise<void> {
    const { epoch } = state;
    const { goOn } = placement;
    for (const opening of openings(state, placement, routes)) {
      accept(await append(opening));
      const { gap } = opening;
      if (gap === null) continue;
      metrics.gap(topic, gap.reason);
      logger.warn({ ...where, ...gap, offset: goOn }, 'Records are missing in the log: subscribers are told');
    }
    beginning = false;
    placed = { epoch, refill: placement.refill, appended: goOn, verify: placement.verify };
    position = placement.fetch;
  }

  const append = (batch: Opening) => log.append({ ...batch, source, routes, fingerprint: options.fingerprint });

  function accept(answer: AppendAnswer): Accepted {
    if (answer.kind === 'appended') return answer;
    placed = null;
    metrics.refused(topic, answer.kind);
    throw new Refused(answer);
  }

  async function relay(batch: RecordBatch, pulse: () => Promise<boolean>): Promise<void> {
    if (placed === null) await findPlace();
    else if (batch.from !== position) await jump(batch.from);
    if (placed === null || batch.from !== position) return;
    if (isAnotherTopic(placed, batch)) return beginAnew(placed.epoch);
    placed.verify = null;

    const now: Placed = placed;
    const known = (batch.records[0]?.offset ?? now.appended) < now.appended;
    const fresh = known ? batch.records.filter(({ offset }) => offset >= now.appended) : batch.records;
    const last = fresh.at(-1);
    const inChunks = (records: readonly FedRecord[]) =>
      chunks(records, plan, origin, (record) => isRefilled(now.refill, record));
    for (const chunk of inChunks(fresh)) {
      const unwritten = await letters.write(chunk.faults);
      if (unwritten !== null) {
        // The letter may have to wait for hours. What precedes it does not.
        const before = chunk.records.filter(({ offset }) => offset < unwritten.offset);
        for (const part of inChunks(before)) await bring(now, part);
        throw unwritten.error;
      }
      const isLast = chunk.records.at(-1) === last;
      await bring(now, chunk, isLast ? batch.to : undefined);
      if (!isLast && !(await pulse())) return;
    }
    position = batch.to;
    metrics.lag(topic, partition, Math.max(0, batch.end - position));
  }

  async function lookAtLog(): Promise<void> {
    if (placed === null) return findPlace();
    const { watermark } = await log.partition(source);
    if ((watermark ?? -1) < placed.appended) await findPlace();
  }

  /** The feed went on elsewhere than expected: over a hole, or because the offset is no longer there. */
  async function jump(from: number): Promise<void> {
    if (from > position && (await feed.bounds()).begin <= position) position = from;
    else await findPlace();
  }

  async function bring(now: Placed, chunk: Chunk, end?: number): Promise<void> {
    const { offset, timestamp } = chunk.records.at(-1) as FedRecord;
    const next = end ?? offset + 1;
    const { epoch, appended: base } = now;
    const { entries } = chunk;
    // `first` only allows that there is no watermark. It was set when the place was found; missing now, it was lost.
    const written = accept(
      await append({ epoch, base, next, first: false, last: { offset, timestamp }, entries, gap: null }),
    );
    patience.rewarded(next);
    now.appended = next;
    position = next;
    reached = { offset: next, timestamp, lag: longest(timestamp, written.position.time - timestamp) };
    tell(chunk, written.appended);
  }

  function tell(chunk: Chunk, written: number) {
    metrics.consumed(topic, partition, chunk.records.length);
    if (written > 0) metrics.appended(topic, written);
    const refilled = chunk.entries.reduce((sum, entry) => sum + Number(entry.refilled), 0);
    if (refilled > 0) metrics.refilled(topic, refilled);
    for (let i = 0; i < chunk.tombstones; i++) metrics.tombstone(topic);
    for (let i = 0; i < chunk.forNobody; i++) metrics.forNobody(topic);
  }

  async function turn(work: () => Promise<void>): Promise<Turn> {
    let wait = 0;
    try {
      await work().catch(askAgain);
    } catch (error) {
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
    newest: () => reached,
    release: () => metrics.lag(topic, partition, null),
    take: (batch, pulse = async () => true) => inOrder(() => turn(() => relay(batch, pulse))),
  };
}

/** Remembers the longest of the lags of one to two `spans`, ms by the records' own time. */
function longestOf(span: number) {
  let begin = Number.NEGATIVE_INFINITY;
  let [before, now] = [0, 0];
  return (timestamp: number, lag: number): number => {
    if (timestamp - begin > span) [begin, before, now] = [timestamp, now, 0];
    now = Math.max(now, lag);
    return Math.max(before, now);
  };
}

/** The record that was the newest in the log has another timestamp now. One that is gone proves nothing. */
function isAnotherTopic({ verify }: Placed, { records }: RecordBatch): boolean {
  const first = records[0];
  return verify !== null && first?.offset === verify.offset && first.timestamp !== verify.timestamp;
}

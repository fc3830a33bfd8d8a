import type { SourcePartition } from '../event/source-event.js';
import type { TopicFormats } from '../format/formats.js';
import type { ChannelLogWriter } from '../log/channel-log.js';
import type { Logger } from '../observe/logger.js';
import type { RelayMetrics } from '../observe/metrics.js';
import type { TopicPlan } from '../schema/stream-schema.js';
import { BatchWriter, type Pulse } from './batch-writer.js';
import { type DeadLetters, LettersOnce } from './dead-letter.js';
import { PartitionWriter } from './partition-writer.js';
import { createPatience, type Patience } from './patience.js';
import { madeAgain, Rivalry } from './placement/change.js';
import { learned } from './placement/history.js';
import { Memory } from './placement/memory.js';
import { unknown } from './placement/placement.js';
import { type Placed, Placer } from './placement/placer.js';
import type { PartitionFeed, Reached, RecordBatch, Turn } from './record-batch.js';
import { Refused } from './refused.js';
import { routeIds } from './route.js';

export interface PartitionOptions {
  readonly source: SourcePartition;
  readonly plan: TopicPlan;
  readonly formats: TopicFormats;
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

/**
 * One partition on its way into the log. Calls may overlap; they are carried out one after the other.
 * None of them throws: what goes wrong is counted, logged and answered with a `wait`, after which the feed asks again.
 */
export class PartitionRelay {
  readonly #memory = new Memory();
  readonly #patience: Patience;
  readonly #writer: PartitionWriter;
  readonly #placer: Placer;
  readonly #batches: BatchWriter;
  /** Null while the log and this relay do not agree. */
  #placed: Placed | null = null;
  /** Where the next batch is expected to begin. Unlike `Placed.appended` it moves over holes at once. */
  #position = 0;
  #rivalry: string | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: PartitionOptions) {
    const { source, plan, deadLetters, metrics, logger, delay } = options;
    const routes = routeIds(plan);
    const letters = new LettersOnce(deadLetters, metrics, logger);
    const writer = new PartitionWriter({ ...options, routes }, this.#memory);
    const brought = (next: number) => this.#brought(next);
    this.#patience = createPatience(source, delay, metrics, logger);
    this.#writer = writer;
    this.#placer = new Placer({ ...options, routes, writer, letters }, this.#memory);
    this.#batches = new BatchWriter({ ...options, letters, writer, brought }, this.#memory);
  }

  /**
   * Finds where to go on, and tells the log what is missing before it. To be called at each assignment; with a `wait`
   * in the answer, to be called again.
   */
  start(): Promise<Turn> {
    return this.#inTurn(() => this.#findPlace());
  }

  /**
   * Brings a batch into the log, in order, exactly once. `pulse` is awaited between appends; false means stop here.
   * A `position` other than the batch's `to` means that the feed has to seek there.
   */
  take(batch: RecordBatch, pulse: Pulse = async () => true): Promise<Turn> {
    const asked = this.#placed;
    return this.#inTurn(() => this.#relay(batch, pulse, asked));
  }

  /**
   * Asks whether the log still has what it was given. To be called now and then while no batch comes: what a log lost
   * of a quiet topic would otherwise be missing until the topic's next record.
   */
  look(): Promise<Turn> {
    return this.#inTurn(() => this.#lookAtLog());
  }

  /** The newest append, to be kept with the committed offset: a relay after this one will want to know. */
  newest(): Reached | null {
    return this.#memory.reached;
  }

  /** Names what is to be fetched, by the last place that was found; null while there is none. */
  history(): { readonly topicId: string | null; readonly leaderEpoch: number } | null {
    const placed = this.#placed;
    return placed && { topicId: placed.history.topicId, leaderEpoch: placed.leaderEpoch };
  }

  /** Why it may not go on, in a sentence; null when it may. */
  rivalry(): string | null {
    return this.#rivalry;
  }

  /** Another relay has the partition now. */
  release(): void {
    const { source, metrics } = this.options;
    metrics.lag(source.topic, source.partition, null);
  }

  /** Work begins when all that was asked before has ended. */
  #inTurn(work: () => Promise<void>): Promise<Turn> {
    const turn = this.#last.then(() => this.#turn(work));
    this.#last = turn;
    return turn;
  }

  async #turn(work: () => Promise<void>): Promise<Turn> {
    let wait = 0;
    try {
      await work().catch((error: unknown) => this.#askAgain(error));
    } catch (error) {
      if (error instanceof Rivalry) this.#rivalry = error.message;
      wait = this.#patience.tried(error, this.#position);
    }
    return { position: this.#position, wait, appended: this.#placed === null ? null : this.#placed.appended };
  }

  /** A log that refused once is asked where it is; one that goes on refusing is asked more and more rarely. */
  async #askAgain(error: unknown): Promise<void> {
    if (!(error instanceof Refused)) throw error;
    this.#placed = null;
    if (this.#patience.failures() > 0) throw error;
    this.#patience.tried(error, this.#position);
    await this.#findPlace();
  }

  #findPlace(): Promise<void> {
    return this.#adopt(() => this.#placer.find());
  }

  /** Until the place is found there is none. */
  async #adopt(find: () => Promise<Placed>): Promise<void> {
    this.#placed = null;
    const placed = await find();
    this.#placed = placed;
    this.#position = placed.fetch;
    this.#rivalry = null;
  }

  async #lookAtLog(): Promise<void> {
    if (this.#placed === null) return this.#findPlace();
    const { log, source } = this.options;
    const { watermark, feeder } = await log.partition(source);
    if ((watermark ?? -1) < this.#placed.appended || feeder.cluster !== source.cluster) await this.#findPlace();
  }

  /** `asked`: the place that was known when the batch came. */
  async #relay(batch: RecordBatch, pulse: Pulse, asked: Placed | null): Promise<void> {
    if (this.#placed === null) await this.#findPlace();
    else if (this.#placed === asked && batch.from !== this.#position && asked.hasBegun) await this.#jump(batch.from);
    const placed: Placed | null = this.#placed;
    // Fetched before the place was found, it is given back. Taken for one behind a hole, all that lies between would never be in
    // the log; and though it begins there: its leader may have been another one, what it brings cut off since, and what is
    // there now would never come.
    if (placed === null || placed !== asked || batch.from !== this.#position) return;
    placed.hasBegun = true;
    if (!(await this.#isVerified(placed, batch))) return;
    if (await this.#batches.write(placed, batch, pulse)) this.#moveTo(placed, batch);
  }

  /** The feed went on elsewhere than expected: over a hole, or because the offset is no longer there. */
  async #jump(from: number): Promise<void> {
    if (from > this.#position && (await this.options.feed.bounds()).begin <= this.#position) this.#position = from;
    else await this.#findPlace();
  }

  /** False where the batch does not follow on what the log has: another place was found then. */
  async #isVerified(placed: Placed, batch: RecordBatch): Promise<boolean> {
    const { verify, epoch, appended: base, history } = placed;
    if (verify === null || batch.to <= verify.offset) return true;
    const first = batch.records[0];
    if (first?.offset === verify.offset && first.timestamp !== verify.timestamp) {
      await this.#beginAnew('The record that was the newest in the log is another one');
      return false;
    }
    // A newest record that is not there, compacted away or never written, says nothing.
    const gap = first?.offset === verify.offset ? null : unknown;
    if (gap !== null || history.topicId !== null || history.epochs.length > 0) {
      await this.#writer.append({ epoch, base, next: base, first: false, last: null, entries: [], gap, history });
    }
    placed.verify = null;
    return true;
  }

  async #beginAnew(why: string): Promise<void> {
    const { log, source, feed } = this.options;
    const [state, bounds] = [await log.partition(source), await feed.bounds()];
    await this.#adopt(() => this.#placer.beginAnew(state, bounds, madeAgain(bounds, why)));
  }

  #brought(next: number): void {
    this.#patience.rewarded(next);
    this.#position = next;
  }

  /** All of the batch is in the log. */
  #moveTo(placed: Placed, { epochs = [], to, end }: RecordBatch): void {
    const { source, metrics } = this.options;
    placed.history = learned(placed.history, epochs, to);
    this.#position = to;
    metrics.lag(source.topic, source.partition, Math.max(0, end - to));
  }
}

import type { Consumer } from 'kafkajs';
import type { FetchGuard, PartitionHistory } from '../../kafka/fetch-guard.js';
import type { Logger } from '../../observe/logger.js';
import type { Pulse } from '../batch-writer.js';
import type { PartitionRelay } from '../partition.js';
import type { RecordBatch, Turn } from '../record-batch.js';
import { metadataOf } from './commit-metadata.js';

export interface AssignedParts {
  readonly topic: string;
  readonly partition: number;
  readonly relay: PartitionRelay;
  readonly consumer: Pick<Consumer, 'pause' | 'resume' | 'seek'>;
  readonly guard: Pick<FetchGuard, 'expect' | 'epochs'>;
  readonly logger: Logger;
}

/** What kafkajs tells of a batch that it skips. Without any record in reach, `firstOffset` is null. */
export interface SkippedBatch {
  readonly firstOffset: string | null;
  readonly lastOffset: string;
  readonly highWatermark: string;
}

/** Where the group is to go on, and what a relay says with it. */
export interface Commit {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly metadata: string;
}

/**
 * A partition from one assignment to the next: does with the consumer what the partition's relay answers. It begins paused,
 * and gives no orders any more once it was left.
 */
export class AssignedPartition {
  /** Where the last batch ended; null while no place is found. */
  #next: number | null = null;
  /** In the log but not yet committed. */
  #uncommitted: number | null = null;
  /** What fetches are to go on with. */
  #expected: PartitionHistory | null = null;
  #isLeft = false;

  constructor(private readonly parts: AssignedParts) {}

  get relay(): PartitionRelay {
    return this.parts.relay;
  }

  /** Looks for the place until it is found. Never throws. */
  async begin(): Promise<void> {
    const turn = await this.relay.start();
    if (turn.wait > 0) this.#later(turn.wait, () => void this.begin());
    else if (!this.#isLeft) this.#go(turn);
  }

  /** Whether the log still has what it was given. Never throws. */
  async look(): Promise<void> {
    if (this.#next === null) return;
    const turn = await this.relay.look();
    if (this.#isLeft || turn.wait > 0) return;
    if (turn.position !== this.#next || this.#isOfOther()) this.#go(turn);
  }

  /** True when the consumer may go on behind the batch; else it was told where to. Never throws. */
  async take(batch: RecordBatch, pulse: Pulse): Promise<boolean> {
    const turn = await this.relay.take(batch, pulse);
    if (this.#isLeft) return false;
    const isTaken = turn.wait === 0 && turn.position === batch.to && !this.#isOfOther();
    if (turn.wait > 0) this.#hold(turn);
    else if (!isTaken) this.#go(turn);
    this.#next = turn.position;
    this.#uncommitted = turn.appended;
    return isTaken;
  }

  /**
   * kafkajs moves on over batches of only markers or aborted records without a call. Untold, the relay would take the
   * next batch for one after a reset to other offsets, and ask Kafka each time; and the lag would never come to 0.
   */
  async skip({ firstOffset, lastOffset, highWatermark }: SkippedBatch): Promise<void> {
    const { topic, partition, guard } = this.parts;
    const to = Number(lastOffset) + 1;
    const from = firstOffset === null ? to - 1 : Number(firstOffset);
    const epochs = guard.epochs(topic, partition, to);
    const turn = await this.relay.take({ from, to, end: Number(highWatermark), records: [], epochs });
    if (this.#isLeft) return;
    if (turn.position === to && !this.#isOfOther()) this.#next = to;
    else if (turn.wait === 0) this.#go(turn);
  }

  /** A broker has another history than the one that was placed: nothing of it is handed on before a place in it is found. */
  diverged(reason: string): void {
    if (this.#next === null) return;
    const { topic, partition, logger } = this.parts;
    logger.info({ topic, partition, reason }, 'Kafka refuses a fetch: the partition looks for its place anew');
    this.#next = null;
    this.#pause();
    void this.begin();
  }

  /** What may be committed by now and was not told before; null for nothing. */
  uncommitted(): Commit | null {
    if (this.#uncommitted === null) return null;
    const { topic, partition } = this.parts;
    const commit = { topic, partition, offset: String(this.#uncommitted), metadata: metadataOf(this.relay.newest()) };
    this.#uncommitted = null;
    return commit;
  }

  /** Another assignment took its place, or the consumer is over. */
  leave(): void {
    this.#isLeft = true;
  }

  /** A place was found under another leader than the one that is asked: what comes from that one may be cut off by now. */
  #isOfOther(): boolean {
    const now = this.relay.history();
    const expected = this.#expected;
    return now !== null && (now.leaderEpoch !== expected?.leaderEpoch || now.topicId !== expected.topicId);
  }

  #go({ position }: Turn): void {
    const { topic, partition, consumer, guard } = this.parts;
    this.#next = position;
    this.#expected = this.relay.history();
    if (this.#expected !== null) guard.expect(topic, partition, this.#expected);
    this.#order(() => {
      consumer.seek({ topic, partition, offset: String(position) });
      consumer.resume([{ topic, partitions: [partition] }]);
    });
  }

  /** Gives the batch back and pauses: nothing is held in memory while the log or the dead letters refuse. */
  #hold(turn: Turn): void {
    this.#pause();
    this.#later(turn.wait, () => this.#go(turn));
  }

  #pause(): void {
    const { topic, partition, consumer } = this.parts;
    this.#order(() => consumer.pause([{ topic, partitions: [partition] }]));
  }

  #later(wait: number, work: () => void): void {
    setTimeout(() => this.#isLeft || work(), wait).unref();
  }

  /** A consumer on its way down throws at each order; thrown from a timer that would end the process. */
  #order(give: () => void): void {
    try {
      give();
    } catch (error) {
      this.parts.logger.debug({ reason: String(error) }, 'The consumer takes no orders any more');
    }
  }
}

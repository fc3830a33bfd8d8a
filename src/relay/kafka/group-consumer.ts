import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { createFetchGuard } from '../../kafka/fetch-guard.js';
import { guardedConsumer } from '../../kafka/guarded-consumer.js';
import type { Logger } from '../../observe/logger.js';
import type { RelayCore } from '../relay.js';
import { AssignedPartition, type Commit } from './assigned-partition.js';
import { createKafkaFeed, type KafkaAdmin } from './kafka-feed.js';
import { batchOf } from './kafka-records.js';
import { createPace } from './pace.js';
import { listenForSilence } from './silence.js';

export interface GroupConsumerOptions extends KafkaAdmin {
  readonly kafka: Kafka;
  /** All of them exist. */
  readonly topics: readonly string[];
  readonly relay: RelayCore;
  readonly logger: Logger;
  /** Milliseconds between looks at the log: also by these it knows who feeds it, and what its clock is. */
  readonly lookEvery: number;
  /** The most milliseconds between two fetches, where records come fast. */
  readonly linger: number;
}

const heartbeatEvery = 1_000;
const commitEvery = 1_000;
const stopWithin = 8_000;

const consumerConfig = {
  allowAutoTopicCreation: false,
  metadataMaxAge: 30_000,
  sessionTimeout: 10_000,
  heartbeatInterval: heartbeatEvery,
  rebalanceTimeout: 30_000,
  // A partition that was resumed may wait as long for its next fetch.
  maxWaitTimeInMs: 250,
  // Enough for what is appended meanwhile. Of kafkajs's own 1 MiB, the records of all partitions outlive the young
  // generation of the heap: and a relay with a backlog then spends more of its time on the collector.
  maxBytesPerPartition: 640 * 1024,
  // The owner restarts it: it knows by then which topics still exist.
  retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5, restartOnFailure: async () => false },
};

/** A consumer from its first join to its end. It is not revived: after a crash the next one begins from what is known. */
export class GroupConsumer {
  /** As `listenForSilence` has it. */
  readonly silence: () => string | null;
  /** Resolves at its end, with the reason if it crashed. Never rejects. */
  readonly ended: Promise<Error | null>;
  #end: (reason: Error | null) => void = () => {};
  #state: 'joining' | 'joined' | 'over' = 'joining';
  #assigned: ReadonlyMap<string, AssignedPartition> = new Map();
  #stopped: Promise<void> | null = null;
  /** Resolves when it runs. */
  #running: Promise<void> = Promise.resolve();
  readonly #consumer: Consumer;
  readonly #guard = createFetchGuard((...where) => this.#diverged(...where));
  readonly #pace: ReturnType<typeof createPace>;
  readonly #timers: readonly NodeJS.Timeout[];

  /** Resolves when it is on its way into the group. Throws what Kafka answers, and leaves nothing open then. */
  static async start(options: GroupConsumerOptions): Promise<GroupConsumer> {
    const started = new GroupConsumer(options);
    await started.#start();
    return started;
  }

  private constructor(private readonly options: GroupConsumerOptions) {
    const { kafka, groupId, linger, lookEvery } = options;
    this.#consumer = guardedConsumer(kafka, { ...consumerConfig, groupId }, this.#guard);
    this.#pace = createPace(linger);
    this.silence = listenForSilence(this.#consumer);
    this.ended = new Promise((resolve) => (this.#end = resolve));
    const look = () => this.#assigned.forEach((assigned) => void assigned.look());
    this.#timers = [setInterval(() => void this.#commit(), commitEvery), setInterval(look, lookEvery)];
    this.#listen();
  }

  /** True while it is a member of the group, though it may have no partition. */
  joined(): boolean {
    return this.#state === 'joined';
  }

  over(): boolean {
    return this.#state === 'over';
  }

  /** Why a partition may not be relayed, in a sentence; null when all may. */
  rivalry(): string | null {
    const reasons = [...this.#assigned.values()].map(({ relay }) => relay.rivalry());
    return reasons.find((why) => why !== null) ?? null;
  }

  /** Finishes the batches in hand, commits, leaves the group. Idempotent; bounded by 16 s. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    // Who leaves in the middle of a join stays a member for the others, who then wait until its session has run out.
    await within(stopWithin, this.#running);
    await this.#commit();
    // A broker that went away answers nothing: kafkajs would wait for its last fetch until the request times out.
    await within(
      stopWithin,
      this.#consumer.disconnect().catch(() => {}),
    );
    this.#finish(null);
  }

  #finish(reason: Error | null): void {
    this.#state = 'over';
    for (const timer of this.#timers) clearInterval(timer);
    for (const assigned of this.#assigned.values()) assigned.leave();
    this.#end(reason);
  }

  #listen(): void {
    const { GROUP_JOIN, CRASH, START_BATCH_PROCESS } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      if (this.#state === 'over') return;
      this.#state = 'joined';
      this.#assign(payload.memberAssignment);
    });
    this.#consumer.on(CRASH, ({ payload }) => this.#finish(payload.error));
    this.#consumer.on(START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0) return;
      void this.#assigned.get(keyOf(payload.topic, payload.partition))?.skip(payload);
    });
  }

  async #start(): Promise<void> {
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true });
    } catch (error) {
      this.#finish(null);
      await this.#consumer.disconnect().catch(() => {});
      throw error;
    }
    const eachBatch = (payload: EachBatchPayload) => this.#eachBatch(payload);
    // Not awaited: it resolves after the first join, which waits for all other members.
    this.#running = this.#consumer
      .run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 8, eachBatch })
      .catch((error: Error) => this.#finish(error));
  }

  /** Each join gives the partitions anew, and kafkajs would go on from what was committed: they wait until placed. */
  #assign(assignment: Readonly<Record<string, readonly number[]>>): void {
    const { relay, logger } = this.options;
    const before = this.#assigned;
    for (const assigned of before.values()) assigned.leave();
    const now = new Map<string, AssignedPartition>();
    for (const [topic, partitions] of Object.entries(assignment)) {
      if (!relay.topics.includes(topic)) continue;
      this.#consumer.pause([{ topic, partitions: [...partitions] }]);
      for (const partition of partitions) {
        const key = keyOf(topic, partition);
        const feed = createKafkaFeed(this.options, topic, partition);
        const known = before.get(key)?.relay ?? relay.partition(topic, partition, feed);
        const parts = { topic, partition, relay: known, consumer: this.#consumer, guard: this.#guard, logger };
        now.set(key, new AssignedPartition(parts));
      }
    }
    this.#assigned = now;
    for (const assigned of now.values()) void assigned.begin();
    for (const [key, { relay: lost }] of before) if (!now.has(key)) lost.release();
  }

  #diverged(topic: string, partition: number, reason: string): void {
    this.#assigned.get(keyOf(topic, partition))?.diverged(reason);
  }

  async #eachBatch({ batch, resolveOffset, heartbeat, isStale, isRunning, ...edge }: EachBatchPayload): Promise<void> {
    const assigned = this.#assigned.get(keyOf(batch.topic, batch.partition));
    if (assigned === undefined || isStale()) return;
    const taken = batchOf(batch, this.#guard);
    let rebalancing: unknown = null;
    const beat = () => heartbeat().catch((error: unknown) => (rebalancing ??= error));
    // One append to a log that hangs may outlast the session: without a heartbeat meanwhile, the group would give the
    // partition to another relay, which would meet the same log.
    const beating = setInterval(beat, heartbeatEvery);
    const isTaken = await assigned.take(taken, async () => {
      await beat();
      return rebalancing === null && !isStale();
    });
    clearInterval(beating);
    if (isTaken) resolveOffset(batch.lastOffset());
    // A stopping consumer takes no commits any more but through its last batch.
    if (!isRunning()) await edge.commitOffsetsIfNecessary({ topics: byTopic(this.#uncommitted()) });
    if (rebalancing !== null) throw rebalancing;
    await this.#pace.rest(taken.records.length, taken.to < taken.end);
  }

  #uncommitted(): Commit[] {
    return [...this.#assigned.values()].flatMap((assigned) => assigned.uncommitted() ?? []);
  }

  /** The log's watermark decides where a relay goes on; the commits tell Kafka's own tools, so a lost one is no loss. */
  async #commit(): Promise<void> {
    const commits = this.#uncommitted();
    if (commits.length === 0) return;
    await this.#consumer.commitOffsets(commits).catch((error: unknown) => {
      this.options.logger.debug({ reason: String(error) }, 'Offsets could not be committed');
    });
  }
}

const byTopic = (commits: readonly Commit[]) => commits.map(({ topic, ...one }) => ({ topic, partitions: [one] }));

/** Resolves with the work, or when the time is up. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let up: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (up = setTimeout(resolve, ms)))]);
  clearTimeout(up);
}

const keyOf = (topic: string, partition: number) => `${partition} ${topic}`;

import type { EachBatchPayload, Kafka } from 'kafkajs';
import { createFetchGuard } from '../../kafka/fetch-guard.js';
import { guardedConsumer } from '../../kafka/guarded-consumer.js';
import type { Logger } from '../../observe/logger.js';
import type { PartitionRelay } from '../partition.js';
import type { Turn } from '../record-batch.js';
import type { RelayCore } from '../relay.js';
import { said } from './commit-metadata.js';
import { createKafkaFeed, type KafkaAdmin } from './kafka-feed.js';
import { batchOf } from './kafka-records.js';
import { createPace } from './pace.js';
import { listenForSilence } from './silence.js';

export interface ConsumeOptions extends KafkaAdmin {
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

/** A consumer from its first join to its end. It is not revived: after a crash the next one begins from what is known. */
export interface Session {
  /** True while this consumer is a member of the group, though it may have no partition. */
  joined(): boolean;
  over(): boolean;
  /** Why a partition may not be relayed, in a sentence; null when all may. */
  rivalry(): string | null;
  /** As `listenForSilence` has it. */
  readonly silence: () => string | null;
  /** Resolves at its end, with the reason if it crashed. Never rejects. */
  readonly ended: Promise<Error | null>;
  /** Finishes the batches in hand, commits, leaves the group. Idempotent; bounded by 16 s. */
  stop(): Promise<void>;
}

/** One assigned partition. */
interface Lane {
  readonly topic: string;
  readonly partition: number;
  readonly relay: PartitionRelay;
  /** Where the last batch ended. */
  next: number;
  /** In the log but not yet committed. */
  uncommitted: number | null;
  /** What fetches are to go on with. */
  expected: ReturnType<PartitionRelay['history']>;
}

const heartbeatEvery = 1_000;
const commitEvery = 1_000;
const stopWithin = 8_000;

/** What kafkajs tells of a batch that it passes over. Without any record in reach, `firstOffset` is null. */
interface Passed {
  readonly firstOffset: string | null;
  readonly lastOffset: string;
  readonly highWatermark: string;
}

export async function consume(options: ConsumeOptions): Promise<Session> {
  const { kafka, groupId, topics, relay, logger, lookEvery, linger } = options;
  const guard = createFetchGuard(diverged);
  const consumer = guardedConsumer(
    kafka,
    {
      groupId,
      allowAutoTopicCreation: false,
      metadataMaxAge: 30_000,
      sessionTimeout: 10_000,
      heartbeatInterval: heartbeatEvery,
      rebalanceTimeout: 30_000,
      // Also how long a partition that was paused may wait for the next fetch.
      maxWaitTimeInMs: 250,
      // Enough for what is appended meanwhile. Of kafkajs's own 1 MiB, the records of all partitions outlive the young
      // generation of the heap: and a relay with a backlog then spends more of its time on the collector.
      maxBytesPerPartition: 640 * 1024,
      // The owner of this session restarts it: it knows by then which topics still exist.
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5, restartOnFailure: async () => false },
    },
    guard,
  );
  const silence = listenForSilence(consumer);
  const pace = createPace(linger);
  let lanes = new Map<string, Lane>();
  let joined = false;
  let over = false;
  let end: (reason: Error | null) => void = () => {};
  const ended = new Promise<Error | null>((resolve) => (end = resolve));
  const finish = (reason: Error | null): void => {
    over = true;
    joined = false;
    clearInterval(committing);
    clearInterval(looking);
    end(reason);
  };
  const committing = setInterval(() => void commitAll(), commitEvery);
  const looking = setInterval(() => {
    for (const lane of lanes.values()) if (lane.next >= 0) void look(lane);
  }, lookEvery);

  /** Each join gives the partitions anew, and kafkajs would go on from what was committed: they wait until placed. */
  function assign(assignment: Readonly<Record<string, readonly number[]>>) {
    const before = lanes;
    lanes = new Map();
    for (const [topic, partitions] of Object.entries(assignment)) {
      if (!relay.topics.includes(topic)) continue;
      consumer.pause([{ topic, partitions: [...partitions] }]);
      for (const partition of partitions) {
        const key = keyOf(topic, partition);
        const feed = createKafkaFeed(options, topic, partition);
        const known = before.get(key)?.relay ?? relay.partition(topic, partition, feed);
        const lane: Lane = { topic, partition, relay: known, next: -1, uncommitted: null, expected: null };
        lanes.set(key, lane);
        void begin(lane);
      }
    }
    for (const [key, { relay: lost }] of before) if (!lanes.has(key)) lost.release();
  }

  /** A broker has another history than the one that was placed: nothing of it is handed on before a place in it is found. */
  function diverged(topic: string, partition: number, reason: string): void {
    const lane = lanes.get(keyOf(topic, partition));
    if (lane === undefined || lane.next < 0) return;
    logger.info({ topic, partition, reason }, 'Kafka refuses a fetch: the partition looks for its place anew');
    lane.next = -1;
    steer(() => consumer.pause([{ topic, partitions: [partition] }]));
    void begin(lane);
  }

  /** A place was found under another leader than the one that is asked: what comes from that one may be cut off by now. */
  function isOther({ relay: { history }, expected }: Lane): boolean {
    const now = history();
    return now !== null && (now.leaderEpoch !== expected?.leaderEpoch || now.topicId !== expected.topicId);
  }

  const isOurs = (lane: Lane) => !over && lanes.get(keyOf(lane.topic, lane.partition)) === lane;

  async function begin(lane: Lane): Promise<void> {
    const turn = await lane.relay.start();
    if (!isOurs(lane)) return;
    if (turn.wait > 0) return void setTimeout(() => void (isOurs(lane) && begin(lane)), turn.wait).unref();
    go(lane, turn);
  }

  async function look(lane: Lane): Promise<void> {
    const turn = await lane.relay.look();
    if (isOurs(lane) && turn.wait === 0 && (turn.position !== lane.next || isOther(lane))) go(lane, turn);
  }

  function go(lane: Lane, { position }: Turn) {
    const { topic, partition } = lane;
    lane.next = position;
    lane.expected = lane.relay.history();
    if (lane.expected !== null) guard.expect(topic, partition, lane.expected);
    steer(() => {
      consumer.seek({ topic, partition, offset: String(position) });
      consumer.resume([{ topic, partitions: [partition] }]);
    });
  }

  /** A consumer on its way down throws at each order; thrown from a timer that would end the process. */
  function steer(order: () => void) {
    try {
      order();
    } catch (error) {
      logger.debug({ reason: String(error) }, 'The consumer takes no orders any more');
    }
  }

  /** Gives the batch back and pauses: nothing is held in memory while the log or the dead letters refuse. */
  function hold(lane: Lane, turn: Turn) {
    const { topic, partition } = lane;
    steer(() => consumer.pause([{ topic, partitions: [partition] }]));
    setTimeout(() => void (isOurs(lane) && go(lane, turn)), turn.wait).unref();
  }

  async function eachBatch({ batch, resolveOffset, heartbeat, isStale, isRunning, ...edge }: EachBatchPayload) {
    const lane = lanes.get(keyOf(batch.topic, batch.partition));
    if (lane === undefined || isStale()) return;
    const taken = batchOf(batch, guard);
    let rebalancing: unknown = null;
    const beat = () => heartbeat().catch((error: unknown) => (rebalancing ??= error));
    // One append to a log that hangs may outlast the session: without a heartbeat meanwhile, the group would give the
    // partition to another relay, which would meet the same log.
    const beating = setInterval(beat, heartbeatEvery);
    const turn = await lane.relay.take(taken, async () => {
      await beat();
      return rebalancing === null && !isStale();
    });
    clearInterval(beating);
    if (isOurs(lane)) {
      if (turn.wait > 0) hold(lane, turn);
      else if (turn.position === taken.to && !isOther(lane)) resolveOffset(batch.lastOffset());
      else go(lane, turn);
      lane.next = turn.position;
      lane.uncommitted = turn.appended;
    }
    // A stopping consumer takes no commits any more but through its last batch.
    if (!isRunning()) await edge.commitOffsetsIfNecessary({ topics: takeUncommitted() });
    if (rebalancing !== null) throw rebalancing;
    await pace.rest(taken.records.length, taken.to < taken.end);
  }

  /**
   * kafkajs moves on over batches of only markers or aborted records without a call. Untold, the relay would take the
   * next batch for one after a reset to other offsets, and ask Kafka each time; and the lag would never come to 0.
   */
  async function passOver(lane: Lane, passed: Passed): Promise<void> {
    const to = Number(passed.lastOffset) + 1;
    const from = passed.firstOffset === null ? to - 1 : Number(passed.firstOffset);
    const epochs = guard.epochs(lane.topic, lane.partition, to);
    const turn = await lane.relay.take({ from, to, end: Number(passed.highWatermark), records: [], epochs });
    if (!isOurs(lane)) return;
    if (turn.position === to && !isOther(lane)) lane.next = to;
    else if (turn.wait === 0) go(lane, turn);
  }

  function takeUncommitted() {
    const ready = [...lanes.values()].filter(({ uncommitted }) => uncommitted !== null);
    const commits = ready.map(({ topic, partition, relay, uncommitted }) => {
      return { topic, partitions: [{ partition, offset: String(uncommitted), metadata: said(relay.newest()) }] };
    });
    for (const lane of ready) lane.uncommitted = null;
    return commits;
  }

  /** The log's watermark decides where a relay goes on; the commits tell Kafka's own tools, so a lost one is no loss. */
  async function commitAll(): Promise<void> {
    const commits = takeUncommitted().flatMap(({ topic, partitions }) => {
      return partitions.map((commit) => ({ topic, ...commit }));
    });
    if (commits.length === 0) return;
    await consumer.commitOffsets(commits).catch((error: unknown) => {
      logger.debug({ reason: String(error) }, 'Offsets could not be committed');
    });
  }

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    joined = true;
    assign(payload.memberAssignment);
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => finish(payload.error));
  consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => {
    const lane = lanes.get(keyOf(payload.topic, payload.partition));
    if (lane !== undefined && payload.batchSize === 0) void passOver(lane, payload);
  });

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  } catch (error) {
    finish(null);
    await consumer.disconnect().catch(() => {});
    throw error;
  }
  // Not awaited: it resolves after the first join, which waits for all other members.
  const settled = consumer
    .run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 8, eachBatch })
    .catch(finish);

  let stopped: Promise<void> | null = null;
  async function stop() {
    // Who leaves in the middle of a join stays a member for the others, who then wait until its session has run out.
    await within(stopWithin, settled);
    await commitAll();
    // A broker that went away answers nothing: kafkajs would wait for its last fetch until the request times out.
    await within(
      stopWithin,
      consumer.disconnect().catch(() => {}),
    );
    finish(null);
  }
  const rivalry = () => [...lanes.values()].map(({ relay: one }) => one.rivalry()).find((why) => why !== null) ?? null;
  return { joined: () => joined, over: () => over, rivalry, silence, ended, stop: () => (stopped ??= stop()) };
}

/** Resolves with the work, or when the time is up. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let up: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (up = setTimeout(resolve, ms)))]);
  clearTimeout(up);
}

const keyOf = (topic: string, partition: number) => `${partition} ${topic}`;

import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { backoff } from '../../event/backoff.js';
import { type KafkaSettings, openKafka } from '../../kafka/connection.js';
import { openTopicHistories, type TopicHistories } from '../../kafka/topic-histories.js';
import type { Logger } from '../../observe/logger.js';
import { logged, skipping } from '../dead-letter.js';
import { createRelay, type RelayCore, type RelayOptions } from '../relay.js';
import { GroupConsumer } from './group-consumer.js';
import { createDeadLetterTopic } from './kafka-dead-letters.js';
import type { KafkaAdmin } from './kafka-feed.js';

/** Where a group writes its dead letters when nobody says where. */
export const deadLetterTopicOf = (groupId: string): string => `${groupId}.dlq`;

export interface KafkaRelayOptions extends Omit<RelayOptions, 'cluster' | 'deadLetters'> {
  readonly kafka: KafkaSettings;
  /** Relays of one group share the partitions; relays of one log must be one group. */
  readonly groupId: string;
  /** True for a group of this relay alone, to which nobody comes back: Kafka forgets it at the stop. Default false. */
  readonly isPassing?: boolean;
  /** Null: a record that cannot be read leaves a log line and nothing in Kafka. */
  readonly deadLetter?: {
    /** Default `<groupId>.dlq`. Made, with one partition, if it is not there. */
    readonly topic?: string;
    /** While it cannot be written: `wait` (default) holds the partition, `skip` goes on and logs what was skipped. */
    readonly unwritable?: 'wait' | 'skip';
  } | null;
  /** Milliseconds between looks for topics and partitions that appeared or went; default 2000. */
  readonly watchEvery?: number;
  /** Milliseconds between looks whether the log still has what it was given; default 5000. */
  readonly lookEvery?: number;
  /** Milliseconds that records gather where they come fast (`createPace`); default 20, 0 fetches as they come. */
  readonly linger?: number;
}

export interface KafkaRelay {
  /** Null when the relay is a member of its group and Kafka answers it (or none of its topics exists yet), else a sentence. */
  ready(): string | null;
  /** Finishes the batches in hand, commits and leaves the group. Idempotent; does not close the log. */
  stop(): Promise<void>;
}

/**
 * Relays from Kafka until stopped. Returns at once and never fails: while Kafka is not there it tries again, says so in
 * a log line each time, and `ready` tells why not.
 */
export function startKafkaRelay(options: KafkaRelayOptions): KafkaRelay {
  const { groupId, logger, watchEvery = 2_000, lookEvery = 5_000, linger = 20, deadLetter = {} } = options;
  const kafka = openKafka(options.kafka, logger);
  const letters = createDeadLetterTopic(kafka, deadLetter?.topic ?? deadLetterTopicOf(groupId), groupId, logger);
  const kept = deadLetter?.unwritable === 'skip' ? skipping(letters.write, logger) : letters.write;
  const deadLetters = deadLetter === null ? logged : kept;
  const stopping = new AbortController();
  /** Ends early at a stop. */
  const pause = (ms: number) => sleep(ms, null, { signal: stopping.signal }).catch(() => {});
  const notJoined = `the relay has not joined its group ${groupId} yet`;
  const missing = reportMissing(logger);
  let trouble: string | null = 'Kafka has not answered yet';
  let consumer: GroupConsumer | null = null;
  let core: { readonly cluster: string; readonly relay: RelayCore } | null = null;

  /** From a connection to its end, by a crash (throws), a change of topics, or a stop. */
  async function connection(kafkaAdmin: KafkaAdmin): Promise<void> {
    const { admin, histories } = kafkaAdmin;
    await admin.connect();
    const { clusterId: cluster } = await admin.describeCluster();
    // Other brokers behind the same address are other partitions: what was known of the old ones means nothing.
    if (core?.cluster !== cluster) core = { cluster, relay: createRelay({ ...options, cluster, deadLetters }) };
    const { relay } = core;
    const present = await presentTopics(histories, relay);
    await tellMissing(relay, present);
    const topics = [...present.keys()];
    const consuming = { ...kafkaAdmin, kafka, topics, relay, logger, lookEvery, linger };
    consumer = topics.length === 0 ? null : await GroupConsumer.start(consuming);
    trouble = null;
    try {
      await untilTopicsChange(consumer, histories, relay, present);
    } finally {
      await consumer?.stop();
      consumer = null;
      if (stopping.signal.aborted && options.isPassing) await forget(admin, groupId, logger);
    }
  }

  /** Resolves when topics or partitions appeared or went, or at a stop; throws when the consumer crashed. */
  async function untilTopicsChange(
    consumer: GroupConsumer | null,
    histories: TopicHistories,
    relay: RelayCore,
    topics: PresentTopics,
  ) {
    for (let present = topics; isSame(present, topics); ) {
      const end = await Promise.race([pause(watchEvery), ...(consumer === null ? [] : [consumer.ended])]);
      if (stopping.signal.aborted) return;
      if (consumer?.over()) throw end ?? new Error('The consumer ended.');
      present = await presentTopics(histories, relay);
      await tellMissing(relay, present);
    }
  }

  /** What is written to a topic that somebody waits for is new to them, whatever its records' times. */
  async function tellMissing(relay: RelayCore, present: PresentTopics): Promise<void> {
    const absent = relay.topics.filter((topic) => !present.has(topic));
    missing(absent);
    await relay.waitFor(absent).catch((error: unknown) => {
      logger.debug({ reason: String(error) }, 'The log cannot be told yet which topics are waited for');
    });
  }

  async function run(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; ) {
      const admin = kafka.admin();
      const histories = openTopicHistories(kafka);
      try {
        await connection({ admin, histories, groupId });
        failures = 0;
      } catch (error) {
        failures = trouble === null ? 1 : failures + 1;
        const wait = backoff(failures);
        const reason = error instanceof Error ? error.message : String(error);
        trouble = `Kafka cannot be read: ${reason}`;
        logger.warn({ reason, failures, wait }, 'Kafka cannot be read: trying again');
        await pause(wait);
      } finally {
        await admin.disconnect().catch(() => {});
        await histories.disconnect().catch(() => {});
      }
    }
    await letters.close();
    trouble = 'the relay has stopped';
  }

  const running = run();
  return {
    ready() {
      if (trouble !== null || consumer === null) return trouble;
      return consumer.joined() ? (consumer.silence() ?? consumer.rivalry()) : notJoined;
    },
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

/** A group that is left there would stand in Kafka's tools for a week, with a lag that grows. */
async function forget(admin: Admin, groupId: string, logger: Logger): Promise<void> {
  const late = sleep(2_000, null, { ref: false });
  await Promise.race([admin.deleteGroups([groupId]), late]).catch((error: unknown) => {
    logger.debug({ groupId, reason: String(error) }, 'Kafka keeps the group of this relay');
  });
}

/** By name, what of each has to be the same for a consumer to go on: another topic of its name is another one. */
type PresentTopics = ReadonlyMap<string, string>;

async function presentTopics(histories: TopicHistories, relay: RelayCore): Promise<PresentTopics> {
  const found = await histories.describe(relay.topics);
  const named = [...found].map(([topic, { id, partitions }]) => [topic, `${id} ${partitions.size}`] as const);
  return new Map(named.sort(([one], [other]) => (one < other ? -1 : 1)));
}

const isSame = (one: PresentTopics, other: PresentTopics): boolean => String([...one]) === String([...other]);

/** One line for each topic that is not there, and another one only every hundredth look. */
function reportMissing(logger: Logger): (topics: readonly string[]) => void {
  const looks = new Map<string, number>();
  return (topics) => {
    for (const topic of looks.keys()) {
      if (topics.includes(topic)) continue;
      looks.delete(topic);
      logger.info({ topic }, 'The topic is there now');
    }
    for (const topic of topics) {
      const count = looks.get(topic) ?? 0;
      looks.set(topic, count + 1);
      if (count % 100 === 0) logger.warn({ topic }, 'The topic does not exist in Kafka: waiting for it');
    }
  };
}

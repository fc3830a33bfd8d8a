import type { IHeaders, Message, Producer, ProducerRecord, RecordMetadata } from 'kafkajs';
import type { Channel } from '../../../src/event/channel.js';
import type { ChannelLogWriter } from '../../../src/log/channel-log.js';
import { createMemoryLog } from '../../../src/log/memory-log.js';
import { type KafkaRelay, type KafkaRelayOptions, startKafkaRelay } from '../../../src/relay/kafka/kafka-relay.js';
import { eventually, freshPrefix, kafkaBrokers, kafkaClient, withAdmin } from '../servers/services.js';
import { extractorOf, heardLogger, heardMetrics, planOf, schemaOf } from './relay-world.js';

type MemoryLog = ReturnType<typeof createMemoryLog>;

/** A relay from the real Kafka into a log in memory, with all that it told. Stopped at the end of its scope. */
export interface TestRelay extends KafkaRelay, AsyncDisposable {
  readonly heard: string[];
  readonly lines: { line: string; fields: object }[];
  readonly groupId: string;
  readonly log: MemoryLog;
  /** What the log holds of a topic, over all its partitions: offsets and values in the order of the log. */
  held(topic: string): Promise<{ offset: number; partition: number; event: unknown; refilled: boolean }[]>;
  /** Resolves when the relay is a member of its group. */
  joined(): Promise<void>;
}

export function testRelay(
  topics: readonly string[],
  more: Partial<KafkaRelayOptions> & { memory?: MemoryLog; writer?: (memory: MemoryLog) => ChannelLogWriter } = {},
): TestRelay {
  const { memory = createMemoryLog(), writer = (log) => log, groupId = freshPrefix('group'), ...rest } = more;
  const { heard, metrics } = heardMetrics();
  const { lines, logger } = heardLogger();
  const plans = topics.map((topic) => planOf(topic, extractorOf(topic, { all: () => '*' }, undefined, true, 100_000)));
  const relay = startKafkaRelay({
    schema: schemaOf(...plans),
    log: writer(memory),
    kafka: { brokers: kafkaBrokers() },
    groupId,
    metrics,
    logger,
    watchEvery: 200,
    lookEvery: 500,
    ...rest,
  });
  return {
    ...relay,
    heard,
    lines,
    groupId,
    log: memory,
    async held(topic) {
      const { publications } = await memory.newest(`${topic}:all:*` as Channel, 0, 100_000);
      return publications.map(({ source: { record, event }, refilled }) => {
        return { offset: record.offset, partition: record.partition, event, refilled };
      });
    },
    joined: async () => void (await eventually('the relay has joined its group', () => relay.ready() === null)),
    [Symbol.asyncDispose]: () => relay.stop(),
  };
}

export async function produce(topic: string, messages: Message[], brokers: string[] = kafkaBrokers()): Promise<void> {
  await withProducer((producer) => producer.send({ topic, messages }), brokers);
}

export async function withProducer<T>(
  work: (producer: Producer) => Promise<T>,
  brokers: string[] = kafkaBrokers(),
  transactionalId?: string,
): Promise<T> {
  // kafkajs sends a request again, whole, where one of its partitions was not ready, as those of a new topic are not: without
  // idempotence the others would have their records twice.
  const once = { idempotent: true, maxInFlightRequests: 1 };
  const producer = kafkaClient(brokers).producer(transactionalId === undefined ? once : { ...once, transactionalId });
  await producer.connect();
  try {
    return await work({ ...producer, send: (record) => written(producer, record) });
  } finally {
    await producer.disconnect();
  }
}

/**
 * Sends, and holds what was written against what was asked for: kafkajs leaves out, without a word, records for a partition
 * that it has not heard of yet, and who waited for them would wait for ever.
 */
async function written(producer: Producer, record: ProducerRecord): Promise<RecordMetadata[]> {
  const taken = await producer.send(record);
  const known = new Set(taken.map(({ partition }) => partition));
  const lost = record.messages.find(({ partition }) => partition !== undefined && !known.has(partition));
  if (lost)
    throw new Error(`Nothing was written to partition ${lost.partition} of ${record.topic}: it is not known yet`);
  return taken;
}

export const jsonOf = (from: number, to: number, more: object = {}): Message[] =>
  Array.from({ length: to - from }, (_, i) => ({ value: JSON.stringify({ n: from + i, ...more }) }));

/** What the group has committed for partition 0 of the topic; -1 when nothing. */
export const committedOf = (groupId: string, topic: string): Promise<number> =>
  withAdmin(kafkaBrokers(), async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return Number(found?.partitions.find(({ partition }) => partition === 0)?.offset ?? -1);
  });

export interface Found {
  offset: number;
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: IHeaders;
}

/** The committed records of a topic from its beginning, by a consumer of its own, until there are enough. */
export async function read(
  topic: string,
  enough: (found: readonly Found[]) => boolean,
  brokers: string[] = kafkaBrokers(),
): Promise<Found[]> {
  const consumer = kafkaClient(brokers).consumer({ groupId: freshPrefix('reader'), maxWaitTimeInMs: 100 });
  const found: Found[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message: { offset, timestamp, key, value, headers = {} } }) => {
      found.push({ offset: Number(offset), timestamp: Number(timestamp), key, value, headers });
    },
  });
  await eventually(`records of ${topic}`, () => enough(found)).finally(() => consumer.disconnect());
  return found;
}

/** The `n` of events made by `jsonOf`. */
export const numbersOf = (held: readonly { event: unknown }[]): number[] =>
  held.map(({ event }) => (event as { n: number }).n);

export const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, i) => from + i);

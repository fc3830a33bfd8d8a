import type { Consumer, KafkaMessage } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { freePort } from '../../scripts/services/ports.mjs';
import { openKafka } from '../../src/kafka/connection.js';
import { createFetchGuard, type OpenFetchGuard } from '../../src/kafka/fetch-guard.js';
import { guardedConsumer } from '../../src/kafka/guarded-consumer.js';
import { openTopicHistories } from '../../src/kafka/topic-histories.js';
import { makeTopics } from '../../src/kafka/topics.js';
import { silent } from '../../src/observe/logger.js';
import { jsonOf, produce, upTo, withProducer } from '../support/relay/relay-kafka.js';
import {
  eventually,
  freshPrefix,
  freshTopic,
  kafka39Brokers,
  kafkaBrokers,
  kafkaClient,
  startKafka,
  withAdmin,
} from '../support/servers/services.js';

/** The histories of a cluster, closed at the end of the scope. */
async function histories(brokers: string[]) {
  const opened = openTopicHistories(kafkaClient(brokers));
  await opened.connect();
  return {
    ...opened,
    /** That the guard expects now what Kafka tells now. */
    async expected(guard: OpenFetchGuard, topic: string): Promise<void> {
      const found = (await opened.describe([topic])).get(topic);
      if (found === undefined) throw new Error('the topic');
      for (const [partition, { leaderEpoch }] of found.partitions) {
        guard.expect(topic, partition, { topicId: found.id, leaderEpoch });
      }
    },
    [Symbol.asyncDispose]: () => opened.disconnect(),
  };
}

type Read = Pick<KafkaMessage, 'offset' | 'timestamp' | 'key' | 'value' | 'headers'> & { partition: number };

/** What a consumer reads from the beginning. Small fetches: most of them end in the middle of a batch. */
async function reading(consumer: Consumer, topic: string) {
  const read: Read[] = [];
  const crashes: string[] = [];
  let fetches = 0;
  const asked: number[] = [];
  consumer.on(consumer.events.CRASH, ({ payload }) => void crashes.push(payload.error.message));
  consumer.on(consumer.events.FETCH_START, () => {
    fetches += 1;
  });
  consumer.on(consumer.events.REQUEST, ({ payload }) => {
    if (payload.apiName === 'Fetch') asked.push(payload.apiVersion);
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    // kafkajs joins anew when a leader changes, and goes on where it has committed.
    autoCommitThreshold: 1,
    eachBatch: async ({ batch: { messages, partition } }) => {
      for (const { offset, timestamp, key, value, headers } of messages)
        read.push({ partition, offset, timestamp, key, value, headers: headers ?? {} });
    },
  });
  return {
    read,
    crashes,
    /** The versions of the fetches that were answered. */
    asked,
    fetches: () => fetches,
    /** What a partition's records say, in the order of its offsets. */
    of: (partition: number): number[] =>
      read.filter((other) => other.partition === partition).map(({ value }) => JSON.parse(String(value)).n as number),
    [Symbol.asyncDispose]: () => consumer.disconnect(),
  };
}

const consumerOptions = () => ({ groupId: freshPrefix('guarded'), maxWaitTimeInMs: 100, maxBytesPerPartition: 5_000 });

/** With what the guard said. */
function guardWithNotes() {
  const diverged: string[] = [];
  const guard = createFetchGuard((_, partition, reason) => void diverged.push(`${partition} ${reason}`));
  return { guard, diverged };
}

const kafka = (brokers: string[]) => openKafka({ brokers }, silent);

describe.each([
  ['4.3.1', kafkaBrokers],
  ['3.9.1', kafka39Brokers],
] as const)('Kafka %s', (_, address) => {
  const brokers = address();

  test('a topic that was made again has another id; one that does not exist is not told, nor made', async () => {
    await using topic = await freshTopic('history', 2, {}, brokers);
    await using asked = await histories(brokers);
    const absent = freshPrefix('absent');
    const before = await asked.describe([topic.name, absent, 'no name?']);
    expect([...before.keys()]).toEqual([topic.name]);
    expect(before.get(topic.name)?.id).toMatch(/^[\w-]{22}$/);
    expect([...(before.get(topic.name)?.partitions.keys() ?? [])].sort()).toEqual([0, 1]);
    expect(await asked.describe([topic.name])).toEqual(before);
    await withAdmin(brokers, async (admin) => {
      expect(await admin.listTopics()).not.toContain(absent);
      await admin.deleteTopics({ topics: [topic.name] });
      await eventually('the topic is gone', async () => (await asked.describe([topic.name])).size === 0);
      await makeTopics(admin, [{ topic: topic.name, numPartitions: 3 }]);
    });
    const after = await asked.describe([topic.name]);
    expect(after.get(topic.name)?.id).not.toBe(before.get(topic.name)?.id);
    expect(after.get(topic.name)?.partitions.size).toBe(3);
  });

  test('the end of an epoch is told by the leader, and not by one that is asked under another epoch', async () => {
    await using topic = await freshTopic('history', 1, {}, brokers);
    await using asked = await histories(brokers);
    await produce(topic.name, jsonOf(0, 7), brokers);
    const leader = (await asked.describe([topic.name])).get(topic.name)?.partitions.get(0);
    if (leader === undefined) throw new Error('the partition');
    const { leaderEpoch } = leader;
    expect(await asked.endOfEpoch(topic.name, 0, leaderEpoch, leader)).toEqual({ epoch: leaderEpoch, end: 7 });
    expect(await asked.endOfEpoch(topic.name, 0, leaderEpoch + 1, leader)).toBeNull();
    const wrong = { ...leader, leaderEpoch: leaderEpoch + 1 };
    const refused = { type: 'UNKNOWN_LEADER_EPOCH' };
    await expect(asked.endOfEpoch(topic.name, 0, leaderEpoch, wrong)).rejects.toMatchObject(refused);
    const nobody = { type: 'LEADER_NOT_AVAILABLE' };
    await expect(asked.endOfEpoch(topic.name, 0, 0, { ...leader, leader: -1 })).rejects.toMatchObject(nobody);
    const unknown = { type: 'UNKNOWN_TOPIC_OR_PARTITION' };
    await expect(asked.endOfEpoch(topic.name, 9, 0, leader)).rejects.toMatchObject(unknown);
  });

  const codecs = ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'];
  test.each(codecs)(
    'a guarded consumer reads what an unguarded one reads: committed and not aborted, %s',
    async (codec) => {
      await using topic = await freshTopic('history', 2, { 'compression.type': codec }, brokers);
      const messages = (from: number, to: number, partition = 0) =>
        jsonOf(from, to, { pad: 'x'.repeat(100) }).map((message, i) => {
          return { ...message, partition, key: i % 3 === 0 ? null : `k${i}`, headers: { trace: [`${i}`, 'again'] } };
        });
      await withProducer(async (producer) => {
        for (let i = 0; i < 5; i += 1) {
          await producer.send({ topic: topic.name, messages: messages(i * 100, i * 100 + 100) });
          await producer.send({ topic: topic.name, messages: messages(i * 10, i * 10 + 10, 1) });
        }
      }, brokers);
      const transactions = async (id: string, isAborted: (i: number) => boolean) => {
        const work = async (producer: Parameters<Parameters<typeof withProducer>[0]>[0]) => {
          for (let i = 0; i < 8; i += 1) {
            const transaction = await producer.transaction();
            await transaction.send({ topic: topic.name, messages: messages(500 + i * 20, 520 + i * 20) });
            await (isAborted(i) ? transaction.abort() : transaction.commit());
          }
        };
        await withProducer(work, brokers, freshPrefix(id));
      };
      await transactions('some', (i) => i % 2 === 1);
      await transactions('many', (i) => i < 6);
      await produce(topic.name, messages(900, 901), brokers);

      const { guard, diverged } = guardWithNotes();
      await using asked = await histories(brokers);
      await asked.expected(guard, topic.name);
      await using plain = await reading(kafka(brokers).consumer(consumerOptions()), topic.name);
      await using guarded = await reading(guardedConsumer(kafka(brokers), consumerOptions(), guard), topic.name);
      for (const { of } of [plain, guarded]) await eventually('all is read', () => of(0).at(-1) === 900);
      for (const { of } of [plain, guarded]) await eventually('all is read', () => of(1).length === 50);
      for (const partition of [0, 1]) {
        const own = ({ read }: typeof plain) => read.filter((record) => record.partition === partition);
        expect(own(guarded)).toEqual(own(plain));
      }
      expect(guarded.of(0).length).toBe(500 + 4 * 20 + 2 * 20 + 1);
      expect([new Set(plain.asked), new Set(guarded.asked)]).toEqual([new Set([11]), new Set([13])]);
      expect([guard.isActive, diverged, guarded.crashes]).toEqual([true, [], []]);
      expect(guard.epochs(topic.name, 0, 10_000)).toEqual([[0, 0]]);
    },
  );

  test('nothing of a topic that was made again while it is read is handed on, until the new one is expected', async () => {
    await using topic = await freshTopic('history', 2, {}, brokers);
    const { guard, diverged } = guardWithNotes();
    await using asked = await histories(brokers);
    await asked.expected(guard, topic.name);
    await fill(topic.name, 0, 30, brokers);
    await using guarded = await reading(guardedConsumer(kafka(brokers), consumerOptions(), guard), topic.name);
    for (const partition of [0, 1]) await eventually('all is read', () => guarded.of(partition).length === 30);
    await withAdmin(brokers, async (admin) => {
      await admin.deleteTopics({ topics: [topic.name] });
      const made = () => makeTopics(admin, [{ topic: topic.name, numPartitions: 2 }]);
      await eventually('the topic is made again', made);
    });
    await fill(topic.name, 100, 180, brokers);
    await eventually('both partitions diverged', () => diverged.length === 2);
    // Nothing more is asked, and yet kafkajs goes on: neither crashed nor in a busy loop.
    const [fetches, requests] = [guarded.fetches(), guarded.asked.length];
    await eventually('kafkajs fetches', () => guarded.fetches() > fetches + 3);
    expect(guarded.asked.length).toBe(requests);
    for (const partition of [0, 1]) expect(guarded.of(partition)).toEqual(upTo(30));
    await asked.expected(guard, topic.name);
    // It goes on where it was, which is the relay's to choose.
    for (const partition of [0, 1]) {
      await eventually('the rest is read', () => guarded.of(partition).length === 80);
      expect(guarded.of(partition)).toEqual([...upTo(30), ...upTo(180, 130)]);
    }
    expect([diverged.length, guarded.crashes]).toEqual([2, []]);
  });

  test('a fetch under a leader epoch that is not the broker’s is refused, and other partitions flow', async () => {
    await using topic = await freshTopic('history', 2, {}, brokers);
    const { guard, diverged } = guardWithNotes();
    await using asked = await histories(brokers);
    const topicId = (await asked.describe([topic.name])).get(topic.name)?.id ?? '';
    guard.expect(topic.name, 0, { topicId, leaderEpoch: 5 });
    guard.expect(topic.name, 1, { topicId, leaderEpoch: 0 });
    await fill(topic.name, 0, 30, brokers);
    await using guarded = await reading(guardedConsumer(kafka(brokers), consumerOptions(), guard), topic.name);
    await eventually('the other one is read', () => guarded.of(1).length === 30);
    await eventually('it diverged', () => diverged.length === 1);
    await fill(topic.name, 30, 60, brokers);
    await eventually('the other one is read', () => guarded.of(1).length === 60);
    expect(diverged).toEqual(['0 UNKNOWN_LEADER_EPOCH']);
    expect([guarded.of(0), guarded.crashes]).toEqual([[], []]);
    guard.expect(topic.name, 0, { topicId, leaderEpoch: 0 });
    await eventually('it is read', () => guarded.of(0).length === 60);
  });

  test('an offset that is not there is told and not moved', async () => {
    await using topic = await freshTopic('history', 1, {}, brokers);
    const { guard, diverged } = guardWithNotes();
    await using asked = await histories(brokers);
    await asked.expected(guard, topic.name);
    await produce(topic.name, jsonOf(0, 3), brokers);
    const consumer = guardedConsumer(kafka(brokers), consumerOptions(), guard);
    await using guarded = await reading(consumer, topic.name);
    await eventually('all is read', () => guarded.of(0).length === 3);
    consumer.seek({ topic: topic.name, partition: 0, offset: '1000' });
    await eventually('it is told', () => diverged.length === 1);
    expect(diverged).toEqual(['0 OFFSET_OUT_OF_RANGE']);
    consumer.seek({ topic: topic.name, partition: 0, offset: '2' });
    await asked.expected(guard, topic.name);
    await eventually('the last one is read again', () => guarded.of(0).length === 4);
    expect([guarded.of(0), guarded.crashes]).toEqual([[0, 1, 2, 2], []]);
  });

  test('a topic without an id is read as kafkajs reads it, and under its leader epoch', async () => {
    await using topic = await freshTopic('history', 1, {}, brokers);
    const { guard, diverged } = guardWithNotes();
    guard.expect(topic.name, 0, { topicId: null, leaderEpoch: 0 });
    await produce(topic.name, jsonOf(0, 40), brokers);
    await using guarded = await reading(guardedConsumer(kafka(brokers), consumerOptions(), guard), topic.name);
    await eventually('all is read', () => guarded.of(0).length === 40);
    expect([new Set(guarded.asked), guard.epochs(topic.name, 0, 40)]).toEqual([new Set([11]), [[0, 0]]]);
    guard.expect(topic.name, 0, { topicId: null, leaderEpoch: 1 });
    await eventually('it diverged', () => diverged.length === 1);
    expect([diverged, guarded.crashes]).toEqual([['0 UNKNOWN_LEADER_EPOCH'], []]);
  });
});

/** Both partitions, one after the other: kafkajs repeats a request of several that failed for one of them. */
async function fill(topic: string, from: number, to: number, brokers: string[]): Promise<void> {
  for (const partition of [0, 1]) {
    const messages = jsonOf(from, to).map((message) => ({ ...message, partition }));
    await produce(topic, messages, brokers);
  }
}

/** Kafka counts a leader epoch on when its only broker comes back. */
test('the epochs of all batches are told, that of a marker too, and a former one is refused', async () => {
  await using own = await startKafka();
  const { brokers } = own;
  const topic = freshPrefix('history');
  await withAdmin(brokers, (admin) => makeTopics(admin, [{ topic }]));
  const { guard, diverged } = guardWithNotes();
  await using asked = await histories(brokers);
  const leader = async () => {
    const found = (await asked.describe([topic])).get(topic)?.partitions.get(0);
    return found !== undefined && found.leader >= 0 ? found : null;
  };
  const first = await eventually('a leader', leader);
  const id = freshPrefix('transactions');
  const open = kafkaClient(brokers).producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1 });
  await open.connect();
  await (await open.transaction()).send({ topic, messages: jsonOf(0, 10) });
  await own.stop();
  await own.start();
  const second = await eventually('a leader', leader);
  expect(second.leaderEpoch).toBeGreaterThan(first.leaderEpoch);
  // Of the same name: Kafka ends what the other one left open, by a marker that is all there is of the new epoch.
  await withProducer(async (producer) => (await producer.transaction()).abort(), brokers, id);
  await open.disconnect();

  await asked.expected(guard, topic);
  await using guarded = await reading(guardedConsumer(kafka(brokers), consumerOptions(), guard), topic);
  const seen = () => guard.epochs(topic, 0, 1_000);
  // A broker that has just begun takes a while until it can lead a group.
  await eventually('both are seen', () => seen().at(-1)?.[0] === second.leaderEpoch, { within: 60_000 });
  expect(guard.epochs(topic, 0, 10)).toEqual([]);
  expect(seen()).toEqual([[second.leaderEpoch, 10]]);
  expect(await asked.endOfEpoch(topic, 0, first.leaderEpoch, second)).toEqual({ epoch: first.leaderEpoch, end: 10 });

  guard.expect(topic, 0, {
    topicId: (await asked.describe([topic])).get(topic)?.id ?? '',
    leaderEpoch: first.leaderEpoch,
  });
  await eventually('the former epoch is refused', () => diverged.length === 1);
  expect([diverged, guarded.of(0)]).toEqual([['0 FENCED_LEADER_EPOCH'], []]);
});

test('a paused broker costs seconds, and no connection stays open', async () => {
  await using paused = await startKafka();
  await using topic = await freshTopic('history');
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
  await eventually('the connections of others are closed', () => sockets() === 0);
  const asked = openTopicHistories(kafkaClient([...paused.brokers, ...kafkaBrokers()]));
  await asked.connect();
  paused.pause();
  const found = await eventually('another broker answers', async () => {
    const described = await asked.describe([topic.name]);
    return described.get(topic.name) ?? null;
  });
  expect(found.partitions.size).toBe(1);
  await asked.disconnect();
  await eventually('all connections are closed', () => sockets() === 0);
});

test('it asks as whoever kafkajs signs in', async () => {
  const [port, controller, signed] = [await freePort(), await freePort(), await freePort()];
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  await using own = await startKafka({
    port,
    properties: {
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller},SIGNED://127.0.0.1:${signed}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SIGNED://127.0.0.1:${signed}`,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SIGNED:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.signed.plain.sasl.jaas.config': `${module} required user_relay="secret";`,
    },
  });
  await withAdmin(own.brokers, (admin) => makeTopics(admin, [{ topic: 'signed' }]));
  const as = (password: string) => {
    const sasl = { mechanism: 'plain' as const, username: 'relay', password };
    return openTopicHistories(openKafka({ brokers: [`127.0.0.1:${signed}`], sasl }, silent));
  };
  const [right, wrong] = [as('secret'), as('guess')];
  expect((await right.describe(['signed'])).get('signed')?.partitions.size).toBe(1);
  await expect(wrong.describe(['signed'])).rejects.toThrow(/PLAIN/);
  await Promise.all([right.disconnect(), wrong.disconnect()]);
});

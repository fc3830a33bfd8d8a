import { describe, expect, test } from 'vitest';
import { makeTopics } from '../../src/kafka/topics.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { jsonOf, numbersOf, produce, type TestRelay, testRelay, upTo } from '../support/relay/relay-kafka.js';
import { eventually, freshPrefix, freshTopic, kafkaBrokers, withAdmin } from '../support/servers/services.js';

/** As Connect, Streams or MirrorMaker write them: the time is the event's own. */
const anHourOld = (from: number, to: number, partition: number) =>
  jsonOf(from, to).map((message) => ({ ...message, partition, timestamp: String(Date.now() - 3_600_000) }));

/** Resolves when the broker knows the new partitions, which is a moment after its controller has made them. */
const grow = (topic: string, count: number) =>
  withAdmin(kafkaBrokers(), async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    const known = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length;
    await eventually('its partitions are known', async () => (await known()) === count);
  });

const sorted = (held: Awaited<ReturnType<TestRelay['held']>>) => numbersOf(held).sort((a, b) => a - b);

/** Grown to three partitions, it gets 50 records in each of the new ones before anybody can know of them. */
async function grown(topic: string) {
  await grow(topic, 3);
  await produce(topic, [...anHourOld(100, 150, 1), ...anHourOld(150, 200, 2)]);
}

const within = { within: 10_000 };

/** All that was written before and after the topic grew. */
async function isThereAsNew(relay: ReturnType<typeof testRelay>, topic: string): Promise<void> {
  await eventually('all records', async () => (await relay.held(topic)).length === 110, within);
  const held = await relay.held(topic);
  expect(sorted(held)).toEqual([...upTo(10), ...upTo(200, 100)]);
  expect(held.filter(({ partition }) => partition > 0).map(({ refilled }) => refilled)).not.toContain(true);
}

describe('what is written an hour old', () => {
  test('to partitions that a topic gets under a running relay is there, and counts as new', async () => {
    await using topic = await freshTopic('grown');
    await using relay = testRelay([topic.name]);
    await relay.joined();
    await produce(topic.name, jsonOf(0, 10));
    await eventually('the first records', async () => (await relay.held(topic.name)).length === 10);
    await grown(topic.name);
    await isThereAsNew(relay, topic.name);
    expect(await relay.log.gaps(0)).toEqual([]);
  });

  test('to partitions that a topic gets while no relay runs is there, and counts as new', async () => {
    await using topic = await freshTopic('grown');
    const [memory, groupId] = [createMemoryLog(), freshPrefix('group')];
    {
      await using relay = testRelay([topic.name], { memory, groupId });
      await produce(topic.name, jsonOf(0, 10));
      await eventually('the first records', async () => (await relay.held(topic.name)).length === 10);
    }
    await grown(topic.name);
    await using relay = testRelay([topic.name], { memory, groupId });
    await isThereAsNew(relay, topic.name);
    expect(await memory.gaps(0)).toEqual([]);
  });

  test('to partitions that a topic gets again and again is there, in the order of its partition', async () => {
    await using topic = await freshTopic('grown');
    await using relay = testRelay([topic.name]);
    await relay.joined();
    await produce(topic.name, jsonOf(0, 10));
    await eventually('the first records', async () => (await relay.held(topic.name)).length === 10);
    for (const partition of upTo(5, 1)) {
      await grow(topic.name, partition + 1);
      await produce(topic.name, anHourOld(0, 20, partition));
    }
    await eventually('all records', async () => (await relay.held(topic.name)).length === 90, within);
    const held = await relay.held(topic.name);
    for (const partition of upTo(5, 1)) {
      expect(numbersOf(held.filter((one) => one.partition === partition))).toEqual(upTo(20));
    }
  });

  test('to a topic that appears under a running relay is there, and counts as new', async () => {
    await using present = await freshTopic('present');
    const late = freshPrefix('late');
    await using relay = testRelay([present.name, late]);
    await relay.joined();
    await withAdmin(kafkaBrokers(), (admin) => makeTopics(admin, [{ topic: late, numPartitions: 2 }]));
    await produce(late, [...anHourOld(0, 50, 0), ...anHourOld(50, 100, 1)]);
    await eventually('all records', async () => (await relay.held(late)).length === 100, within);
    const held = await relay.held(late);
    expect(sorted(held)).toEqual(upTo(100));
    expect(held.map(({ refilled }) => refilled)).not.toContain(true);
    await withAdmin(kafkaBrokers(), (admin) => admin.deleteTopics({ topics: [late] }));
  });
});

import { expect, test } from 'vitest';
import { makeTopics } from '../../src/kafka/topics.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { committedOf, jsonOf, numbersOf, produce, testRelay, upTo } from '../support/relay/relay-kafka.js';
import {
  eventually,
  freshPrefix,
  freshTopic,
  kafkaBrokers,
  startKafka,
  withAdmin,
} from '../support/servers/services.js';

test('a topic that is missing at the start is reported once and read when it appears; others flow meanwhile', async () => {
  await using present = await freshTopic('present');
  const late = freshPrefix('late');
  await using relay = testRelay([present.name, late]);
  await produce(present.name, jsonOf(0, 2));
  await eventually('the present topic', async () => (await relay.held(present.name)).length === 2);
  expect(relay.ready()).toBeNull();
  const reports = () =>
    relay.lines.filter(
      ({ line, fields }) => line.includes('does not exist') && 'topic' in fields && fields.topic === late,
    );
  expect(reports()).toHaveLength(1);
  await withAdmin(kafkaBrokers(), (admin) => makeTopics(admin, [{ topic: late }]));
  await produce(late, jsonOf(0, 3));
  await produce(present.name, jsonOf(2, 4));
  await eventually('the late topic', async () => (await relay.held(late)).length === 3);
  await eventually('the present topic', async () => (await relay.held(present.name)).length === 4);
  expect((await relay.held(late)).map(({ refilled }) => refilled)).toEqual([false, false, false]);
  expect(reports()).toHaveLength(1);
  await withAdmin(kafkaBrokers(), (admin) => admin.deleteTopics({ topics: [late] }));
});

const recreate = async (topic: string) => {
  await withAdmin(kafkaBrokers(), async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await eventually('the topic is gone', async () => !(await admin.listTopics()).includes(topic));
    await eventually('the topic is made', () => makeTopics(admin, [{ topic }]));
  });
};

test('a topic deleted and made again under a running relay begins anew, with a gap mark, and loses nothing', async () => {
  await using topic = await freshTopic('again');
  await using other = await freshTopic('other');
  await using relay = testRelay([topic.name, other.name]);
  await produce(topic.name, jsonOf(0, 50));
  await eventually('the first life', async () => (await relay.held(topic.name)).length === 50);
  await recreate(topic.name);
  await produce(topic.name, jsonOf(100, 110));
  await produce(other.name, jsonOf(0, 5));
  await eventually('the second life', async () => numbersOf(await relay.held(topic.name)).includes(109), {
    within: 60_000,
  });
  await produce(topic.name, jsonOf(110, 120));
  await eventually('what follows', async () => numbersOf(await relay.held(topic.name)).includes(119));
  await eventually('the other topic', async () => (await relay.held(other.name)).length === 5);
  expect(numbersOf(await relay.held(topic.name))).toEqual([...upTo(50), ...upTo(120, 100)]);
  expect((await relay.log.gaps(0)).map(({ reason, source }) => [reason, source.topic])).toEqual([
    ['TOPIC_RECREATED', topic.name],
  ]);
});

test('a topic made again while no relay ran is noticed, though it has grown past the old one', async () => {
  await using topic = await freshTopic('grown');
  const memory = createMemoryLog();
  const groupId = freshPrefix('group');
  {
    await using relay = testRelay([topic.name], { memory, groupId });
    await produce(topic.name, jsonOf(0, 20));
    await eventually('the first life', async () => (await relay.held(topic.name)).length === 20);
  }
  expect(await committedOf(groupId, topic.name)).toBe(20);
  await recreate(topic.name);
  await produce(topic.name, jsonOf(100, 140));
  await using relay = testRelay([topic.name], { memory, groupId });
  await eventually('the second life', async () => numbersOf(await relay.held(topic.name)).includes(139));
  expect(numbersOf(await relay.held(topic.name))).toEqual([...upTo(20), ...upTo(140, 100)]);
  expect((await memory.gaps(0)).map(({ reason }) => reason)).toEqual(['TOPIC_RECREATED']);
});

test('records that Kafka deleted before they were read are told with their number', async () => {
  await using topic = await freshTopic('deleted');
  const memory = createMemoryLog();
  const groupId = freshPrefix('group');
  {
    await using relay = testRelay([topic.name], { memory, groupId });
    await produce(topic.name, jsonOf(0, 10));
    await eventually('ten records', async () => (await relay.held(topic.name)).length === 10);
  }
  await produce(topic.name, jsonOf(10, 30));
  await withAdmin(kafkaBrokers(), async (admin) => {
    // Loads the metadata that the next call needs.
    await admin.fetchTopicOffsets(topic.name);
    await admin.deleteTopicRecords({ topic: topic.name, partitions: [{ partition: 0, offset: '25' }] });
  });
  await using relay = testRelay([topic.name], { memory, groupId });
  await eventually('the rest', async () => (await relay.held(topic.name)).length === 15);
  expect(numbersOf(await relay.held(topic.name))).toEqual([...upTo(10), ...upTo(30, 25)]);
  expect((await memory.gaps(0)).map(({ reason, missed }) => [reason, missed])).toEqual([['SOURCE_LOST', 15]]);
});

test('Kafka that is not there at the start is waited for, with a line each time, and readiness says no', async () => {
  await using kafka = await startKafka();
  const brokers = kafka.brokers;
  const topic = freshPrefix('waited');
  await withAdmin(brokers, (admin) => makeTopics(admin, [{ topic }]));
  await kafka.stop();
  await using relay = testRelay([topic], { kafka: { brokers } });
  await eventually('two attempts', () => relay.lines.filter(({ line }) => line.includes('trying again')).length >= 2);
  expect(relay.ready()).toMatch(/Kafka/);
  await kafka.start();
  await produce(topic, jsonOf(0, 3), brokers);
  await eventually('the records', async () => (await relay.held(topic)).length === 3, { within: 60_000 });
  expect(relay.ready()).toBeNull();
  await kafka.kill();
  await eventually('readiness says no', () => relay.ready() !== null, { within: 60_000 });
  await kafka.start();
  await produce(topic, jsonOf(3, 6), brokers);
  await eventually('the records', async () => (await relay.held(topic)).length === 6, { within: 60_000 });
  expect(numbersOf(await relay.held(topic))).toEqual(upTo(6));
});

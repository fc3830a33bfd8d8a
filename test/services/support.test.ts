import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { produce } from '../support/relay/relay-kafka.js';
import { startKafkaCluster } from '../support/servers/kafka-cluster.js';
import {
  eventually,
  freshTopic,
  kafka39Brokers,
  kafkaBrokers,
  kafkaClient,
  redisUrl,
  startKafka,
  startRedis,
  withAdmin,
} from '../support/servers/services.js';

test('the Redis given to the tests answers', async () => {
  const redis = new Redis(redisUrl());
  expect(await redis.ping()).toBe('PONG');
  redis.disconnect();
});

test.each([
  ['4.3.1', kafkaBrokers],
  ['3.9.1', kafka39Brokers],
])('a record goes through Kafka %s', async (_, brokers) => {
  await using topic = await freshTopic('through', 2, { 'retention.ms': '60000' }, brokers());
  const kafka = kafkaClient(brokers());
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: topic.name, messages: [{ key: 'k', value: 'v' }] });
  await producer.disconnect();
  const offsets = await withAdmin(brokers(), (admin) => admin.fetchTopicOffsets(topic.name));
  expect(offsets.map(({ high }) => Number(high)).sort()).toEqual([0, 1]);
});

test('records for a partition that is not there are not left out without a word', async () => {
  await using topic = await freshTopic('narrow', 2);
  const messages = [1, 5].map((partition) => ({ value: 'v', partition }));
  await expect(produce(topic.name, messages)).rejects.toThrow(`partition 5 of ${topic.name}`);
});

test('a topic that nobody made does not appear by a question for it', async () => {
  await withAdmin(kafkaBrokers(), async (admin) => {
    await expect(admin.fetchTopicMetadata({ topics: ['never-made'] })).rejects.toThrow('does not host this topic');
    expect(await admin.listTopics()).not.toContain('never-made');
  });
});

test('a throw-away Redis can be killed, restarted and paused, and is gone at the end', async () => {
  let url = '';
  {
    await using server = await startRedis({ args: ['--requirepass', 'secret'] });
    url = server.url;
    const redis = new Redis(url, { password: 'secret', retryStrategy: () => 20, commandTimeout: 200 });
    redis.on('error', () => {});
    expect(await redis.ping()).toBe('PONG');
    await server.kill();
    await expect(redis.ping()).rejects.toThrow();
    await server.start();
    await eventually('Redis answers again', () => redis.ping());
    server.pause();
    await expect(redis.ping()).rejects.toThrow('timed out');
    server.resume();
    await eventually('Redis goes on', () => redis.ping());
    redis.disconnect();
  }
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => {});
  await expect(redis.connect()).rejects.toThrow();
});

test('a throw-away Kafka keeps its topics over a crash', async () => {
  await using server = await startKafka();
  const topic = await freshTopic('kept', 1, {}, server.brokers);
  await server.kill();
  await server.start();
  expect(await withAdmin(server.brokers, (admin) => admin.listTopics())).toContain(topic.name);
});

test('of a cluster any broker may stand still or be killed: what the others have goes on, and it comes back', async () => {
  await using cluster = await startKafkaCluster({ size: 2 });
  const [topic, [first, second]] = ['copied', [...cluster.nodes.keys()] as [number, number]];
  await cluster.makeTopic(topic, { partitions: 2 });
  await cluster.until('both have it', topic, ({ isr }) => isr.length === 2);
  cluster.nodes.get(first)?.pause();
  await cluster.until('the other leads', topic, ({ leader, isr }) => leader === second && isr.length === 1, 1);
  cluster.nodes.get(first)?.resume();
  await cluster.until('both have it again', topic, ({ isr }) => isr.length === 2, 1);
  await Promise.all([...cluster.nodes.values()].map((node) => node.kill()));
  // Groups and transactions live elsewhere.
  const { groups } = await cluster.admin((admin) => admin.describeGroups(['nobody']));
  expect(groups[0]).toMatchObject({ groupId: 'nobody', errorCode: 0 });
  await Promise.all([...cluster.nodes.values()].map((node) => node.start()));
  await cluster.until('it is led again', topic, ({ leader }) => leader !== -1);
});

import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
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
} from '../support/services.js';

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

import { expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import { connectRedis } from '../../src/log/redis-connection.js';
import { createRedisLogReader } from '../../src/log/redis-reader.js';
import { createRedisLogWriter } from '../../src/log/redis-writer.js';
import { silent } from '../../src/observe/logger.js';
import { jsonOf, produce, testRelay, upTo } from '../support/relay-kafka.js';
import { eventually, freshTopic, startRedis } from '../support/services.js';

/** A relay into a Redis of its own, and what that Redis holds of the topic. */
async function relayInto(url: string, topic: string, refillMax = 3_600_000) {
  const [write, read] = [connectRedis(url, 'relay', silent), connectRedis(url, 'reader', silent)];
  await Promise.all([write, read].map((redis) => new Promise((resolve) => redis.once('ready', resolve))));
  const where = { prefix: 'p', shards: 1 };
  const reader = createRedisLogReader(read, () => connectRedis(url, 'tail', silent), where);
  const writer = createRedisLogWriter(write, where);
  const relay = testRelay([topic], { writer: () => writer, refillMax });
  const held = async () => {
    const { publications } = await reader.newest(`${topic}:all:*` as Channel, 0, 100_000);
    return publications.map(({ source: { record, event }, refilled }) => ({
      n: (event as { n: number }).n,
      offset: record.offset,
      refilled,
    }));
  };
  return {
    relay,
    redis: write,
    held,
    numbers: async () => (await held()).map(({ n }) => n),
    gaps: async () => (await reader.gaps(0)).map(({ reason, missed }) => [reason, missed]),
    async [Symbol.asyncDispose]() {
      await relay.stop();
      await Promise.all([writer.close(), reader.close()]);
    },
  };
}

test('a Redis that dies and comes back empty is filled again: every record once, in order, the old ones as refilled', async () => {
  await using server = await startRedis();
  await using topic = await freshTopic('killed');
  await using river = await relayInto(server.url, topic.name);
  await produce(topic.name, jsonOf(0, 1_200));
  await eventually('the first records', async () => (await river.held()).length === 1_200);
  await server.kill();
  await produce(topic.name, jsonOf(1_200, 1_300));
  await eventually('the log is missed', () => river.relay.heard.includes(`refused ${topic.name} unavailable`));
  await server.start();
  await eventually('all records', async () => (await river.numbers()).includes(1_299), { within: 60_000 });
  expect(await river.numbers()).toEqual(upTo(1_300));
  expect((await river.held()).filter(({ refilled }) => refilled)).toHaveLength(1_200);
});

test('data that vanish under a quiet topic are noticed and written again without a new record', async () => {
  await using server = await startRedis();
  await using topic = await freshTopic('flushed');
  await using river = await relayInto(server.url, topic.name);
  await produce(topic.name, jsonOf(0, 50));
  await eventually('the records', async () => (await river.held()).length === 50);
  await river.redis.flushall();
  await eventually('the records again', async () => (await river.held()).length === 50, { within: 60_000 });
  expect(await river.numbers()).toEqual(upTo(50));
});

test('beyond the bound of a refill the loss is told, and live goes on', async () => {
  await using server = await startRedis();
  await using topic = await freshTopic('bounded');
  await using river = await relayInto(server.url, topic.name, 10_000);
  const now = Date.now();
  // One record a second.
  const messages = jsonOf(0, 60).map((message, i) => ({ ...message, timestamp: String(now - (60 - i) * 1_000) }));
  await produce(topic.name, messages);
  await eventually('the records', async () => (await river.held()).length === 60);
  await river.redis.flushall();
  await produce(topic.name, jsonOf(60, 61));
  await eventually('the newest record', async () => (await river.numbers()).includes(60), { within: 60_000 });
  const numbers = await river.numbers();
  expect(numbers).toEqual(upTo(61).slice(-numbers.length));
  expect(numbers.length).toBeGreaterThan(5);
  expect(numbers.length).toBeLessThan(20);
  expect(await river.gaps()).toEqual([['LOG_LOST', null]]);
});

test('a Redis that hangs is waited for: no record is lost or doubled, and the group does not rebalance', async () => {
  await using server = await startRedis();
  await using topic = await freshTopic('hung');
  await using river = await relayInto(server.url, topic.name);
  await produce(topic.name, jsonOf(0, 10));
  await eventually('the first records', async () => (await river.held()).length === 10);
  server.pause();
  await produce(topic.name, jsonOf(10, 900));
  // The connection is given up after a while, and the relay says that it waits.
  await eventually('the log is missed', () => river.relay.heard.includes(`refused ${topic.name} unavailable`), {
    within: 60_000,
  });
  server.resume();
  await eventually('all records', async () => (await river.held()).length >= 900, { within: 60_000 });
  expect(await river.numbers()).toEqual(upTo(900));
  expect(river.relay.lines.map(({ line }) => line).filter((line) => line.includes('Kafka cannot be read'))).toEqual([]);
});

import { expect, test } from 'vitest';
import { jsonOf, produce, upTo } from '../support/relay/relay-kafka.js';
import { relayInto } from '../support/relay/relay-redis.js';
import { eventually, freshTopic, startRedis } from '../support/servers/services.js';

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

test('a Redis restored from an older snapshot gets again what it lacks', async () => {
  await using server = await startRedis();
  await using topic = await freshTopic('restored');
  await using river = await relayInto(server.url, topic.name);
  await produce(topic.name, jsonOf(0, 500));
  await eventually('the first records', async () => (await river.held()).length === 500);
  await river.redis.save();
  await produce(topic.name, jsonOf(500, 800));
  await eventually('what the snapshot lacks', async () => (await river.held()).length === 800);
  await server.kill();
  await server.start();
  await eventually('all records', async () => (await river.held()).length >= 800, { within: 60_000 });
  await produce(topic.name, jsonOf(800, 810));
  await eventually('what is new', async () => (await river.numbers()).includes(809), { within: 60_000 });
  expect(await river.numbers()).toEqual(upTo(810));
  expect((await river.held()).slice(500).map(({ refilled }) => refilled)).toEqual(upTo(310).map((n) => n < 300));
  expect(await river.gaps()).toEqual([]);
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
  await using river = await relayInto(server.url, topic.name, { refillMax: 10_000 });
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

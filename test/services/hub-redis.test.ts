import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import { connectRedis } from '../../src/log/redis-connection.js';
import { redisKeys } from '../../src/log/redis-keys.js';
import { createRedisLogReader } from '../../src/log/redis-reader.js';
import { openRedisTail } from '../../src/log/redis-tail.js';
import { createRedisLogWriter } from '../../src/log/redis-writer.js';
import { silent } from '../../src/observe/logger.js';
import { batch, entry, source } from '../log/contract.js';
import { ada, feed, gatewayOn, upTo } from '../support/cards.js';
import { eventually, startRedis } from '../support/servers/services.js';

test('killed pub/sub connections during a stream of events: nothing lost, nothing twice, in order', async () => {
  await using server = await startRedis();
  await using gateway = await gatewayOn(server.url);
  await eventually('the gateway is ready', async () => (await gateway.ready()) === null);
  await using relay = feed(server.url);
  await using client = await ada(gateway.wsUrl);
  let killed = 0;
  await eventually('the connection was killed often enough', async () => {
    await relay.append(20);
    killed += Number(await relay.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
    await relay.append(20);
    return killed >= 10;
  });
  await eventually('ada has everything', () => client.numbers().length >= relay.end);
  expect(client.numbers()).toEqual(upTo(relay.end));
  expect(client.gaps()).toEqual([]);
});

test('a Redis that stands still and goes on: ready says so, and every event comes once, in order', async () => {
  await using server = await startRedis();
  await using gateway = await gatewayOn(server.url);
  await eventually('the gateway is ready', async () => (await gateway.ready()) === null);
  await using relay = feed(server.url);
  await using client = await ada(gateway.wsUrl);
  await relay.append(50);
  server.pause();
  const appending = relay.append(50);
  await eventually('the gateway is not ready', async () => (await gateway.ready()) !== null, { within: 30_000 });
  server.resume();
  await appending;
  await eventually('the gateway is ready again', async () => (await gateway.ready()) === null);
  await relay.append(50);
  await eventually('ada has everything', () => client.numbers().length >= 150);
  expect(client.numbers()).toEqual(upTo(150));
  expect(client.gaps()).toEqual([]);
});

test('a Redis that comes back empty and is filled again: nobody sees a repeat, neither who stayed nor who was away', async () => {
  await using server = await startRedis();
  await using gateway = await gatewayOn(server.url);
  await eventually('the gateway is ready', async () => (await gateway.ready()) === null);
  await using relay = feed(server.url);
  await using client = await ada(gateway.wsUrl);
  await relay.append(100);
  await eventually('ada has the first', () => client.numbers().length === 100);
  await server.kill();
  await server.start();
  await relay.append(100);
  await eventually('ada has everything', () => client.numbers().length >= 200);
  expect(client.numbers()).toEqual(upTo(200));

  // Who was away goes on by coordinates.
  await using again = await ada(gateway.wsUrl, client.cursorAfter(60));
  await eventually('everything after the cursor', () => again.numbers().includes(199));
  expect(again.numbers()).toEqual(upTo(200, 60));
});

test('a Redis that comes back empty and gives out its numbers twice: nothing is taken for old that is new', async () => {
  await using server = await startRedis();
  await using gateway = await gatewayOn(server.url);
  await eventually('the gateway is ready', async () => (await gateway.ready()) === null);
  await using relay = feed(server.url, 50);
  await using client = await ada(gateway.wsUrl);
  await relay.append(100);
  await eventually('ada has the first', () => client.numbers().length === 100);
  await server.kill();
  await server.start();
  await relay.append(20);
  await eventually('ada has everything', () => client.numbers().includes(119));
  expect(client.numbers()).toEqual(upTo(120));

  await using again = await ada(gateway.wsUrl, client.cursorAfter(60));
  await eventually('everything after the cursor', () => again.numbers().includes(119));
  expect(again.numbers()).toEqual(upTo(120, 60));
});

test('a gateway that is started before its Redis becomes ready by itself, over one tail connection', async () => {
  await using server = await startRedis();
  await server.stop();
  const lines: string[] = [];
  const logger = { ...silent, warn: (_: object, message: string) => void lines.push(message) };
  await using gateway = await gatewayOn(server.url, { logger });
  expect(await gateway.ready()).not.toBeNull();
  const given = () => lines.filter((line) => line === 'the log cannot be reached yet').length;
  await eventually('the tail was given up and tried again', () => given() >= 2, { within: 30_000 });
  await server.start();
  await eventually('the gateway is ready', async () => (await gateway.ready()) === null, { within: 30_000 });
  await using relay = feed(server.url);
  await using client = await ada(gateway.wsUrl);
  await relay.append(10);
  await eventually('ada has them', () => client.numbers().length === 10);
  const clients = String(await relay.redis.client('LIST'));
  expect(clients.match(/name=tailrace-tail\b/g)).toHaveLength(1);
});

test('a cursor from before the log had its first event loses nothing', async () => {
  await using server = await startRedis();
  await using gateway = await gatewayOn(server.url);
  await eventually('the gateway is ready', async () => (await gateway.ready()) === null);
  const early = await ada(gateway.wsUrl);
  early.close();
  await using relay = feed(server.url);
  await relay.append(20);
  await using client = await ada(gateway.wsUrl, early.cursors[0]);
  await eventually('ada has everything', () => client.numbers().length >= 20);
  expect(client.numbers()).toEqual(upTo(20));
});

describe('the tail over Redis', () => {
  test('hears a channel that was asked for while it came back', async () => {
    await using server = await startRedis();
    const connected = async (name: string) => {
      const redis = connectRedis(server.url, name, silent);
      await new Promise((resolve) => redis.once('ready', resolve));
      return redis;
    };
    const writer = createRedisLogWriter(await connected('write'), { prefix: 'p' });
    const read = await connected('read');
    const reader = createRedisLogReader(read, () => connectRedis(server.url, 'unused', silent), { prefix: 'p' });
    const { epoch } = await writer.partition(source);
    const heard: number[] = [];
    const late: { listened: Promise<void> | null } = { listened: null };
    let restores = 0;
    const tail = await openRedisTail({
      redis: connectRedis(server.url, 'tail', silent),
      keys: redisKeys('p'),
      shards: 1,
      async readHeads() {
        restores++;
        const { heads } = await reader.heads();
        // The last moment before it is whole again.
        if (restores === 2) late.listened = tail.listen(['r:late' as Channel]);
        return heads;
      },
      publish: (name) => read.publish(name, ''),
      listener: {
        commit: ({ publications }) => void heard.push(...publications.map((one) => one.source.record.offset)),
        interrupted() {},
        restored() {},
      },
    });
    await tail.listen(['r:early' as Channel]);
    await read.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually('it was asked while it came back', () => late.listened !== null);
    await late.listened;
    await writer.append(batch(epoch, 0, [entry(0, ['r:early' as Channel]), entry(1, ['r:late' as Channel])]));
    await eventually('both are heard', () => expect(heard).toEqual([0, 1]));
    await tail.close();
    await writer.close();
    await reader.close();
  });

  test('left with a Redis that answers, but hears nothing of what is published, it connects anew', async () => {
    await using demoted = await startRedis();
    await using master = await startRedis();
    await using probed = await tailOf(demoted.url, master.url);
    await eventually('it has connected anew', () => probed.told.length >= 4);
    expect(probed.told.slice(0, 4)).toEqual(['interrupted', 'restored', 'interrupted', 'restored']);
  });

  test('while it hears itself, it stays connected', async () => {
    await using server = await startRedis();
    await using probed = await tailOf(server.url, server.url);
    await eventually('it was probed often', () => probed.published() >= 20);
    expect(probed.told).toEqual([]);
  });
});

/** A tail of one Redis, probed by what is published on another, which is to be the same. */
async function tailOf(url: string, published: string) {
  const other = connectRedis(published, 'probe', silent);
  await new Promise((resolve) => other.once('ready', resolve));
  const told: string[] = [];
  let count = 0;
  const tail = await openRedisTail({
    redis: connectRedis(url, 'tail', silent),
    keys: redisKeys('p'),
    shards: 1,
    readHeads: async () => [{ shard: 0, epoch: 'AAAAAAAB', number: 0, time: 0 }],
    async publish(name) {
      await other.publish(name, '');
      count++;
    },
    listener: { commit() {}, interrupted: () => told.push('interrupted'), restored: () => told.push('restored') },
    every: 50,
  });
  return {
    told,
    published: () => count,
    async [Symbol.asyncDispose]() {
      await tail.close();
      other.disconnect();
    },
  };
}

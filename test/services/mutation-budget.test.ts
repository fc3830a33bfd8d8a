import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { connectRedis } from '../../src/log/redis-connection.js';
import { silent } from '../../src/observe/logger.js';
import { redisBudget } from '../../src/serve/limits/mutation-budget.js';
import { freshPrefix, redisUrl, startRedis } from '../support/servers/services.js';

const refusal = { code: 'LIMIT_EXCEEDED', details: { limit: 'mutationsPerMinute', max: 5 } };

async function connected(url: string) {
  const redis = connectRedis(url, 'test', silent);
  await new Promise((resolve) => redis.once('ready', resolve));
  return Object.assign(redis, { [Symbol.dispose]: () => redis.disconnect() });
}

test('replicas count the mutations of a user together, and each user for themselves', async () => {
  using one = await connected(redisUrl());
  using other = await connected(redisUrl());
  const prefix = freshPrefix();
  const budgets = [one, other].map((redis) => redisBudget(redis, prefix, 5));
  for (let n = 0; n < 5; n++) await budgets[n % 2]?.spend('ada');
  for (const budget of budgets) await expect(budget.spend('ada')).rejects.toMatchObject(refusal);
  for (const budget of budgets) await budget.spend('grace');
});

test('counts end by themselves, and no name of a user is a key of Redis', async () => {
  using redis = await connected(redisUrl());
  const prefix = freshPrefix();
  await redisBudget(redis, prefix, 5).spend('ada*\r\n{s0}');
  using asking = Object.assign(new Redis(redisUrl()), { [Symbol.dispose]: () => asking.disconnect() });
  const keys = await asking.keys(`${prefix}:*`);
  expect(keys).toEqual([expect.stringMatching(/^[\w.:-]+:mutations:[\w-]{43}$/)]);
  expect(await asking.ttl(keys[0] as string)).toBeGreaterThan(0);
});

test('while Redis is away, a replica goes on counting by itself', async () => {
  await using server = await startRedis();
  using redis = await connected(server.url);
  const budget = redisBudget(redis, freshPrefix(), 5);
  await budget.spend('ada');
  await server.kill();
  for (let n = 0; n < 5; n++) await budget.spend('ada');
  await expect(budget.spend('ada')).rejects.toMatchObject(refusal);
});

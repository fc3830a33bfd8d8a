import { describe, expect, test } from 'vitest';
import { connectRedis } from '../../src/log/redis-connection.js';
import { silent } from '../../src/observe/logger.js';
import { redisTickets, ticketOffice } from '../../src/serve/identity/tickets.js';
import { eventually, freshPrefix, redisUrl, startRedis } from '../support/servers/services.js';

async function connected(url: string) {
  const redis = connectRedis(url, 'tickets', silent);
  await new Promise((resolve) => redis.once('ready', resolve));
  return redis;
}

test('over Redis a ticket of one replica is good on another, and of many who show it at once one gets in', async () => {
  const prefix = freshPrefix();
  const connections = await Promise.all([connected(redisUrl()), connected(redisUrl())]);
  const [one, other] = connections.map((redis) => ticketOffice(redisTickets(redis, prefix))) as [
    ReturnType<typeof ticketOffice>,
    ReturnType<typeof ticketOffice>,
  ];
  const ticket = await one.issue('token', Date.now() + 60_000);
  const asked = Array.from({ length: 20 }, (_, i) => (i % 2 ? one : other).redeem(ticket, false, `s${i}`));
  const found = await Promise.all(asked);
  const [first, ...others] = found.filter((redeemed) => redeemed !== null);
  expect(others).toEqual([]);
  const resumed = await other.redeem(ticket, true, 'resumed');
  expect(resumed?.token).toBe('token');
  expect(await resumed?.holds()).toBe(true);
  expect(await first?.holds()).toBe(false);
  for (const redis of connections) redis.disconnect();
});

test('while Redis is away a ticket is neither taken nor refused', async () => {
  await using server = await startRedis();
  const redis = await connected(server.url);
  const tickets = ticketOffice(redisTickets(redis, 'p'));
  const ticket = await tickets.issue('token', null);
  await server.kill();
  await expect(tickets.redeem(ticket, false, 's1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect(tickets.issue('token', null)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  redis.disconnect();
});

test.each([4e9, Number.MAX_SAFE_INTEGER, 2 ** 63, 1e300])(
  'a ticket of a token that ends at %s opens a stream',
  async (exp) => {
    const redis = await connected(redisUrl());
    const tickets = ticketOffice(redisTickets(redis, freshPrefix()));
    const ticket = await tickets.issue('token', exp * 1000);
    expect((await tickets.redeem(ticket, false, 's1'))?.token).toBe('token');
    redis.disconnect();
  },
);

test('a Redis that has lost all tickets ends no stream, and the browser comes back with its own', async () => {
  await using server = await startRedis();
  const redis = await connected(server.url);
  const tickets = ticketOffice(redisTickets(redis, 'p'));
  const ticket = await tickets.issue('token', Date.now() + 60_000);
  const stream = await tickets.redeem(ticket, false, 's1');
  await server.kill();
  await server.start({ empty: true });
  await eventually('it is asked again', async () => {
    expect(await stream?.holds()).toBe(true);
  });
  const resumed = await tickets.redeem(ticket, true, 's2');
  expect(resumed?.token).toBe('token');
  expect(await stream?.holds()).toBe(false);
  redis.disconnect();
});

describe('while the clock of Redis, or of a replica, is set', () => {
  const [second, minute, hour] = [1_000, 60_000, 3_600_000];

  /** A Redis and a replica, each with a clock in the test's hands. */
  async function clocked() {
    const server = await startRedis({ clock: true });
    const redis = await connected(server.url);
    const begun = Date.now();
    const replica = { now: begun };
    return {
      tickets: ticketOffice(redisTickets(redis, 'p'), () => replica.now),
      begun,
      /** So much time has gone by, and so far each clock was set meanwhile. */
      later(passed: number, { redis = 0, gateway = 0 } = {}) {
        server.step(passed + redis);
        replica.now = begun + passed + gateway;
      },
      async [Symbol.asyncDispose]() {
        redis.disconnect();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test.each([
    ['an hour back', { redis: -hour }],
    ['an hour forward', { redis: hour }],
    ['a second back', { redis: -second }],
    ['an hour back at the replica', { gateway: -hour }],
    ['an hour forward at the replica', { gateway: hour }],
    ['an hour back at both', { redis: -hour, gateway: -hour }],
  ])('%s, a ticket opens no stream after its minute', async (_, off) => {
    await using world = await clocked();
    const ticket = await world.tickets.issue('token', null);
    world.later(minute, off);
    expect(await world.tickets.redeem(ticket, true, 's1')).toBeNull();
  });

  test.each([
    ['an hour back', { redis: -hour }],
    ['a second back', { redis: -second }],
    ['a second forward', { redis: second }],
    ['a second back at the replica', { gateway: -second }],
  ])('%s, a ticket opens its stream within its minute', async (_, off) => {
    await using world = await clocked();
    const ticket = await world.tickets.issue('token', null);
    world.later(minute / 2, off);
    expect((await world.tickets.redeem(ticket, false, 's1'))?.token).toBe('token');
  });

  test.each([-hour, -second, second, hour])(
    'by %s ms, a browser resumes by its ticket until its token ends, and no longer',
    async (step) => {
      await using world = await clocked();
      const ticket = await world.tickets.issue('token', world.begun + hour / 2);
      const stream = await world.tickets.redeem(ticket, false, 's1');
      world.later(second, { redis: step });
      const resumed = await world.tickets.redeem(ticket, true, 's2');
      expect(resumed?.token).toBe('token');
      expect(await stream?.holds()).toBe(false);
      expect(await resumed?.holds()).toBe(true);
      world.later(hour / 2, { redis: step });
      expect(await world.tickets.redeem(ticket, true, 's3')).toBeNull();
    },
  );
});

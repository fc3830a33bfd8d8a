import { expect, test } from 'vitest';
import { connectRedis } from '../../src/log/redis-connection.js';
import { silent } from '../../src/observe/logger.js';
import { redisTickets, ticketOffice } from '../../src/serve/tickets.js';
import { freshPrefix, redisUrl, startRedis } from '../support/services.js';

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
  expect(found.filter((token) => token !== null)).toEqual(['token']);
  expect(await one.redeem(ticket, true, 'resumed')).toBe('token');
  expect(await other.holds(ticket, 'resumed')).toBe(true);
  expect(await other.holds(ticket, `s${found.indexOf('token')}`)).toBe(false);
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

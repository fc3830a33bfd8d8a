import { describe, expect, test } from 'vitest';
import { connectRedis } from '../../src/log/redis-connection.js';
import { silent } from '../../src/observe/logger.js';
import { redisRevocations } from '../../src/serve/identity/revocation-store.js';
import { redisBudget } from '../../src/serve/limits/mutation-budget.js';
import { readyGatewayOn } from '../support/cards.js';
import { socket } from '../support/clients/socket.js';
import { listen, tokenFor } from '../support/river.js';
import { clockedGateway } from '../support/servers/clocked-gateway.js';
import { eventually, startRedis } from '../support/servers/services.js';

const [second, minute, hour] = [1_000, 60_000, 3_600_000];
const steps = [-hour, -second, second, hour];

async function connected(url: string) {
  const redis = connectRedis(url, 'test', silent);
  await new Promise((resolve) => redis.once('ready', resolve));
  return Object.assign(redis, { [Symbol.dispose]: () => redis.disconnect() });
}

/** A stream of this token, by a client that answers heartbeats; `closed` tells the code when it was ended. */
async function streaming(wsUrl: string, token: string, query = 'subscription { card { n } }') {
  let heard = 0;
  const client = listen(wsUrl, query, { token, onPing: () => void heard++ });
  let code: number | null = null;
  const closed = client.ended.then((why) => {
    code = (why as { code: number } | null)?.code ?? 0;
    return code;
  });
  await eventually('the stream has begun', () => heard > 0);
  return { closed, isOpen: () => code === null, [Symbol.asyncDispose]: client[Symbol.asyncDispose] };
}

/** The code that a socket with this token is closed with, or that it is taken. */
async function comes(wsUrl: string, token: string): Promise<number | 'taken'> {
  await using client = socket(wsUrl);
  await client.send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
  return await Promise.race([
    client.closed.then(({ code }) => code),
    client.message('connection_ack').then(() => 'taken' as const),
  ]);
}

describe("Redis's clock is set", () => {
  test.each(steps)(
    'by %s ms: a revocation ends streams and keeps tokens out that were issued before it',
    async (step) => {
      await using server = await startRedis({ clock: true });
      await using here = await readyGatewayOn(server.url);
      await using there = await readyGatewayOn(server.url);
      await here.revoke({ sub: 'somebody' });
      server.step(step);
      const token = await tokenFor({ sub: 'ada' });
      await using stream = await streaming(there.wsUrl, token);
      await here.revoke({ sub: 'ada' });
      expect(await stream.closed).toBe(4403);
      for (const { wsUrl } of [here, there]) expect(await comes(wsUrl, token)).toBe(4403);
      server.step(0);
      await using later = await readyGatewayOn(server.url);
      expect(await comes(later.wsUrl, token)).toBe(4403);
      expect(await comes(later.wsUrl, await tokenFor({ sub: 'grace' }))).toBe('taken');
    },
  );

  test.each(steps)(
    'by %s ms: a gateway that begins later lets nobody in who was revoked, as long as a token lives',
    async (step) => {
      await using server = await startRedis({ clock: true });
      const [ada, grace] = [await tokenFor({ sub: 'ada' }), await tokenFor({ sub: 'grace' })];
      {
        await using gateway = await readyGatewayOn(server.url, { tokenLife: 10 * minute });
        await gateway.revoke({ sub: 'ada' });
      }
      // Nine minutes of the ten, and the step.
      server.step(9 * minute + step);
      using redis = await connected(server.url);
      await redisRevocations(redis, 'tailrace').add({ sub: 'grace' }, 10 * minute);
      server.step(9 * minute);
      await using later = await readyGatewayOn(server.url, { tokenLife: 10 * minute });
      for (const token of [ada, grace]) expect(await comes(later.wsUrl, token)).toBe(4403);
    },
  );

  test.each(steps)('by %s ms: who has sent their mutations may send more in the next minute but one', async (step) => {
    await using server = await startRedis({ clock: true });
    using redis = await connected(server.url);
    const budget = redisBudget(redis, 'p', 5);
    await budget.spend('ada', 5);
    await expect(budget.spend('ada')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await budget.spend('grace', 3);
    server.step(2 * minute + step);
    await budget.spend('ada', 5);
    await budget.spend('grace', 5);
    await expect(budget.spend('ada')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });
});

describe("a gateway's clock is set", () => {
  const query = 'subscription { transaction { id } }';

  async function clocked() {
    const server = await startRedis({ clock: true });
    const settings = { TAILRACE_TOKEN_LIFE: '30m', TAILRACE_HEARTBEAT: '500ms' };
    const clocked = await clockedGateway(server.url, settings);
    const redis = await connected(server.url);
    const reads = async () =>
      Number(/cmdstat_zrangebyscore:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
    return {
      ...clocked,
      server,
      redis,
      /** Resolves when it has looked what is revoked, by its clock as that is now. */
      async looked() {
        const before = await reads();
        await eventually('it has looked', async () => (await reads()) >= before + 2);
      },
      async [Symbol.asyncDispose]() {
        redis.disconnect();
        await clocked[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test('an hour or a second forward: streams end whose token is over by it, and no others', async () => {
    await using world = await clocked();
    const [brief, long] = [await tokenFor({ sub: 'ada' }, hour / 2), await tokenFor({ sub: 'ada' }, 2 * hour)];
    await using over = await streaming(world.wsUrl, brief, query);
    await using runs = await streaming(world.wsUrl, long, query);
    world.clock.step(second);
    expect(await comes(world.wsUrl, brief)).toBe('taken');
    world.clock.step(hour);
    await eventually('its stream has ended', () => !over.isOpen());
    expect(await over.closed).toBe(4403);
    expect(await comes(world.wsUrl, brief)).toBe(4403);
    expect(await comes(world.wsUrl, long)).toBe('taken');
    expect(runs.isOpen()).toBe(true);
  });

  test('an hour back: a stream runs until its token is over by it, and ends when it is right again', async () => {
    await using world = await clocked();
    const token = await tokenFor({ sub: 'ada' }, 2 * second);
    await using stream = await streaming(world.wsUrl, token, query);
    world.clock.step(-hour);
    const [, claims = ''] = token.split('.');
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString());
    await eventually('it would be over', () => Date.now() > exp * second);
    await world.looked();
    expect(stream.isOpen()).toBe(true);
    world.clock.step(0);
    await eventually('its stream has ended', () => !stream.isOpen());
    expect(await stream.closed).toBe(4403);
  });

  test('an hour and a second, back, forward and right again: who was revoked stays out', async () => {
    await using world = await clocked();
    const token = await tokenFor({ sub: 'ada' });
    await using stream = await streaming(world.wsUrl, token, query);
    const store = redisRevocations(world.redis, 'tailrace');
    await store.add({ sub: 'ada' }, hour / 2);
    expect(await stream.closed).toBe(4403);
    // A later one, after which nobody looks at the first again.
    world.server.step(2 * minute);
    await store.add({ sub: 'somebody' }, hour / 2);
    for (const step of steps.flatMap((one) => [one, 0])) {
      world.clock.step(step);
      await world.looked();
      expect([step, await comes(world.wsUrl, token)]).toEqual([step, 4403]);
    }
  });

  test('an hour back: what it revokes ends all tokens that were issued until then', async () => {
    await using world = await clocked();
    world.clock.step(-hour);
    const token = await tokenFor({ sub: 'ada' });
    const { at } = await redisRevocations(world.redis, 'tailrace', world.clock.now).add({ sub: 'ada' }, hour);
    await world.looked();
    expect(at).toBeGreaterThan(Date.now() / second - minute / second);
    expect(await comes(world.wsUrl, token)).toBe(4403);
  });
});

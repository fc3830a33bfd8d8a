import { describe, expect, test } from 'vitest';
import { signToken } from '../../src/bin/token.js';
import type { Channel } from '../../src/event/channel.js';
import { originOf } from '../../src/event/origin.js';
import { type Auth, createGateway, Fault, nobody } from '../../src/index.js';
import { connectRedis } from '../../src/log/redis-connection.js';
import { createRedisLogWriter } from '../../src/log/redis-writer.js';
import { silent } from '../../src/observe/logger.js';
import { compileSchema } from '../../src/schema/compile.js';
import { redisRevocations } from '../../src/serve/identity/revocation-store.js';
import { run } from '../bin/process.js';
import { batch, source } from '../log/contract.js';
import { socket } from '../support/clients/socket.js';
import { events } from '../support/clients/stream.js';
import { metaAt } from '../support/meta.js';
import { type Result, secret, tokenFor } from '../support/river.js';
import { eventually, freshPrefix, redisUrl, startRedis } from '../support/servers/services.js';

const schema = `
  type Subscription { room: Note! @kafka(topic: "cards") @where(rule: "event.room in claims.rooms") }
  type Note { n: Int! room: String! }`;
const query = 'subscription { room { n } }';
const { schema: streams } = compileSchema(schema, { retention: { retain: 600_000, max: 1_000 } });
const route = streams?.topics.in('default').get('cards')?.extractors[0]?.routes[0];

/** Two gateways on one Redis. They look into the store by themselves only once a minute. */
async function replicas(url = redisUrl(), prefix = freshPrefix()) {
  const gateways = [1, 2].map(() =>
    createGateway({
      schema,
      auth: { secrets: [secret] },
      cursorSecrets: ['cursor secret'],
      redis: { url, prefix },
      retirePeriod: 0,
      heartbeat: 60_000,
    }),
  );
  const ports = await Promise.all(gateways.map((gateway) => gateway.listen(0, '127.0.0.1')));
  for (const gateway of gateways) await eventually('it is ready', async () => (await gateway.ready()) === null);
  const redis = connectRedis(url, 'test', silent, { enableOfflineQueue: true });
  const writer = createRedisLogWriter(redis, { prefix });
  let next = 0;
  return {
    url,
    prefix,
    redis,
    gateways,
    addresses: ports.map((port) => `http://127.0.0.1:${port}/graphql`) as [string, string],
    sockets: ports.map((port) => `ws://127.0.0.1:${port}/graphql`) as [string, string],
    async append(rooms: readonly string[]) {
      const { epoch } = await writer.partition(source);
      const entries = rooms.map((room, at) => {
        const event = { n: next + at, room };
        return {
          origin: originOf(source, null),
          record: metaAt('cards', next + at, { timestamp: Date.now() }),
          index: 0,
          payload: JSON.stringify(event),
          channels: [{ channel: route?.channel(event) as Channel, retention: { retain: 600_000, max: 1_000 } }],
          refilled: false,
        };
      });
      const answer = await writer.append(batch(epoch, next, entries));
      if (answer.kind !== 'appended') throw new Error(answer.kind);
      next += rooms.length;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(gateways.map((gateway) => gateway.retire()));
      await writer.close();
    },
  };
}

const tokenOf = (sub: string, rooms: readonly string[], more: object = {}) => tokenFor({ sub, rooms, ...more });

async function subscribed(wsUrl: string, token: string) {
  const client = socket(wsUrl);
  await client.init({ Authorization: `Bearer ${token}` });
  await client.subscribe('1', { query });
  await client.message('ping');
  return client;
}

describe('createGateway', () => {
  /** Whose request it is, as the gateway says. */
  async function whose(auth: Auth, headers: Record<string, string>) {
    const cursorSecrets = ['cursor secret'];
    const gateway = createGateway({ schema, auth, cursorSecrets, redis: { url: redisUrl(), prefix: freshPrefix() } });
    const port = await gateway.listen(0, '127.0.0.1');
    await eventually('it is ready', async () => (await gateway.ready()) === null);
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"query":"{ viewer { sub } }"}',
    });
    const { data, errors } = (await response.json()) as Result;
    await gateway.retire();
    return data ? (data.viewer?.sub ?? null) : errors[0].extensions.code;
  }

  test('takes tokens of several issuers, each by its own keys', async () => {
    const issuers = [
      { issuer: 'one', secrets: ['s1 '.repeat(12)] },
      { issuer: 'two', secrets: ['s2 '.repeat(12)], audience: 'streams' },
    ];
    const token = (issuer: string, key: string, audience: string | null) =>
      signToken({ secret: key.repeat(12), issuer, audience }, { sub: issuer }, 60_000);
    const by = (text: string) => whose({ issuers }, { authorization: `Bearer ${text}` });
    expect(await by(await token('one', 's1 ', null))).toBe('one');
    expect(await by(await token('two', 's2 ', 'streams'))).toBe('two');
    expect(await by(await token('two', 's1 ', 'streams'))).toBe('UNAUTHENTICATED');
    expect(await whose({ issuers }, {})).toBeNull();
  });

  test('takes a function that says whose a request is', async () => {
    const auth: Auth = {
      async authenticate({ headers }) {
        const user = headers['x-user'];
        if (user === 'eve') throw new Fault('UNAUTHENTICATED', { why: 'not Eve' });
        return user === undefined ? nobody : { signedIn: true, claims: { sub: user }, expiresAt: null };
      },
    };
    expect(await whose(auth, { 'x-user': 'ada', authorization: 'Basic YTpi' })).toBe('ada');
    expect(await whose(auth, {})).toBeNull();
    expect(await whose(auth, { 'x-user': 'eve' })).toBe('UNAUTHENTICATED');
  });
});

describe('renewal', () => {
  test('of a stream is taken by the other replica, while events come: none is lost, none shown twice', async () => {
    await using world = await replicas();
    const [here, there] = world.addresses;
    await using stream = await events(here, { query }, await tokenOf('ada', ['a']));
    await eventually('it has its place', () => stream.cursor() !== null);
    const numbers = () => stream.results.map(({ data }) => data.room.n);
    for (let round = 0; round < 20; round++) {
      // `a` is shown all the time; `b` while the token says so. Each time another group, and another replica is asked.
      const rooms = round % 2 === 0 ? ['a', 'b'] : ['a'];
      const renewing = stream.renew(await tokenOf('ada', rooms), round % 4 < 2 ? there : here);
      for (let n = 0; n < 5; n++) await world.append(['a', 'c']);
      expect((await renewing).body).toEqual({ ok: true });
      await world.append(['b']);
    }
    await world.append(['a']);
    const expected = Array.from({ length: 221 }, (_, n) => n).filter((n) => {
      const [round, place] = [Math.floor(n / 11), n % 11];
      return n === 220 || (place === 10 ? round % 2 === 0 : place % 2 === 0);
    });
    await eventually('all', () => numbers().at(-1) === 220);
    expect(numbers()).toEqual(expected);
  });
});

describe('revocation', () => {
  test('asked of any replica, or by the command, ends every stream of the token within a second', async () => {
    await using world = await replicas();
    const [one, two] = world.gateways;
    const env = { TAILRACE_REDIS_URL: world.url, TAILRACE_REDIS_PREFIX: world.prefix };
    const ways: [string, () => Promise<unknown>][] = [
      ['ada', async () => one?.revoke({ sub: 'ada' })],
      ['grace', async () => two?.revoke({ sub: 'grace' })],
    ];
    for (const [sub, revoke] of ways) {
      const token = await tokenOf(sub, ['a']);
      await using first = await subscribed(world.sockets[0], token);
      await using second = await subscribed(world.sockets[1], token);
      await using stream = await events(world.addresses[1], { query }, token);
      const begun = performance.now();
      await revoke();
      expect(await Promise.all([first.closed, second.closed])).toMatchObject([{ code: 4403 }, { code: 4403 }]);
      await stream.ended;
      expect(performance.now() - begun).toBeLessThan(1_000);
      expect(stream.results[0].errors[0].extensions.code).toBe('UNAUTHENTICATED');
    }

    const token = await tokenOf('alan', ['a'], { tenant: { id: 7 } });
    await using client = await subscribed(world.sockets[1], token);
    const { code, out } = await run(['revoke', '--claim', 'tenant.id=7'], env).ended;
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^Revoked: tokens with tenant\.id=7 that were issued until 20.*Z\.\n$/),
    ]);
    expect(await client.closed).toMatchObject({ code: 4403 });
  });

  test('that nobody was told is found when the connection comes back', async () => {
    await using world = await replicas();
    await using client = await subscribed(world.sockets[0], await tokenOf('ada', ['a']));
    await redisRevocations(world.redis, world.prefix).add({ sub: 'ada' }, 60_000);
    await using spared = await subscribed(world.sockets[1], await tokenOf('grace', ['a']));
    expect(client.isOpen()).toBe(true);
    const clients = String(await world.redis.client('LIST')).split('\n');
    for (const line of clients.filter((one) => one.includes('name=tailrace-replicas'))) {
      await world.redis.client('KILL', 'ID', /\bid=(\d+)/.exec(line)?.[1] ?? '');
    }
    expect(await client.closed).toMatchObject({ code: 4403 });
    expect(spared.isOpen()).toBe(true);
  });

  test('outlives the gateways: one that starts later knows it', async () => {
    const prefix = freshPrefix();
    const token = await tokenOf('ada', ['a']);
    {
      await using world = await replicas(redisUrl(), prefix);
      await world.gateways[0]?.revoke({ sub: 'ada' });
    }
    await using world = await replicas(redisUrl(), prefix);
    await using late = socket(world.sockets[0]);
    await late.send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
    expect(await late.closed).toMatchObject({ code: 4403 });
    expect(world.gateways[0]?.revocations()).toMatchObject([{ claims: { sub: 'ada' } }]);
  });

  test('that Redis has lost is there again with the gateways that know it: one that starts later knows it', async () => {
    await using server = await startRedis();
    await using world = await replicas(server.url, 'tailrace');
    const token = await tokenOf('ada', ['a']);
    await world.gateways[0]?.revoke({ sub: 'ada' });
    await server.kill();
    await server.start({ empty: true });
    const store = redisRevocations(world.redis, 'tailrace');
    await eventually('it is there again', async () => (await store.since(0)).revocations.length === 1);
    await using later = await replicas(server.url, 'tailrace');
    await using late = socket(later.sockets[0]);
    await late.send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
    expect(await late.closed).toMatchObject({ code: 4403 });
  });

  test('made while the clock of Redis is behind is found by replicas that have read past it', async () => {
    await using world = await replicas();
    const ahead = Date.now() + 600_000;
    const somebody = `${Math.floor(ahead / 1_000)} {"sub":"somebody"}`;
    await world.redis.zadd(`${world.prefix}:revocations`, ahead, somebody);
    await using client = await subscribed(world.sockets[1], await tokenOf('ada', ['a']));
    await world.gateways[0]?.revoke({ sub: 'grace' });
    await eventually('both have read so far', () =>
      world.gateways.every((gateway) => gateway.revocations().length === 2),
    );
    await world.gateways[0]?.revoke({ sub: 'ada' });
    expect(await client.closed).toMatchObject({ code: 4403 });
  });

  test('while Redis is away is refused, not forgotten', async () => {
    await using server = await startRedis();
    await using world = await replicas(server.url);
    await server.kill();
    await expect(world.gateways[0]?.revoke({ sub: 'ada' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const { code, err } = await run(['revoke', '--sub', 'ada'], { TAILRACE_REDIS_URL: server.url }).ended;
    expect([code, err]).toEqual([1, expect.stringMatching(/^Not available now: revocations cannot be reached/)]);
  });
});

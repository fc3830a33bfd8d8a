import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cursorCodec } from '../../src/event/cursor.js';
import { redisKeys } from '../../src/log/redis-keys.js';
import { ada, cardsSchema, feed, keyOf, query, readyGatewayOn, upTo } from '../support/cards.js';
import { listen, type Result, tokenFor } from '../support/river.js';
import { clockedGateway } from '../support/servers/clocked-gateway.js';
import { eventually, startRedis } from '../support/servers/services.js';

const [second, hour] = [1_000, 3_600_000];
const codec = cursorCodec(['cursor secret']);

/**
 * A Redis whose clock is the test's, a relay that feeds it, and two gateways: the one where Ada was may have in memory what
 * she comes back for. History is kept for so long.
 */
async function world(seconds: number) {
  const server = await startRedis({ clock: true });
  const relay = feed(server.url, Number.POSITIVE_INFINITY, seconds * second);
  const gateways = await Promise.all(
    [1, 2].map(() => readyGatewayOn(server.url, { schema: cardsSchema(`${seconds}s`) })),
  );
  const [here, there] = gateways.map(({ wsUrl }) => wsUrl) as [string, string];
  return {
    server,
    relay,
    here,
    there,
    /** Resolves when what Ada was to be shown is no longer there. */
    expired: () => eventually('it has expired', async () => (await relay.redis.exists(keyOf('ada'))) === 0),
    async [Symbol.asyncDispose]() {
      for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
      await relay[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

type World = Awaited<ReturnType<typeof world>>;

/** Ada comes back with a cursor, and one more event comes: why she cannot be shown everything, or what she is shown. */
async function comesBack({ there, relay }: World, after: string): Promise<string | number[]> {
  const token = await tokenFor({ sub: 'ada' });
  let begun = false;
  const onPing = () => {
    begun = true;
  };
  await using client = listen(there, query, { token, extensions: { after }, onPing });
  const refused = client.ended.then((errors) => (errors as Result)[0].extensions.gap.reason as string);
  await eventually('she has begun', () => begun);
  await relay.append(1);
  const numbers = () => client.results.map((result) => result.data.card.n as number);
  const shown = eventually('she is told', () => numbers().includes(relay.end - 1)).then(numbers);
  return await Promise.race([refused, shown]);
}

/** Ada's cursor from after the first of so many events; she has gone since. */
async function away({ here, relay }: World, events: number): Promise<string> {
  await using client = await ada(here);
  await relay.append(events);
  await eventually('she has them', () => client.numbers().length === events);
  return client.cursorAfter(1);
}

const ways: readonly (readonly [string, readonly number[]])[] = [
  ['an hour back', [-hour]],
  ['a minute back', [-60 * second]],
  ['a second back', [-second]],
  ['a third of a second back, as after a failover', [-300]],
  ['a second forward', [second]],
  ['an hour forward', [hour]],
  ['an hour forward and back again', [hour, 0]],
  ['an hour back and forward again', [-hour, 0]],
  ['back twice', [-hour / 2, -hour]],
];

describe("while Redis's clock is set", () => {
  test.each(ways)('%s, and a client is away for longer than history is kept: it is told', async (_, steps) => {
    await using all = await world(2);
    const cursor = await away(all, 1);
    for (const step of steps) {
      all.server.step(step);
      await all.relay.append(1);
    }
    await all.expired();
    expect(await comesBack(all, cursor)).toBe('EXPIRED');
  });

  test.each(ways)('%s, before what it lacks has come, too: it is told', async (_, steps) => {
    await using all = await world(2);
    const cursor = await away(all, 1);
    for (const step of steps) all.server.step(step);
    await all.relay.append(3);
    await all.expired();
    // Others have theirs meanwhile: that says nothing of hers.
    await all.relay.append(3, 'grace');
    expect(await comesBack(all, cursor)).toBe('EXPIRED');
  });

  test.each(ways)('%s, and nothing came meanwhile: it is told nothing, and shown what comes then', async (_, steps) => {
    await using all = await world(600);
    const cursor = await (async () => {
      await using client = await ada(all.here);
      await all.relay.append(3);
      await eventually('she has them', () => client.numbers().length === 3);
      return client.cursorAfter(3);
    })();
    for (const step of steps) {
      all.server.step(step);
      await all.relay.look();
    }
    expect(await comesBack(all, cursor)).toEqual([3]);
  });

  test.each(ways.filter(([, steps]) => steps.every((step, n) => step - (steps[n - 1] ?? 0) <= second)))(
    '%s, and others had events meanwhile: who lacks nothing is told nothing',
    async (_, steps) => {
      await using all = await world(600);
      const cursor = await away(all, 1);
      for (const step of steps) {
        all.server.step(step);
        // As relays do, every few seconds.
        await all.relay.look();
        await all.relay.append(3, 'grace');
      }
      expect(await comesBack(all, cursor)).toEqual([all.relay.end - 1]);
    },
  );

  test('forward for a moment, in which history expires: who was away is told', async () => {
    await using all = await world(600);
    const cursor = await away(all, 5);
    await all.relay.look();
    all.server.step(hour);
    // Not by asking for it: that alone would make it go.
    await eventually('all that expires has', async () => (await all.relay.redis.dbsize()) === 1);
    all.server.step(0);
    expect(await comesBack(all, cursor)).toBe('EXPIRED');
  });

  test('and nothing is gone: who comes back is shown everything after their cursor, once and in order', async () => {
    for (const step of [-hour, -second, -300, second]) {
      await using all = await world(600);
      const cursor = await away(all, 5);
      all.server.step(step);
      await all.relay.append(5);
      expect([step, await comesBack(all, cursor)]).toEqual([step, upTo(11, 1)]);
    }
  });

  test('again and again, who stays is shown everything, once and in order, and told nothing', async () => {
    await using all = await world(600);
    await using client = await ada(all.here);
    for (const step of [-hour, 0, hour, 0, -second, second, -300, hour, -hour, 60 * second, 0]) {
      await all.relay.append(10);
      all.server.step(step);
      await all.relay.append(10);
      await eventually('she has everything', () => client.numbers().length >= all.relay.end);
    }
    expect(client.numbers()).toEqual(upTo(all.relay.end));
    expect(client.gaps()).toEqual([]);
  });

  test('back, and connections break: who stays is shown everything, once and in order, and told nothing', async () => {
    await using all = await world(600);
    await using client = await ada(all.here);
    for (const step of [-second, -300 - second, -60 * second, -hour]) {
      await all.relay.append(5);
      await eventually('she has everything', () => client.numbers().length >= all.relay.end);
      all.server.step(step);
      // As relays do, every few seconds.
      await all.relay.look();
      await all.relay.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await all.relay.append(5);
      await eventually('she has everything', () => client.numbers().length >= all.relay.end);
    }
    expect(client.numbers()).toEqual(upTo(all.relay.end));
    expect(client.gaps()).toEqual([]);
  });
});

test('Redis comes back empty, an hour behind what was known of its log: who stayed, and who left before it was filled again, is told nothing', async () => {
  await using all = await world(600);
  const { server, relay } = all;
  await relay.append(3);
  // It has never known the log without an epoch.
  await using gateway = await readyGatewayOn(server.url, { schema: cardsSchema() });
  await using client = await ada(gateway.wsUrl);
  server.step(-hour);
  await relay.append(3);
  await eventually('she has everything', () => client.numbers().length === 3);
  await server.kill();
  await server.start();
  const cursor = await eventually('the gateway has seen that nothing is in it', async () => {
    await using left = await ada(gateway.wsUrl);
    const [cursor = ''] = left.cursors;
    return codec.decode('card', cursor)?.positions[0]?.epoch === '' ? cursor : null;
  });
  await relay.append(3);
  await eventually('she has everything', () => client.numbers().length === 6);
  expect([client.numbers(), client.gaps()]).toEqual([upTo(9, 3), []]);
  expect(await comesBack(all, cursor)).not.toBe('EXPIRED');
});

test('Redis comes back empty, an hour behind, and no relay remembers: a gateway tells how far the clock of its log had gone', async () => {
  await using all = await world(600);
  const { server, relay, here } = all;
  await using client = await ada(here);
  await relay.append(3);
  server.step(-hour);
  await relay.append(3);
  await eventually('she has everything', () => client.numbers().length === 6);
  const known = codec.decode('card', client.cursorAfter(6))?.positions[0]?.time as number;
  await server.kill();
  await server.start();
  await using fresh = feed(server.url);
  await fresh.append(1);
  const isSet = async () => {
    await fresh.look();
    return Number(await fresh.redis.hget(redisKeys('tailrace').meta(0), 'time')) >= known;
  };
  await eventually('it goes on from there', isSet, { within: 60_000 });
});

describe('what Redis lost before it was shown is shown when it is written again', () => {
  /** A gateway as a process, which can stand still, over a Redis; each by a clock of its own. */
  async function apart() {
    const server = await startRedis({ clock: true });
    const relay = feed(server.url);
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-clock-'));
    writeFileSync(join(folder, 'schema.graphql'), cardsSchema());
    const clocked = await clockedGateway(server.url, { TAILRACE_SCHEMA: join(folder, 'schema.graphql') });
    return {
      ...clocked,
      server,
      relay,
      async [Symbol.asyncDispose]() {
        await clocked[Symbol.asyncDispose]();
        await relay[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true });
      },
    };
  }

  test.each([
    ["a gateway's clock an hour ahead", async ({ clock }) => clock.step(hour)],
    ["a gateway's clock an hour behind", async ({ clock }) => clock.step(-hour)],
    ["Redis's an hour ahead", async ({ server }) => server.step(hour)],
    ["Redis's an hour behind", async ({ server }) => server.step(-hour)],
    [
      "Redis's an hour behind, and nothing tells how far it had gone",
      async ({ server, relay }) => {
        await relay.append(1);
        await relay.redis.del('tailrace:{s0}:canary');
        server.step(-hour);
        await relay.append(1);
      },
    ],
  ] as [string, (all: Awaited<ReturnType<typeof apart>>) => Promise<void>][])('with %s', async (_, set) => {
    await using all = await apart();
    const { server, relay, gateway, wsUrl } = all;
    await set(all);
    const begin = relay.end;
    await using client = await ada(wsUrl, undefined, 2 * hour);
    await relay.append(10);
    await eventually('she has them', () => client.numbers().length === 10);
    // What comes while it hears nothing goes with Redis.
    gateway.child.kill('SIGSTOP');
    await relay.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await relay.append(10);
    await server.kill();
    await server.start();
    await relay.append(10);
    gateway.child.kill('SIGCONT');
    await eventually('she has everything', () => client.numbers().includes(relay.end - 1), { within: 60_000 });
    expect(client.numbers()).toEqual(upTo(relay.end, begin));
  });
});

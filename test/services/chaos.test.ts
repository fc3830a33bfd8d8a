import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { startKafka, startRedis } from '../support/services.js';
import { compare, type World, warmUp, world } from '../support/world.js';

/**
 * Minutes of faults, drawn by a seed: kill -9, pauses, cut connections, an emptied Redis. In the end everybody has
 * exactly their own events, once and in order. `CHAOS_MINUTES=10 CHAOS_SEED=7 npm run test:chaos` for longer, or again.
 */
const minutes = Number(process.env.CHAOS_MINUTES ?? 1.5);
const seed = Number(process.env.CHAOS_SEED ?? 1);

interface Servers {
  readonly redis: Awaited<ReturnType<typeof startRedis>>;
  readonly kafka: Awaited<ReturnType<typeof startKafka>>;
}
type Fault = (made: World, servers: Servers, pick: (count: number) => number) => Promise<void>;

const killClients = async ({ redis }: Servers, type: string) => {
  const admin = new Redis(redis.url, { lazyConnect: true, maxRetriesPerRequest: 1 });
  await admin.connect();
  await admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
  admin.disconnect();
};

const faults: Record<string, Fault> = {
  'relay killed': async (made, _, pick) => {
    const n = pick(2);
    made.relays[n]?.child.kill('SIGKILL');
    await made.relays[n]?.ended;
    made.relays[n] = await made.startRelay();
  },
  'relay paused past its session': async (made, _, pick) => {
    const relay = made.relays[pick(2)];
    relay?.child.kill('SIGSTOP');
    await wait(13_000);
    relay?.child.kill('SIGCONT');
  },
  'gateway killed': async (made, _, pick) => {
    const n = pick(2);
    const old = made.gateways[n] as World['gateways'][number];
    old.child.kill('SIGKILL');
    await old.ended;
    made.gateways[n] = await made.startGateway(String(old.port));
  },
  'connections cut': async (made) => made.front.cut(),
  'pub/sub cut': (_, servers) => killClients(servers, 'pubsub'),
  'Redis connections cut': (_, servers) => killClients(servers, 'normal'),
  'Redis paused': async (_, { redis }) => {
    redis.pause();
    await wait(2_000);
    redis.resume();
  },
  'Redis killed, back empty': async (_, { redis }) => {
    await redis.kill();
    await redis.start();
  },
  'Kafka killed': async (_, { kafka }) => {
    await kafka.kill();
    await kafka.start();
  },
};

test(
  `faults for ${minutes} minutes (seed ${seed}) lose nothing, repeat nothing, mix nothing up`,
  async () => {
    const random = randomOf(seed);
    const pick = (count: number) => Math.floor(random() * count);
    await using redis = await startRedis();
    await using kafka = await startKafka();
    await using made = await world({ redisUrl: redis.url, brokers: kafka.brokers });
    const begin = await warmUp(made);

    let producing = true;
    const load = (async () => {
      // A rate, not a wait: 500 events a second at the most.
      for (; producing; await wait(100)) await made.produce(50);
    })();
    const injected = new Map(Object.keys(faults).map((name) => [name, 0]));
    const until = Date.now() + minutes * 60_000;
    while (Date.now() < until) {
      // Every kind once before any comes again.
      const least = Math.min(...injected.values());
      const names = [...injected].filter(([, times]) => times === least).map(([name]) => name);
      const name = names[pick(names.length)] as string;
      injected.set(name, least + 1);
      if (process.env.CHAOS_VERBOSE) console.log(`${Math.round((until - Date.now()) / 1000)} s left: ${name}`);
      await faults[name]?.(made, { redis, kafka }, pick);
      await wait(500 + random() * 1_500);
    }
    producing = false;
    await load;
    await compare(made, begin, 60_000).catch((error: unknown) => {
      for (const one of [...made.relays, ...made.gateways]) console.log(one.log().slice(-4_000));
      throw error;
    });
    console.log(
      `seed ${seed}: ${made.notes.length - begin} events, 200 clients; ${[...injected].map(([name, times]) => `${name} ${times}`).join(', ')}`,
    );
    expect(Math.min(...injected.values())).toBeGreaterThan(0);
  },
  (minutes + 6) * 60_000,
);

/** mulberry32: small, and the same everywhere. */
function randomOf(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

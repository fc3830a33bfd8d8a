import { setTimeout as wait } from 'node:timers/promises';
import { ask } from '../servers/ask-redis.js';
import type { Balancer } from '../servers/balancer.js';
import type { KafkaCluster } from '../servers/kafka-cluster.js';
import { eventually, type startRedis, type ThrowAway } from '../servers/services.js';
import type { Stretch } from './stretches.js';
import { recovered, settled } from './under-load.js';
import type { Process, World } from './world.js';

export interface Stage {
  readonly made: World;
  readonly redis: Awaited<ReturnType<typeof startRedis>>;
  readonly kafka: KafkaCluster;
  /** Each process's own way to Redis. */
  readonly ways: Readonly<Record<'relay' | 'gateway', readonly Balancer[]>>;
  /** A whole number below `count`, drawn by the seed. */
  pick(count: number): number;
}

/** How far Redis's clock is off by now, in milliseconds. */
let clockOff = 0;

/** Breaks something and mends it. Waits in here are how long it stays broken. */
export type Fault = (stage: Stage, stretch: Stretch) => Promise<unknown>;

async function pause({ child }: Process, ms: number) {
  child.kill('SIGSTOP');
  await wait(ms);
  child.kill('SIGCONT');
}

/** The ways of so many clients, none twice. */
function some({ made: { clients }, pick }: Stage, count: number): Balancer[] {
  const left = clients.map(({ line }) => line);
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(pick(left.length), 1)[0] as Balancer);
}

const wayToRedis = ({ ways, pick }: Stage): Balancer => ways[pick(3) === 0 ? 'relay' : 'gateway'][pick(2)] as Balancer;

const anyOf = ({ nodes }: KafkaCluster, pick: Stage['pick']) => [...nodes.keys()][pick(nodes.size)] as number;

/**
 * While the relays stand still. Everybody is to have everything before, so that only what no relay has read can be gone:
 * an event that a client missed while it was away, and that Redis lost before, would be a fault on top of another.
 */
async function asleep({ relays }: World, work: () => Promise<unknown>) {
  for (const { child } of relays) child.kill('SIGSTOP');
  await work().finally(() => {
    for (const { child } of relays) child.kill('SIGCONT');
  });
}

/** Made again, the topic is so short that a few transactions fill it past its end. */
async function shortTopic(made: World) {
  await settled(made);
  await made.recreateTopic();
  await settled(made);
}

export const faults: Readonly<Record<string, Fault>> = {
  'a relay killed': async ({ made, pick }) => {
    const n = pick(2);
    made.relays[n]?.child.kill('SIGKILL');
    await made.relays[n]?.ended;
    made.relays[n] = await made.startRelay(n);
  },
  'a relay paused past its session': ({ made, pick }) => pause(made.relays[pick(2)] as Process, 13_000),
  'a gateway killed': async ({ made, pick }) => {
    const n = pick(2);
    const old = made.gateways[n] as World['gateways'][number];
    old.child.kill('SIGKILL');
    await old.ended;
    made.gateways[n] = await made.startGateway(n, String(old.port));
  },
  'a gateway paused': ({ made, pick }) => pause(made.gateways[pick(2)] as Process, 6_000),
  'all clients cut': async ({ made }) => {
    for (const { line } of made.clients) line.cut();
  },
  '40 clients stalled': async (stage) => {
    const lines = some(stage, 40);
    for (const line of lines) line.stall();
    await wait(2_000 + stage.pick(6_000));
    // An EventSource never notices by itself: its page waits until TCP gives up.
    for (const line of lines) line.cut();
  },
  '40 clients half open': async (stage) => {
    const lines = some(stage, 40);
    for (const [n, line] of lines.entries()) line.halfOpen(n % 2 === 0 ? 'near' : 'far');
    await wait(2_000 + stage.pick(6_000));
    for (const line of lines) line.cut();
  },
  '60 clients away, up to 8 s': async (stage) => {
    const absences = some(stage, 60).map(async (line) => {
      line.refuse();
      // Most are back before the next heartbeat, some miss several.
      await wait(stage.pick(4) === 0 ? stage.pick(8_000) : stage.pick(1_000));
      line.open();
    });
    await Promise.all(absences);
  },
  'pub/sub connections killed': ({ redis }) => ask(redis.port, 'CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes'),
  'Redis connections killed': ({ redis }) => ask(redis.port, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
  // Nobody mends these three: whoever hangs on such a connection has to notice.
  'a tail silent': async ({ made, redis, ways, pick }, stretch) => {
    // While the gateway's other connections answer, as after a failover that pub/sub missed.
    const tails = await eventually('both gateways have their tail', async () => {
      const list = String(await ask(redis.port, 'CLIENT', 'LIST', 'TYPE', 'pubsub'));
      const found = [...list.matchAll(/ addr=127\.0\.0\.1:(\d+) .* name=tailrace-tail /g)].map(([, port]) =>
        Number(port),
      );
      if (found.length < 2) throw new Error(list);
      return found;
    });
    const tail = tails[pick(2)] as number;
    for (const way of ways.gateway) way.stall(tail);
    await recovered(made, stretch);
    for (const way of ways.gateway) way.cut();
  },
  'a way to Redis stalled': async (stage, stretch) => {
    const way = wayToRedis(stage);
    way.stall();
    await recovered(stage.made, stretch);
    way.cut();
  },
  'a way to Redis half open': async (stage, stretch) => {
    const way = wayToRedis(stage);
    way.halfOpen('near');
    await recovered(stage.made, stretch);
    way.cut();
  },
  'Redis paused': async ({ redis }) => {
    redis.pause();
    await wait(2_000);
    redis.resume();
  },
  'Redis killed, back empty': async ({ redis }) => {
    await redis.kill();
    await redis.start({ empty: true });
  },
  'Redis back from an older snapshot': async ({ redis }) => {
    await ask(redis.port, 'SAVE');
    await wait(2_000);
    await redis.kill();
    await redis.start();
  },
  'Redis set back under one run id': async ({ redis }) => {
    await ask(redis.port, 'SAVE');
    await wait(2_000);
    await ask(redis.port, 'DEBUG', 'RELOAD', 'NOSAVE');
  },
  // Forward by less than history is kept: who is away then must not miss what would be rightly told.
  "Redis's clock set": async ({ redis, pick }) => {
    clockOff += [-3_600_000, -60_000, -1_000, 1_000, 240_000][pick(5)] as number;
    redis.step(clockOff);
    // Until relays have looked: set twice in between, nobody could know how far it had gone.
    await wait(6_000);
  },
  'Kafka killed': async ({ kafka }) => {
    const nodes = [...kafka.nodes.values()];
    await Promise.all(nodes.map((node) => node.kill()));
    await Promise.all(nodes.map((node) => node.start()));
  },
  'a broker killed': async ({ kafka, pick }) => {
    const node = [...kafka.nodes.values()][pick(kafka.nodes.size)] as ThrowAway;
    await node.kill();
    await wait(pick(4_000));
    await node.start();
  },
  'a broker paused': async ({ kafka, pick }) => {
    const node = [...kafka.nodes.values()][pick(kafka.nodes.size)] as ThrowAway;
    node.pause();
    await wait(1_000 + pick(5_000));
    node.resume();
  },
  'the topic made again': async ({ made }, stretch) => {
    await settled(made);
    await made.recreateTopic();
    made.ledger.breaks(stretch);
    await recovered(made, stretch);
  },
  'the topic made again, its end unread': async ({ made }, stretch) => {
    await settled(made);
    await asleep(made, made.recreateTopic);
    made.ledger.breaks(stretch);
    await recovered(made, stretch);
  },
  'the topic made again by transactions': async ({ made }, stretch) => {
    await shortTopic(made);
    await made.recreateByTransactions();
    made.ledger.breaks(stretch);
    await settled(made);
  },
  'the topic made again by transactions, its end unread': async ({ made }, stretch) => {
    await shortTopic(made);
    await asleep(made, made.recreateByTransactions);
    made.ledger.breaks(stretch);
    await settled(made);
  },
  'the end of the topic cut off': async ({ made, kafka, pick }, stretch) => {
    await settled(made);
    await made.cutTopic(anyOf(kafka, pick));
    made.ledger.breaks(stretch);
    await settled(made);
  },
  'the end of the topic cut off unread': async ({ made, kafka, pick }, stretch) => {
    await settled(made);
    await asleep(made, () => made.cutTopic(anyOf(kafka, pick)));
    made.ledger.breaks(stretch);
    await settled(made);
  },
  'partitions added, with old timestamps': async ({ made }, stretch) => {
    await made.growTopic(() => settled(made));
    await recovered(made, stretch);
  },
};

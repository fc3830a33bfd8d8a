import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import {
  eventually,
  freshPrefix,
  freshTopic,
  kafkaBrokers,
  kafkaClient,
  startRedis,
} from '../test/support/servers/services.js';
import { cpuOf, machine, median } from './measure.js';

/**
 * How many records one relay process brings from a real Kafka into a real Redis: 250-byte records, per-user routes over
 * 10,000 users, history on. `npm run bench:relay [-- records rounds]`; needs `npm run services -- up`. With
 * `BENCH_BESIDE=<dist of another build>` the two take turns.
 *
 * Method: all records lie in Kafka before the relay starts. A round begins when the first is in the log and ends when
 * the last is, both seen in Redis's own watermarks, so that starting and joining the group are not counted. CPU is
 * the operating system's count for each process over the round.
 */
const records = Number(process.argv[2] ?? 200_000);
const rounds = Number(process.argv[3] ?? 3);
const users = 10_000;
const partitions = 4;

interface Round {
  readonly perSecond: number;
  readonly relayMicros: number;
  readonly redisMicros: number;
}

console.log(machine());
console.log(
  `${records} records of 250 bytes, ${users} users, ${partitions} partitions, one relay, one Redis, ${rounds} rounds\n`,
);

const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
await using topic = await freshTopic('bench-relay', partitions);
await produce();
const builds = {
  tailrace: 'dist',
  ...(process.env.BENCH_BESIDE ? { 'tailrace beside': process.env.BENCH_BESIDE } : {}),
};
const results = new Map<string, Round[]>();
for (let n = 1; n <= rounds; n++) {
  for (const [name, dist] of Object.entries(builds)) {
    const round = await measure(dist);
    results.set(name, [...(results.get(name) ?? []), round]);
    console.log(`${name}, round ${n}: ${row(round)}`);
  }
}
for (const [name, all] of results) {
  const rates = all.map(({ perSecond }) => perSecond);
  const middle = {
    perSecond: median(rates),
    relayMicros: median(all.map(({ relayMicros }) => relayMicros)),
    redisMicros: median(all.map(({ redisMicros }) => redisMicros)),
  };
  const spread = `${Math.round(Math.min(...rates))}–${Math.round(Math.max(...rates))} records/s`;
  console.log(`${name}, median: ${row(middle)}; ${spread}`);
}
rmSync(folder, { recursive: true });

function row({ perSecond, relayMicros, redisMicros }: Round): string {
  return `${Math.round(perSecond).toLocaleString('en')} records/s · CPU per record: relay ${relayMicros.toFixed(1)} µs, Redis ${redisMicros.toFixed(1)} µs`;
}

async function produce() {
  const producer = kafkaClient().producer();
  await producer.connect();
  const size = 2_000;
  for (let at = 0; at < records; at += size) {
    const messages = Array.from({ length: Math.min(size, records - at) }, (_, i) => message(at + i));
    await producer.send({ topic: topic.name, messages, acks: 1 });
  }
  await producer.disconnect();
}

function message(n: number) {
  const userId = `user-${(n * 7919) % users}`;
  const event = { id: `tx-${n}`, userId, amount: n % 500, currency: 'EUR', note: '' };
  const short = JSON.stringify(event).length;
  return { key: userId, value: JSON.stringify({ ...event, note: 'x'.repeat(250 - short) }), partition: n % partitions };
}

async function measure(dist: string): Promise<Round> {
  await using server = await startRedis({});
  const redis = new Redis(server.url);
  const schema = join(folder, 'schema.graphql');
  writeFileSync(
    schema,
    `type Subscription { payment: Payment! @kafka(topic: "${topic.name}") @where(rule: "event.userId == claims.sub") }
     type Payment { id: ID! userId: ID! amount: Float! currency: String! note: String }`,
  );
  const relay = spawn(
    process.execPath,
    [
      ...(process.env.BENCH_PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE}/relay`] : []),
      join(dist, 'bin/tailrace.js'),
      'relay',
    ],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        TAILRACE_SCHEMA: schema,
        TAILRACE_KAFKA_BROKERS: kafkaBrokers().join(','),
        TAILRACE_KAFKA_GROUP_ID: freshPrefix('bench'),
        TAILRACE_REDIS_URL: server.url,
        TAILRACE_REDIS_PREFIX: 'bench',
        TAILRACE_HISTORY_RETAIN: '1h',
        TAILRACE_ADMIN_PORT: '0',
        TAILRACE_LOG_LEVEL: 'error',
      },
    },
  );
  try {
    const appended = async () => Number((await redis.hget('bench:{s0}:meta', 'number')) ?? 0);
    const first = await eventually('the first record is in the log', async () => (await appended()) || null, {
      within: 60_000,
      every: 5,
    });
    const [began, relayBefore, redisBefore] = [
      process.hrtime.bigint(),
      cpuOf(relay.pid as number).all,
      cpuOf(server.pid).all,
    ];
    await eventually('all records are in the log', async () => (await appended()) >= records, {
      within: 300_000,
      every: 10,
    });
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    const done = records - first;
    return {
      perSecond: done / seconds,
      relayMicros: ((cpuOf(relay.pid as number).all - relayBefore) * 1e6) / done,
      redisMicros: ((cpuOf(server.pid).all - redisBefore) * 1e6) / done,
    };
  } finally {
    const ended = new Promise((resolve) => relay.once('exit', resolve));
    relay.kill('SIGTERM');
    await ended;
    redis.disconnect();
  }
}

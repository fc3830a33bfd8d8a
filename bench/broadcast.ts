import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { connectRedis } from '../src/log/redis-connection.js';
import { silent } from '../src/observe/logger.js';
import { compileSchema } from '../src/schema/compile.js';
import { eventually, startRedis } from '../test/support/services.js';
import { atRate, logFeed } from './feed.js';
import type { Heard } from './load.js';
import { clock, cpuOf, Histogram, machine, median, spread } from './measure.js';

/**
 * One event for 1,000 WebSockets: the CPU of the gateway's process per delivery, beside the least that Node can do.
 * `npm run build && npm run bench:broadcast [-- --rates 20,50,200 --seconds 10 --rounds 3 --clients 1000]`
 *
 * Method: a gateway and the floors each in a process of its own, each with clients in another; an event comes to each
 * through Redis, to a gateway as a relay appends it. All are up for the whole run and measured in turn, round by round.
 * Clients look at every frame. CPU is the operating system's count over the round, of the server's process alone.
 */
const { values: given } = parseArgs({
  options: {
    rates: { type: 'string', default: '20,50,200' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '1000' },
    profile: { type: 'boolean', default: false },
  },
});
const [rates, seconds, rounds, clients] = [
  given.rates.split(',').map(Number),
  Number(given.seconds),
  Number(given.rounds),
  Number(given.clients),
] as const;

const topic = 'ticks';
const sdl = `type Subscription { tick: Tick! @kafka(topic: "${topic}") @public } type Tick { n: Int! at: Float! }`;

interface System {
  readonly name: string;
  readonly server: ChildProcess;
  readonly load: ChildProcess;
  send(count: number): void;
  /** How many events were sent to it. */
  sent(): number;
}

const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
const closing: (() => void)[] = [];

async function generator(port: number): Promise<ChildProcess> {
  const load = fork(new URL('./load.ts', import.meta.url), [String(port), String(clients)], {
    execArgv: ['--import', 'tsx'],
  });
  closing.push(() => load.kill());
  const [word] = await once(load, 'message');
  if (word !== 'ready') throw new Error(`the generator says ${word}`);
  return load;
}

/** Resolves with the port in the first line that has one. */
async function portOf(server: ChildProcess): Promise<number> {
  closing.push(() => server.kill());
  for await (const line of createInterface({ input: server.stdout ?? server.stderr ?? process.stdin })) {
    const [, port] = /"port":(\d+)/.exec(line) ?? [];
    if (port) return Number(port);
  }
  throw new Error('the server has ended');
}

const event = (n: number) => ({ n, at: clock() });

async function floor(redisUrl: string, redis: Redis, name: string, mode: string): Promise<System> {
  const server = spawn(process.execPath, ['--import', 'tsx', 'bench/floor.ts', redisUrl, name, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const load = await generator(await portOf(server));
  let n = 0;
  // As long as a gateway's, whose events have a cursor.
  const payload = () => JSON.stringify({ data: { tick: event(++n) }, extensions: { cursor: 'x'.repeat(46) } });
  const send = (count: number) => {
    const all = redis.pipeline();
    for (let i = 0; i < count; i++) all.publish(name, payload());
    void all.exec();
  };
  return { name, server, load, send, sent: () => n };
}

async function tailrace(redisUrl: string): Promise<System> {
  const prefix = 'bench';
  const schema = join(folder, 'schema.graphql');
  writeFileSync(schema, sdl);
  const profiling = given.profile ? ['--cpu-prof', '--cpu-prof-dir=/tmp/tailrace-prof'] : [];
  const server = spawn(process.execPath, [...profiling, 'dist/bin/tailrace.js', 'gateway'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      TAILRACE_SCHEMA: schema,
      TAILRACE_REDIS_URL: redisUrl,
      TAILRACE_REDIS_PREFIX: prefix,
      TAILRACE_CURSOR_SECRET: 'the cursors of a benchmark, 32 bytes',
      TAILRACE_PORT: '0',
      TAILRACE_ADMIN_PORT: '0',
    },
  });
  const load = await generator(await portOf(server));
  const { schema: streams } = compileSchema(sdl, { retention: { retain: 600_000, max: 1_000 } });
  if (!streams) throw new Error('the schema does not compile');
  const redis = connectRedis(redisUrl, 'bench', silent);
  closing.push(() => redis.disconnect());
  // Its commands do not queue.
  await once(redis, 'ready');
  const append = await logFeed(redis, prefix, streams, topic);
  let n = 0;
  let last = Promise.resolve();
  const send = (count: number) => {
    const events = Array.from({ length: count }, () => event(++n));
    last = last.then(() => append(events));
  };
  return { name: 'tailrace', server, load, send, sent: () => n };
}

async function ask(load: ChildProcess, word: 'begin' | 'end'): Promise<Heard> {
  load.send(word);
  return (await once(load, 'message'))[0] as Heard;
}

interface Round {
  /** Microseconds of CPU per delivery, and how many of them in the process itself. */
  readonly micros: number;
  readonly user: number;
  /** Of a core. */
  readonly share: number;
  readonly p50: number;
  readonly p99: number;
}

/** Null when it does not hold the rate: somebody lacks an event ten seconds after the last was sent. */
async function measure({ name, server, load, send, sent }: System, rate: number): Promise<Round | null> {
  const pid = server.pid as number;
  // Compiled, and with the sockets' buffers in their places, before anything is counted.
  await atRate(rate, 1, send);
  const all = async () => (await ask(load, 'end')).last === sent();
  const held = () =>
    eventually('everybody has everything', all, { within: 10_000, every: 50 }).then(
      () => true,
      () => false,
    );
  if (!(await held())) return null;
  const before = sent();
  await ask(load, 'begin');
  const [began, cpu] = [clock(), cpuOf(pid)];
  await atRate(rate, seconds, send);
  if (!(await held())) return null;
  const took = (clock() - began) / 1e6;
  const now = cpuOf(pid);
  const used = now.all - cpu.all;
  const { deliveries, wrong, latency } = await ask(load, 'end');
  const expected = (sent() - before) * clients;
  if (wrong > 0 || deliveries !== expected)
    throw new Error(`${name}: ${wrong} wrong, ${deliveries} of ${expected} deliveries`);
  return {
    micros: (used * 1e6) / deliveries,
    user: ((now.user - cpu.user) * 1e6) / deliveries,
    share: used / took,
    p50: Histogram.quantile(latency, 0.5),
    p99: Histogram.quantile(latency, 0.99),
  };
}

function told(system: System, found: ReadonlyMap<System, readonly Round[]>): string {
  const rounds = found.get(system) ?? [];
  if (system.server.killed || rounds.length === 0) return 'not held';
  const middle = (pick: (round: Round) => number) => median(rounds.map(pick));
  const floors = [...found].filter(([{ name }]) => name.startsWith('floor'));
  const micros = rounds.map((round) => round.micros);
  const times = floors.map(
    ([{ name }, all]) => `${(median(micros) / median(all.map((r) => r.micros))).toFixed(2)} × ${name}`,
  );
  return (
    `${spread(micros)} µs per delivery, ${middle(({ user }) => user).toFixed(2)} outside the kernel, ${Math.round(middle(({ share }) => share) * 100)} % of a core, ` +
    `p50 ${middle(({ p50 }) => p50).toFixed(1)} ms, p99 ${middle(({ p99 }) => p99).toFixed(1)} ms; ${times.join(', ')}`
  );
}

/** What it could not hold would cost the others their time. */
function end({ server, load }: System): void {
  load.kill();
  server.kill();
}

console.log(machine());
console.log(`${clients} WebSockets for each system, ${rounds} rounds of ${seconds} s for each rate, in turn\n`);
try {
  await using redisServer = await startRedis({});
  const redis = new Redis(redisServer.url);
  closing.push(() => redis.disconnect());
  const systems = [
    await floor(redisServer.url, redis, 'floor', 'one-by-one'),
    await floor(redisServer.url, redis, 'floor by turns', 'with-batches'),
    await tailrace(redisServer.url),
  ];
  for (const rate of rates) {
    const found = new Map<System, Round[]>();
    for (let round = 0; round < rounds; round++) {
      for (const system of systems) {
        if (system.server.killed) continue;
        const result = await measure(system, rate);
        if (result) found.set(system, [...(found.get(system) ?? []), result]);
        else end(system);
      }
    }
    console.log(`${rate} events/s, ${(rate * clients).toLocaleString('en')} deliveries/s`);
    for (const system of systems) console.log(`  ${system.name.padEnd(28)} ${told(system, found)}`);
  }
} finally {
  for (const close of closing.reverse()) close();
  rmSync(folder, { recursive: true });
}

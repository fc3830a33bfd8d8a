import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../bin/process.js';
import { honestClients, notesInto, p99, schema } from '../support/honest-clients.js';
import { opened } from '../support/opened.js';
import { secret } from '../support/river.js';
import { eventually, freshPrefix, redisUrl } from '../support/services.js';

/** Milliseconds of each attack. */
const lasting = 4_000;
const people = 100;
const hostile = fileURLToPath(new URL('../support/hostile-client.ts', import.meta.url));

const scope = opened();
let url = '';
let metrics: () => Promise<string>;
let clients: Awaited<ReturnType<typeof honestClients>>;
let quiet = { p99: 0, memory: 0 };

const sampleOf = (page: string, name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? 0);
const memory = async () => sampleOf(await metrics(), 'process_resident_memory_bytes') / 2 ** 20;
const limited = async (limit: string) =>
  sampleOf(await metrics(), `tailrace_gateway_limits_exceeded_total{limit="${limit}"}`);

/** Everybody's notes for a while, and the latencies of all of them. */
async function served(during: () => Promise<void>): Promise<number> {
  let on = true;
  const producing = (async () => {
    for (; on; await wait(50)) await clients.produce(20);
  })();
  await during();
  on = false;
  await producing;
  await clients.settled();
  return p99(clients.latencies());
}

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-hostile-'));
  scope.defer(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'schema.graphql'), schema);
  const prefix = freshPrefix();
  const gateway = scope.use(
    run(['gateway'], {
      TAILRACE_SCHEMA: join(folder, 'schema.graphql'),
      TAILRACE_REDIS_URL: redisUrl(),
      TAILRACE_REDIS_PREFIX: prefix,
      TAILRACE_HOST: '127.0.0.1',
      TAILRACE_PORT: '0',
      TAILRACE_ADMIN_PORT: '0',
      TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
      TAILRACE_AUTH_JWT_SECRET: secret,
      TAILRACE_COMPRESSION: 'on',
      TAILRACE_HEARTBEAT: '3s',
      TAILRACE_REQUEST_TIMEOUT: '1s',
      TAILRACE_INIT_TIMEOUT: '3s',
      TAILRACE_CONNECTIONS_PER_ADDRESS: '10000',
    }),
  );
  const [, admin] = await gateway.until(/"adminPort":(\d+)/);
  const [, port] = await gateway.until(/"port":(\d+)/);
  metrics = async () => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  await eventually('it is ready', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok, { within: 30_000 });
  url = `http://127.0.0.1:${port}/graphql`;
  const notes = scope.use(await notesInto(redisUrl(), prefix));
  clients = scope.use(await honestClients(url, people, notes.append));
  await eventually(
    'all have begun',
    async () => sampleOf(await metrics(), 'tailrace_gateway_subscriptions{field="mine"}') === people,
    { within: 60_000 },
  );
  await served(() => wait(lasting));
  quiet = { p99: await served(() => wait(lasting)), memory: await memory() };
  report('nobody', quiet.p99, quiet.memory, '');
});
afterAll(() => scope[Symbol.asyncDispose]());

const report = (what: string, slowest: number, mebibytes: number, met: string) =>
  console.log(
    `${what.padEnd(16)} p99 ${slowest.toFixed(1).padStart(7)} ms, memory ${mebibytes.toFixed(0)} MiB  ${met}`,
  );

interface Attack {
  readonly kind: string;
  readonly amount?: number;
  /** All that the attacker met with. */
  readonly meets: readonly string[];
  /** The limit that counted them. */
  readonly limit?: string;
}

const attacks: readonly Attack[] = [
  { kind: 'subscriptions', amount: 10_000, meets: ['1013'], limit: 'messageRate' },
  { kind: 'silence', amount: Number(process.env.HOSTILE_SOCKETS ?? 1_000), meets: ['4408'], limit: 'initTimeout' },
  { kind: 'half handshakes', amount: 200, meets: ['HTTP/1.1 408'], limit: 'requestTimeout' },
  { kind: 'never reading', amount: 20, meets: ['cut off', 'still there'] },
  { kind: 'pings', meets: ['1013'], limit: 'messageRate' },
  { kind: 'operations', meets: ['operationAliases', 'operationCost', 'operationDepth'], limit: 'operationDepth' },
  { kind: 'a million', meets: ['1009', 'messageBytes'], limit: 'messageBytes' },
  { kind: 'bombs', meets: ['1009'], limit: 'messageBytes' },
  { kind: 'broken text', meets: ['1007'] },
  { kind: 'fragments', meets: ['acknowledged', 'interleaved: 1002', 'no beginning: 1002', 'pieces: 1008'] },
  { kind: 'no mask', meets: ['1002'] },
];

test.each(attacks)(
  'during $kind, honest clients have everything, in order and in time, and memory comes back',
  async ({ kind, amount = 1, meets, limit }) => {
    const before = limit ? await limited(limit) : 0;
    const attacker = spawn(process.execPath, ['--import', 'tsx', hostile, kind, url, String(amount)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(attacker, 'close');
    let told = '';
    attacker.stdout.setEncoding('utf8').on('data', (words: string) => {
      told += words;
    });
    const slowest = await served(async () => {
      await wait(lasting);
      attacker.stdin.end();
      await ended;
    });
    const after = await eventually(
      'memory comes back',
      async () => {
        const now = await memory();
        return now < 2 * quiet.memory + 64 ? now : null;
      },
      { within: 30_000, every: 500 },
    );
    report(kind, slowest, after, told.trim());

    expect(clients.verdict()).toEqual([]);
    expect(Object.keys(JSON.parse(told) as object).filter((what) => !meets.includes(what))).toEqual([]);
    expect(Object.keys(JSON.parse(told) as object).length).toBeGreaterThan(0);
    if (limit) expect(await limited(limit)).toBeGreaterThan(before);
    // On a machine that does other things as well: what is asked is only that nobody waits for the attacker.
    expect(slowest).toBeLessThan(Math.max(20 * quiet.p99, 2_000));
  },
);

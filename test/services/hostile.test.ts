import { cpus } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attack, type Met } from '../support/attack.js';
import { besieged, type While } from '../support/besieged.js';
import { eventually } from '../support/services.js';

/** Milliseconds of each attack, and of the quiet before it. */
const lasting = 2_500;
const people = 100;
/** Milliseconds by which two quiet whiles differ here: gateway, Redis, clients and attacker share this machine. */
const noise = 25;
/** So often an attack is made before its slowest hundredth counts: anything else that runs here is in it too. */
const tries = 3;

let gateway: Awaited<ReturnType<typeof besieged>>;
const quiet: While[] = [];
const table: string[] = [];

const limited = (limit: string) => gateway.sample(`tailrace_gateway_limits_exceeded_total{limit="${limit}"}`);
const sockets = () => gateway.sample('tailrace_gateway_connections{transport="websocket"}');
const usual = () => quiet.map(({ p99 }) => p99).toSorted((a, b) => a - b)[Math.floor(quiet.length / 2)] as number;
const calm = async () => quiet.push(await gateway.served(() => wait(lasting)));

beforeAll(async () => {
  gateway = await besieged(people, {
    TAILRACE_COMPRESSION: 'on',
    TAILRACE_HEARTBEAT: '10s',
    TAILRACE_REQUEST_TIMEOUT: '1s',
    // So long that all of the silent ones are there at once.
    TAILRACE_INIT_TIMEOUT: '9s',
    TAILRACE_CONNECTIONS_PER_ADDRESS: '10000',
    // What it keeps of the past grows with the honest ones’ events, whoever attacks.
    TAILRACE_TAIL_BYTES: '1000000',
  });
  await gateway.served(() => wait(2 * lasting));
  await calm();
});

afterAll(async () => {
  const spread = quiet.map(({ p99 }) => p99).toSorted((a, b) => a - b);
  const [least, most] = [spread[0], spread.at(-1)].map((one) => one?.toFixed(1));
  console.log(
    [
      `${quiet.length} quiet whiles of ${lasting} ms: p99 ${least} to ${most} ms, ${usual().toFixed(1)} in the middle`,
      `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`,
      '| attack | p99, quiet → attacked | CPU of the gateway | lost | memory before → after | what it met with |',
      '| --- | ---: | ---: | ---: | ---: | --- |',
      ...table,
    ].join('\n'),
  );
  await gateway?.[Symbol.asyncDispose]();
});

interface Row {
  readonly kind: string;
  readonly amount?: number;
  /** All that the attacker may meet with. */
  readonly meets: readonly string[];
  /** The limit that counts them. */
  readonly limit?: string;
  /** So many WebSockets are open at once. */
  readonly reaches?: number;
}

const rows: readonly Row[] = [
  { kind: 'subscriptions', amount: 10_000, meets: ['1013'], limit: 'messageRate' },
  { kind: 'silence', amount: 5_000, meets: ['4408'], limit: 'initTimeout', reaches: 5_000 },
  { kind: 'half handshakes', amount: 1_000, meets: ['HTTP/1.1 408'], limit: 'requestTimeout' },
  { kind: 'never reading', amount: 20, meets: ['cut off', 'still there'] },
  { kind: 'pings', meets: ['1013'], limit: 'messageRate' },
  { kind: 'operations', meets: ['operationAliases', 'operationCost', 'operationDepth'], limit: 'operationDepth' },
  { kind: 'a million', meets: ['1009', 'messageBytes'], limit: 'messageBytes' },
  { kind: 'bombs', meets: ['1009'], limit: 'messageBytes' },
  { kind: 'broken text', meets: ['1007'] },
  { kind: 'fragments', meets: ['acknowledged', 'interleaved: 1002', 'no beginning: 1002', 'pieces: 1008'] },
  { kind: 'no mask', meets: ['1002'] },
];

/** What the attacker met with, and how the honest ones fared meanwhile. */
async function attacked({ kind, amount = 1, reaches }: Row): Promise<While & { met: Met }> {
  await using attacker = await attack(kind, gateway.url, amount);
  let met: Met = {};
  const during = await gateway.served(async () => {
    attacker.begin();
    if (reaches)
      await eventually('all are there', async () => (await sockets()) >= reaches, { within: 30_000, every: 500 });
    else await wait(lasting);
    met = await attacker.stop();
  });
  return { ...during, met };
}

test.each(rows)(
  'during $kind, honest clients have everything, in order and in time, and memory comes back',
  async (row) => {
    const { kind, meets, limit } = row;
    const before = await gateway.memory();
    for (let n = 1; ; n++) {
      const counted = limit ? await limited(limit) : 0;
      const { p99, cpu, met } = await attacked(row);
      const lost = gateway.verdict();
      const bound = Math.max(2 * usual(), usual() + noise);
      const back = async () => (await gateway.memory()) <= 1.2 * before;
      await eventually('memory comes back', back, { within: 30_000, every: 500 }).catch(() => undefined);
      const after = await gateway.memory();
      const calmly = quiet.at(-1) as While;
      table.push(
        `| ${kind} | ${calmly.p99.toFixed(1)} → ${p99.toFixed(1)} ms | ${calmly.cpu.toFixed(2)} → ${cpu.toFixed(2)} | ` +
          `${lost.length} | ${before.toFixed(0)} → ${after.toFixed(0)} MiB | ${JSON.stringify(met)} |`,
      );
      await calm();
      expect(lost).toEqual([]);
      expect(Object.keys(met).filter((what) => !meets.includes(what))).toEqual([]);
      expect(Object.keys(met).length).toBeGreaterThan(0);
      if (limit) expect(await limited(limit)).toBeGreaterThan(counted);
      expect(after).toBeLessThanOrEqual(1.2 * before);
      if (p99 > bound && n < tries) continue;
      // What else runs on this machine is in it too: the table tells the ratio, and what is asked is that nobody waits.
      return expect(p99).toBeLessThan(Math.max(20 * usual(), 2_000));
    }
  },
);

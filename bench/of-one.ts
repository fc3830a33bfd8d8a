import { execFile } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Effort, Gathered, present } from './compare.js';
import type { KindName } from './events.js';
import { startLoad } from './load/load.js';
import { cpuOf, memoryOf } from './measure.js';
import { openStage } from './round.js';
import { script } from './systems/processes.js';
import { type System, type SystemName, startSystem } from './systems/system.js';

/**
 * How an event's cost grows with those whom it does not concern. Over HTTP/2 for Tailrace alone, where a connection has a
 * hundred users: a process may not open as many sockets as there are users to ask for.
 */
export async function slope(effort: Effort) {
  const found = new Gathered();
  const one = async (name: SystemName, transport: 'websocket' | 'http2', clients: number) => {
    const tls = transport === 'http2';
    await using stage = await openStage(name, {
      kind: 'orders',
      transport,
      tls,
      through: 'redis',
      clients,
      subjects: clients,
    });
    // A heartbeat comes every 12 s, spread as the clients came.
    const resting = await stage.idle(effort.smoke ? 0.2 : 12);
    const slow = name === 'naive with withFilter';
    for (let round = 0; round < effort.rounds; round++) {
      const result = await stage.measure(effort.smoke || slow ? 50 : 1_000, effort.seconds);
      if (!result) continue;
      found.add(`${clients.toLocaleString('en')} users${tls ? ' over HTTP/2' : ''}`, name, {
        'gateway µs an event': (result.gateway - resting * result.seconds * 1e6) / result.events,
        'heartbeats, % of a core': resting * 100,
        'p99 ms': result.p99,
      });
    }
  };
  for (const clients of effort.smoke ? [40] : [100, 1_000, 10_000]) {
    for (const name of present(['floor', 'tailrace', 'tailrace beside'], effort)) await one(name, 'websocket', clients);
    if (clients <= 1_000)
      for (const name of present(['naive with withFilter'], effort)) await one(name, 'websocket', clients);
  }
  for (const clients of effort.smoke ? [140] : [100, 1_000, 10_000, 50_000]) {
    for (const name of present(['tailrace', 'tailrace beside'], effort)) await one(name, 'http2', clients);
  }
  return { rows: found.rows, notes: ['`withFilter` is measured at 50 events/s: it holds few more with 1,000 users.'] };
}

const crowdOf = ({ port, protocol }: System, kind: KindName, clients: number) =>
  ({ port, protocol, kind, transport: 'websocket', tls: false, clients, subjects: clients, inFlight: 100 }) as const;

/** Resident memory, over that of a gateway that has served nobody yet. */
export async function idle(effort: Effort) {
  const found = new Gathered();
  const sizes = effort.smoke ? [50] : [5_000, 10_000];
  const one = async (name: SystemName) => {
    await using system = await startSystem(name, 'quotes', 'redis');
    const pid = system.pids.gateway as number;
    const before = memoryOf(pid);
    const loads = [];
    let there = 0;
    for (const clients of sizes) {
      loads.push(await startLoad(crowdOf(system, 'quotes', clients - there)));
      there = clients;
      // A heartbeat and more, in which what connecting left behind is collected.
      await wait(effort.smoke ? 100 : 20_000);
      found.add(`${clients.toLocaleString('en')} sockets`, name, { 'KiB each': (memoryOf(pid) - before) / clients });
    }
    for (const load of loads) await load.end();
  };
  // Side by side: nothing but memory is measured.
  await Promise.all(present(['floor', 'tailrace', 'tailrace beside', 'naive', 'centrifugo'], effort).map(one));
  return { rows: found.rows, notes: [] };
}

/** CPU of the gateway until it rests again; the first few hundred clients, while it compiles itself, are not counted. */
export async function connecting(effort: Effort) {
  const found = new Gathered();
  const clients = effort.smoke ? 50 : 2_000;
  const one = async (name: SystemName, kind: KindName) => {
    const { cpu, seconds } = await connected(name, kind, clients, effort.smoke ? 20 : 500);
    found.add(kind === 'quotes' ? 'without a token' : 'with a token', name, {
      'gateway ms each': (cpu * 1_000) / clients,
      'connections/s': clients / seconds,
    });
  };
  const names = present(['floor', 'tailrace', 'tailrace beside', 'naive', 'centrifugo'], effort);
  if (effort.smoke) await Promise.all(names.map((name) => one(name, 'orders')));
  else {
    for (const kind of ['quotes', 'orders'] as const) {
      for (let round = 0; round < effort.rounds; round++) {
        for (const name of names) await one(name, kind);
      }
    }
  }
  return { rows: found.rows, notes: ['The floor reads tokens and does not verify them.'] };
}

async function connected(name: SystemName, kind: KindName, clients: number, first: number) {
  await using system = await startSystem(name, kind, 'redis');
  const pid = system.pids.gateway as number;
  const early = await startLoad(crowdOf(system, kind, first));
  await resting(pid);
  const before = cpuOf(pid).all;
  const began = performance.now();
  const load = await startLoad(crowdOf(system, kind, clients));
  const seconds = (performance.now() - began) / 1_000;
  const cpu = (await resting(pid)) - before;
  await early.end();
  await load.end();
  return { cpu, seconds };
}

/** Its CPU when it has used next to none for half a second. */
async function resting(pid: number): Promise<number> {
  for (let before = cpuOf(pid).all; ; ) {
    await wait(500);
    const now = cpuOf(pid).all;
    if (now - before <= 0.01) return now;
    before = now;
  }
}

/** `bench/relay.ts`, which waits with a full topic for a relay. */
export async function records(effort: Effort) {
  const found = new Gathered();
  const [command = '', ...args] = script('../relay.ts');
  const { stdout } = await promisify(execFile)(command, [
    ...args,
    effort.smoke ? '2000' : '200000',
    String(Math.min(2, effort.rounds)),
  ]);
  const rounds = stdout.matchAll(/^(.+), round \d+: ([\d,]+) records\/s .* relay ([\d.]+) µs, Redis ([\d.]+) µs/gm);
  for (const [, name = '', perSecond = '', relay, redis] of rounds) {
    found.add('as fast as it can', name, {
      'records/s': Number(perSecond.replaceAll(',', '')),
      'relay µs a record': Number(relay),
      'Redis µs': Number(redis),
    });
  }
  if (found.rows.length === 0) throw new Error(`bench/relay.ts says:\n${stdout}`);
  return { rows: found.rows, notes: [] };
}

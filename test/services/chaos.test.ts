import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { tableOf } from '../support/chaos/fault-table.js';
import { faults } from '../support/chaos/faults.js';
import { compare, load, recovered, warmUp } from '../support/chaos/under-load.js';
import { world } from '../support/chaos/world.js';
import { doubledIn } from '../support/log/log-content.js';
import { opened } from '../support/opened.js';
import { randomOf } from '../support/random.js';
import { balancer } from '../support/servers/balancer.js';
import { startKafkaCluster } from '../support/servers/kafka-cluster.js';
import { startRedis } from '../support/servers/services.js';

/**
 * Minutes of faults, drawn by a seed, on real servers. In the end everybody has exactly their own events, once and in
 * order, or was told rightly what is gone. Each fault meets a world that has recovered from the one before; with
 * `CHAOS_MINUTES=10 npm run test:chaos` it is longer, and half of them meet one that is still busy; `CHAOS_ONLY=cut` keeps
 * to those with that word in their name.
 */
const { CHAOS_MINUTES, CHAOS_ONLY = '' } = process.env;
const minutes = Number(CHAOS_MINUTES ?? 2);
const seed = Number(process.env.CHAOS_SEED ?? 1);
const replay = `CHAOS_SEED=${seed} CHAOS_MINUTES=${minutes} npm run test:chaos`;

test(`faults for ${minutes} minutes (seed ${seed}) lose nothing, repeat nothing, mix nothing up`, {
  timeout: (minutes + 8) * 60_000,
}, async () => {
  const random = randomOf(seed);
  const pick = (count: number) => Math.floor(random() * count);
  await using redis = await startRedis({ clock: true, args: ['--enable-debug-command', 'local'] });
  await using kafka = await startKafkaCluster();
  await using scope = opened();
  const way = async () => scope.use(await balancer([redis.port]));
  const ways = { relay: [await way(), await way()], gateway: [await way(), await way()] };
  const redisUrl = (process: keyof typeof ways, n: number) => `redis://127.0.0.1:${ways[process][n]?.port}`;
  await using made = await world({ redisUrl, brokers: kafka.brokers, cluster: kafka });
  const quiet = await warmUp(made);
  const since = performance.now();
  const until = since + minutes * 60_000;

  const names = Object.keys(faults).filter((name) => name.includes(CHAOS_ONLY));
  let rest: string[] = [];
  const producing = load(made, () => 60 + Math.floor(Math.random() * 40));
  try {
    await recovered(made, quiet);
    for (let n = 0; n < names.length || performance.now() < until; n++) {
      // Every kind once before any comes again.
      if (rest.length === 0) rest = [...names];
      const name = rest.splice(pick(rest.length), 1)[0] as string;
      const [patient, between] = [pick(2) === 0 || !CHAOS_MINUTES, 300 + pick(1_000)];
      const stretch = made.ledger.mark(name);
      if (process.env.CHAOS_VERBOSE) console.log(`${Math.round((until - performance.now()) / 1000)} s left: ${name}`);
      await faults[name]?.({ made, redis, kafka, ways, pick }, stretch);
      if (patient) await recovered(made, stretch);
      await wait(between);
    }
    await producing.stop();
    const rate = (made.ledger.size() / (performance.now() - since)) * 1000;
    await compare(made);
    expect(await doubledIn(redis.url, made.prefix)).toEqual([]);
    console.log(`seed ${seed}: ${made.ledger.size()} events, ${Math.round(rate)} a second, ${made.clients.length} clients
${tableOf(made.ledger.rows())}
again: ${replay}`);
    expect(made.ledger.rows().map(({ what }) => what)).toEqual(expect.arrayContaining(names));
  } catch (error) {
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-chaos-'));
    for (const [n, one] of [...made.relays, ...made.gateways].entries())
      writeFileSync(join(folder, `${n}.log`), one.log());
    writeFileSync(join(folder, 'ledger.json'), JSON.stringify(made.ledger.details(), null, 1));
    console.log(`what the two relays and the two gateways wrote, and what the ledger knows: ${folder}`);
    console.log(`${made.ledger.verdict().join('\n')}\n${tableOf(made.ledger.rows())}\nagain: ${replay}`);
    throw error;
  } finally {
    await producing.stop().catch(() => undefined);
  }
});

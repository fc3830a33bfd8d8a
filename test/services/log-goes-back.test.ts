import { expect, test } from 'vitest';
import { redisKeys } from '../../src/log/redis-keys.js';
import { tableOf } from '../support/chaos/fault-table.js';
import { compare, load, recovered, warmUp } from '../support/chaos/under-load.js';
import { world } from '../support/chaos/world.js';
import { opened } from '../support/opened.js';
import { ask } from '../support/servers/ask-redis.js';
import { eventually, kafkaBrokers, startRedis, type ThrowAway } from '../support/servers/services.js';

const infoOf = async (port: number, name: string) =>
  new RegExp(`^${name}:(\\S+)`, 'm').exec(String(await ask(port, 'INFO')))?.[1];

const follows = (port: number) =>
  eventually(`${port} follows`, async () => (await infoOf(port, 'master_link_status')) === 'up', { within: 30_000 });

/** A way to keep a copy of what Redis has, and to set it back to that. */
interface Way {
  readonly what: string;
  /** Whether it is another run of Redis then, by which relays have always known it. */
  readonly runsOn: boolean;
  keep(redis: ThrowAway, spare: ThrowAway): Promise<unknown>;
  restore(redis: ThrowAway, spare: ThrowAway): Promise<unknown>;
}

const ways: readonly Way[] = [
  {
    what: 'made a replica of an older copy for a moment',
    runsOn: true,
    async keep(redis, spare) {
      await ask(spare.port, 'REPLICAOF', '127.0.0.1', String(redis.port));
      await follows(spare.port);
      await ask(spare.port, 'REPLICAOF', 'NO', 'ONE');
    },
    async restore(redis, spare) {
      await ask(redis.port, 'REPLICAOF', '127.0.0.1', String(spare.port));
      await follows(redis.port);
      await ask(redis.port, 'REPLICAOF', 'NO', 'ONE');
    },
  },
  {
    what: 'made to load an older snapshot',
    runsOn: true,
    keep: (redis) => ask(redis.port, 'SAVE'),
    restore: (redis) => ask(redis.port, 'DEBUG', 'RELOAD', 'NOSAVE'),
  },
  {
    what: 'killed, and started on an older snapshot',
    runsOn: false,
    keep: (redis) => ask(redis.port, 'SAVE'),
    async restore(redis) {
      await redis.kill();
      await redis.start();
    },
  },
];

for (const { what, runsOn, keep, restore } of ways) {
  test(`a Redis that is ${what}, under load: nothing lost, nothing twice, for who stayed and for who was away`, {
    timeout: 300_000,
  }, async () => {
    await using scope = opened();
    const redis = scope.use(await startRedis({ args: ['--enable-debug-command', 'yes'] }));
    const spare = scope.use(await startRedis());
    await using made = await world({ redisUrl: redis.url, brokers: kafkaBrokers(), clients: 30 });
    const { ledger, clients } = made;
    const quiet = await warmUp(made);
    const producing = load(made, () => 40);
    await recovered(made, quiet);
    const stored = async (name: string) => String(await ask(redis.port, 'HGET', redisKeys(made.prefix).meta(0), name));
    const number = async () => Number(await stored('number'));

    // A third holds cursors of before the copy, a third of behind it, a third stays.
    const [before, behind] = [0, 1].map((rest) => clients.filter((_, n) => n % 3 === rest).map(({ line }) => line));
    for (const line of before ?? []) line.refuse();
    await keep(redis, spare);
    const copied = await number();
    await eventually('the log goes on', async () => (await number()) >= copied + 400, { within: 60_000 });
    for (const line of behind ?? []) line.refuse();
    const [run, epoch, last] = [await infoOf(redis.port, 'run_id'), await stored('epoch'), await number()];

    const setBack = ledger.mark(`Redis is ${what}`);
    await restore(redis, spare);
    expect((await infoOf(redis.port, 'run_id')) === run).toBe(runsOn);
    for (const line of [...(before ?? []), ...(behind ?? [])]) line.open();
    await recovered(made, setBack);
    await producing.stop();
    await compare(made);
    expect(await stored('epoch')).not.toBe(epoch);
    console.log(`the log went from ${last} back to ${copied}\n${tableOf(ledger.rows())}`);
  });
}

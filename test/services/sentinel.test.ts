import { expect, test } from 'vitest';
import { redisKeys } from '../../src/log/redis-keys.js';
import { tableOf } from '../support/chaos/fault-table.js';
import { compare, load, recovered, warmUp } from '../support/chaos/under-load.js';
import { world } from '../support/chaos/world.js';
import { ask } from '../support/servers/ask-redis.js';
import { sentinels } from '../support/servers/sentinels.js';
import { eventually, kafkaBrokers } from '../support/servers/services.js';

test('a failover to a replica that lags, under load: nothing lost, nothing twice, for who stayed and for who was away', {
  timeout: 300_000,
}, async () => {
  await using redis = await sentinels();
  const { master, replica } = redis;
  await using made = await world({ redisUrl: redis.url, brokers: kafkaBrokers(), clients: 60 });
  const { ledger, clients } = made;
  const quiet = await warmUp(made);
  const producing = load(made, () => 40);
  await recovered(made, quiet);
  const numberAt = async (port: number) => Number(await ask(port, 'HGET', redisKeys(made.prefix).meta(0), 'number'));

  // Every third client holds a cursor of the master that is about to die, and comes back to another.
  const away = clients.filter((_, n) => n % 3 === 0).map(({ line }) => line);
  const whileAway = ledger.mark('the replica lags');
  await redis.separate();
  const left = await numberAt(replica.port);
  await eventually('the replica lags', async () => (await numberAt(master.port)) >= left + 400, { within: 60_000 });
  await recovered(made, whileAway);
  for (const line of away) line.refuse();
  const before = await numberAt(master.port);
  await eventually('some events while they are away', async () => (await numberAt(master.port)) >= before + 200);
  expect(await numberAt(replica.port)).toBe(left);

  const failover = ledger.mark('failover');
  const last = await numberAt(master.port);
  await master.kill();
  const elects = (port: number) => async () => (await redis.elected()) === port;
  await eventually('the replica is the master', elects(replica.port), { within: 60_000 });
  for (const line of away) line.open();
  await recovered(made, failover);

  // The old master comes back empty; the sentinels make it a replica, and it is filled by the new one.
  const back = ledger.mark('the old master comes back');
  await master.start({ empty: true });
  const role = async (port: number) => ((await ask(port, 'ROLE')) as string[])[0];
  await eventually('it is a replica', async () => (await role(master.port)) === 'slave', { within: 60_000 });
  const caughtUp = async () => (await numberAt(master.port)) > 0;
  await eventually('it has the log', caughtUp, { within: 60_000 });
  await recovered(made, back);

  // When it wakes it takes itself for the master, and so does whoever is still connected, until the sentinels end that.
  const asleep = ledger.mark('a master that sleeps');
  replica.pause();
  await eventually('the first master is the master again', elects(master.port), { within: 60_000 });
  replica.resume();
  await eventually('the sleeper is a replica', async () => (await role(replica.port)) === 'slave', { within: 60_000 });
  await recovered(made, asleep);

  const order = ledger.mark('failover by order');
  // Refused while the sentinels still see to the last one.
  await eventually('the sentinels take the order', () => redis.failover(), { within: 60_000 });
  await eventually('they have changed places', elects(replica.port), { within: 60_000 });
  await recovered(made, order);

  await producing.stop();
  await compare(made);
  console.log(`the replica lagged by ${last - left} events or more\n${tableOf(ledger.rows())}`);
});

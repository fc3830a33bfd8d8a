import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eventually, kafkaBrokers, redisUrl } from '../support/services.js';
import { compare, warmUp, world } from '../support/world.js';

const services = () => ({ redisUrl: redisUrl(), brokers: kafkaBrokers() });

test('200 users on two gateways get exactly their own of 20,000 events, in order', async () => {
  await using made = await world(services());
  const begin = await warmUp(made);
  for (let n = 0; n < 20; n++) await made.produce(1_000);
  await compare(made, begin);
});

test('a rolling restart of both gateways under load loses nothing for clients that resume', async () => {
  await using made = await world(services());
  const begin = await warmUp(made);
  let producing = true;
  const load = (async () => {
    // A rate, not a wait: 2,000 events a second at the most.
    for (; producing; await wait(50)) await made.produce(100);
  })();
  for (const [n, old] of made.gateways.entries()) {
    old.child.kill('SIGTERM');
    expect(await old.ended).toMatchObject({ code: 0 });
    made.gateways[n] = await made.startGateway(String(old.port));
  }
  const again = () => made.clients.every(({ reconnects }) => reconnects() >= 1);
  await eventually('every client was moved', again, { within: 60_000 });
  producing = false;
  await load;
  await compare(made, begin);
});

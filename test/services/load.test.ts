import { expect, test } from 'vitest';
import { compare, load, warmUp } from '../support/chaos/under-load.js';
import { world } from '../support/chaos/world.js';
import { eventually, kafkaBrokers, redisUrl } from '../support/servers/services.js';

const services = () => ({ redisUrl: redisUrl(), brokers: kafkaBrokers() });

test('200 users on two gateways get exactly their own of 20,000 events, in order', async () => {
  await using made = await world(services());
  await warmUp(made);
  for (let n = 0; n < 20; n++) await made.produce(1_000);
  await compare(made);
});

test('a rolling restart of both gateways under load loses nothing for clients that resume', async () => {
  await using made = await world(services());
  await warmUp(made);
  const producing = load(made, () => 100);
  for (const [n, old] of made.gateways.entries()) {
    old.child.kill('SIGTERM');
    expect(await old.ended).toMatchObject({ code: 0 });
    made.gateways[n] = await made.startGateway(n, String(old.port));
  }
  const again = () => made.clients.every(({ reconnects }) => reconnects() >= 1);
  await eventually('every client was moved', again, { within: 60_000 });
  await producing.stop();
  await compare(made);
});

import { expect, test } from 'vitest';
import { firstEvents, run } from '../bin/process.js';
import { eventually, freshPrefix, kafkaBrokers, redisUrl } from '../support/servers/services.js';

const free = { TAILRACE_PORT: '0', TAILRACE_ADMIN_PORT: '0' };

test('two relays, two gateways and the sample producer are five processes that end with 0', async () => {
  const keys = { TAILRACE_CURSOR_SECRET: 'c'.repeat(32), TAILRACE_AUTH_JWT_SECRET: 'k'.repeat(32) };
  const kafka = { TAILRACE_KAFKA_BROKERS: kafkaBrokers().join(',') };
  const redis = { TAILRACE_REDIS_URL: redisUrl(), TAILRACE_REDIS_PREFIX: freshPrefix() };
  const relay = { ...free, ...kafka, ...redis, TAILRACE_KAFKA_GROUP_ID: freshPrefix() };
  const gateway = { ...free, ...redis, ...keys, TAILRACE_RETIRE_PERIOD: '100ms' };
  await using sample = run(['--rate', '20'], kafka, undefined, 'sample-producer');
  await using relay1 = run(['relay'], relay);
  await using relay2 = run(['relay'], relay);
  await using gateway1 = run(['gateway'], gateway);
  await using gateway2 = run(['gateway'], gateway);

  for (const running of [relay1, relay2, gateway1, gateway2]) {
    const [, admin] = await running.until(/"adminPort":(\d+)/);
    await eventually('every process is ready', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok, {
      within: 40_000,
    });
  }

  const token = (await run(['token', '--sub', 'ada'], keys).ended).out.trim();
  for (const running of [gateway1, gateway2]) {
    const [, port] = await running.until(/"port":(\d+)/);
    const [first, second] = await firstEvents(
      `http://127.0.0.1:${port}`,
      'subscription { transaction { userId } }',
      2,
      { authorization: `Bearer ${token}` },
    );
    expect([first.data, second.data]).toEqual([{ transaction: { userId: 'ada' } }, { transaction: { userId: 'ada' } }]);
  }

  for (const running of [sample, gateway1, gateway2, relay1, relay2]) running.child.kill('SIGTERM');
  for (const running of [sample, gateway1, gateway2, relay1, relay2])
    expect(await running.ended).toMatchObject({ code: 0 });
});

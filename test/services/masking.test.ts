import { expect, test } from 'vitest';
import { firstEvents, run } from '../bin/process.js';
import { startExample } from '../examples/process.js';
import { eventually, freshPrefix, kafkaBrokers, redisUrl } from '../support/servers/services.js';

const secret = 'a secret for tests only and long enough';

test('a resolver masks card numbers for everybody but auditors, with the real relay behind it', async ({
  onTestFailed,
}) => {
  const prefix = freshPrefix();
  const kafka = { TAILRACE_KAFKA_BROKERS: kafkaBrokers().join(',') };
  const redis = { TAILRACE_REDIS_URL: redisUrl(), TAILRACE_REDIS_PREFIX: prefix };
  await using sample = run(['--rate', '20'], kafka, undefined, 'sample-producer');
  await using relay = run(['relay'], {
    ...kafka,
    ...redis,
    TAILRACE_KAFKA_GROUP_ID: freshPrefix(),
    TAILRACE_ADMIN_PORT: '0',
  });
  await using gateway = await startExample('masking/gateway.ts', {
    REDIS_URL: redisUrl(),
    REDIS_PREFIX: prefix,
    TOKEN_SECRET: secret,
    CURSOR_SECRET: secret,
  });
  const address = `http://127.0.0.1:${gateway.port}`;
  onTestFailed(() => console.log(`relay: ${relay.log().slice(-3000)}\nsample: ${sample.log().slice(-1000)}`));
  const [, admin] = await relay.until(/"adminPort":(\d+)/);
  for (const ready of [`http://127.0.0.1:${admin}/readyz`, `${address}/readyz`])
    await eventually(`${ready} says yes`, async () => (await fetch(ready)).ok, { within: 40_000 });

  const cardSeenBy = async (claims: object) => {
    const args = ['token', '--sub', 'ada', '--claims', JSON.stringify(claims)];
    const token = (await run(args, { TAILRACE_AUTH_JWT_SECRET: secret }).ended).out.trim();
    const [event] = await firstEvents(address, 'subscription { transaction { userId cardNumber } }', 1, {
      authorization: `Bearer ${token}`,
    });
    expect(event.data.transaction.userId).toBe('ada');
    return event.data.transaction.cardNumber;
  };
  expect(await cardSeenBy({})).toMatch(/^•••• •••• •••• \d{4}$/);
  expect(await cardSeenBy({ roles: ['reader'] })).toMatch(/^•••• •••• •••• \d{4}$/);
  expect(await cardSeenBy({ roles: 'auditor' })).toMatch(/^•••• •••• •••• \d{4}$/);
  expect(await cardSeenBy({ roles: ['auditor'] })).toMatch(/^\d{4} \d{4} \d{4} \d{4}$/);

  expect(await gateway.stop()).toBe(0);
});

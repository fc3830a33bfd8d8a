import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { run } from '../bin/process.js';
import { startExample } from '../examples/process.js';
import { produce } from '../support/relay/relay-kafka.js';
import {
  eventually,
  type FreshTopic,
  freshPrefix,
  freshTopic,
  kafkaBrokers,
  redisUrl,
} from '../support/servers/services.js';

/** The tutorial server, the half-way state and Tailrace: one client and one Kafka topic for all three. */
const secret = 'a secret for tests only and long enough';
const redis = new URL(redisUrl());
const example = (name: string) => fileURLToPath(new URL(`../../examples/coming-from-yoga/${name}`, import.meta.url));

let topic: FreshTopic;
beforeAll(async () => {
  topic = await freshTopic('coming-from-yoga', 2);
});
afterAll(async () => topic[Symbol.asyncDispose]());

interface Transaction {
  readonly id: string;
  readonly userId: string;
  readonly amount: number;
  readonly currency: string;
}

let made = 0;
const pay = (userId: string, amount: number): Transaction => {
  return { id: `tx-${++made}`, userId, amount, currency: 'EUR' };
};

const send = (...transactions: Transaction[]) =>
  produce(
    topic.name,
    transactions.map((transaction) => ({ key: transaction.userId, value: JSON.stringify(transaction) })),
  );

/** Ada's client: the same lines before and after. Gives the transactions it is shown, as they come. */
async function subscribeAsAda(port: number) {
  const token = (await run(['token', '--sub', 'ada'], { TAILRACE_AUTH_JWT_SECRET: secret }).ended).out.trim();
  const client = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ authorization: `Bearer ${token}` }),
  });
  const shown: Transaction[] = [];
  const errors: unknown[] = [];
  client.subscribe<{ transaction: Transaction }>(
    { query: 'subscription { transaction(minAmount: 10) { id userId amount currency } }' },
    {
      next: ({ data, errors: told }) => {
        if (told) errors.push(told);
        if (data) shown.push(data.transaction);
      },
      // A close event has a whole socket in it: its code says enough.
      error: (error) => void errors.push(error instanceof Object && 'code' in error ? error.code : error),
      complete: () => {},
    },
  );
  return { shown, errors, [Symbol.asyncDispose]: async () => void (await client.dispose()) };
}

/** Sends until the stream has begun, then proves what it shows: all that is hers and large enough, nothing else, in order. */
async function showsAdaHersAlone(port: number) {
  await using ada = await subscribeAsAda(port);
  await eventually(
    'the stream has begun',
    async () => {
      await send(pay('ada', 99));
      if (ada.errors.length > 0) throw new Error(`Ada is told ${JSON.stringify(ada.errors)}`);
      return ada.shown.length > 0;
    },
    { within: 40_000, every: 200 },
  );
  const hers = Array.from({ length: 20 }, (_, i) => pay('ada', 10 + i));
  const noise = hers.flatMap(() => [pay('grace', 50), pay('ada', 9.99), pay("ada' || true", 50)]);
  await send(...hers.flatMap((own, i) => [own, ...noise.slice(3 * i, 3 * i + 3)]));
  const last = pay('ada', 1000);
  await send(last);
  await eventually('the last one has come', () => ada.shown.some(({ id }) => id === last.id));
  const ids = new Set(hers.map(({ id }) => id));
  expect(ada.shown.filter(({ id }) => ids.has(id))).toEqual(hers);
  expect(ada.errors).toEqual([]);
  expect(ada.shown.every(({ userId, amount }) => userId === 'ada' && amount >= 10)).toBe(true);
}

const tutorialEnv = () => ({
  KAFKA_BROKERS: kafkaBrokers().join(','),
  KAFKA_GROUP_ID: freshPrefix(),
  TOPIC: topic.name,
  REDIS_URL: redis.href,
  TOKEN_SECRET: secret,
});

const gatewayEnv = (schema: string) => ({
  TAILRACE_PORT: '0',
  TAILRACE_ADMIN_PORT: '0',
  TAILRACE_REDIS_URL: redis.href,
  TAILRACE_REDIS_PREFIX: freshPrefix(),
  TAILRACE_SCHEMA: schema,
  TAILRACE_CURSOR_SECRET: secret,
  TAILRACE_AUTH_JWT_SECRET: secret,
  TAILRACE_RETIRE_PERIOD: '100ms',
});

describe('coming from Yoga', () => {
  test('before: the tutorial server shows Ada her transactions', async () => {
    await using server = await startExample('coming-from-yoga/before/server.ts', tutorialEnv());
    await showsAdaHersAlone(server.port);
  });

  test('between: Tailrace serves the same resolvers, fed by the old consumer', async () => {
    await using _old = await startExample('coming-from-yoga/before/server.ts', tutorialEnv());
    await using gateway = run(['gateway'], gatewayEnv(example('between/schema.graphql')));
    const [, port] = await gateway.until(/"port":(\d+)/);
    await showsAdaHersAlone(Number(port));
  });

  test('after: a schema is all that is left', async () => {
    // The topic of this test has a name of its own; all else is the example's file.
    const schema = join(tmpdir(), `${freshPrefix()}.graphql`);
    const text = readFileSync(example('after/schema.graphql'), 'utf8');
    expect(text).toContain('"card-transactions"');
    writeFileSync(schema, text.replace('"card-transactions"', JSON.stringify(topic.name)));
    try {
      const env = gatewayEnv(schema);
      const kafka = { TAILRACE_KAFKA_BROKERS: kafkaBrokers().join(','), TAILRACE_KAFKA_GROUP_ID: freshPrefix() };
      await using _relay = run(['relay'], { ...env, ...kafka });
      await using gateway = run(['gateway'], env);
      const [, port] = await gateway.until(/"port":(\d+)/);
      await showsAdaHersAlone(Number(port));
    } finally {
      rmSync(schema);
    }
  });
});

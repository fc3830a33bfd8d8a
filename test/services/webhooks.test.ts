import { expect, test } from 'vitest';
import { createGateway } from '../../src/index.js';
import { connectRedis } from '../../src/log/redis-connection.js';
import { createRedisLogWriter } from '../../src/log/redis-writer.js';
import { silent } from '../../src/observe/logger.js';
import { noGatewayMetrics, noRelayMetrics } from '../../src/observe/metrics.js';
import { startKafkaRelay } from '../../src/relay/kafka/kafka-relay.js';
import { compileSchema } from '../../src/schema/compile.js';
import {
  claimsOf,
  expected,
  headersOf,
  query,
  sdlFor,
  variablesOf,
  viewers,
  webhooks,
} from '../foreign-clients/webhooks.js';
import { opened } from '../support/opened.js';
import { produce } from '../support/relay/relay-kafka.js';
import { type Listening, listen, listenSse, type Result, secret, tokenFor } from '../support/river.js';
import {
  eventually,
  freshPrefix,
  freshTopic,
  kafka39Brokers,
  kafkaBrokers,
  redisUrl,
} from '../support/servers/services.js';

test.each([
  ['4.3.1', kafkaBrokers()],
  ['3.9.1', kafka39Brokers()],
])(
  "GitHub's recorded webhooks, over Kafka %s and Redis: exactly the events of one's repositories",
  async (_, brokers) => {
    await using topic = await freshTopic('webhooks', 3, {}, brokers);
    await using open = opened();
    const schema = sdlFor(topic.name);
    const redis = { url: redisUrl(), prefix: freshPrefix('webhooks') };
    const retention = { retain: 600_000, max: 1000 };
    const { schema: streams } = compileSchema(schema, { retention });
    if (!streams) throw new Error('the schema is refused');

    const log = createRedisLogWriter(connectRedis(redis.url, 'relay', silent), { prefix: redis.prefix });
    open.defer(() => log.close());
    const relay = startKafkaRelay({
      schema: streams,
      log,
      kafka: { brokers },
      groupId: freshPrefix('webhooks'),
      metrics: noRelayMetrics,
      logger: silent,
    });
    open.defer(() => relay.stop());

    let subscribed = 0;
    const metrics = {
      ...noGatewayMetrics,
      subscribed: (_: string, change: number) => {
        subscribed += change;
      },
    };
    const ports: number[] = [];
    for (let n = 0; n < 2; n++) {
      const options = {
        schema,
        redis,
        metrics,
        cursorSecrets: ['cursor secret'],
        auth: { secrets: [secret] },
        retirePeriod: 0,
      };
      const gateway = createGateway(options);
      open.defer(() => gateway.retire());
      ports.push(await gateway.listen(0, '127.0.0.1'));
      await eventually('the gateway is ready', async () => (await gateway.ready()) === null);
    }
    await eventually('the relay has joined', () => relay.ready() === null);

    const clients: Listening[] = [];
    for (const [n, viewer] of viewers.entries()) {
      const at = `//127.0.0.1:${ports[n % 2]}/graphql`;
      const options = { token: await tokenFor(claimsOf(viewer, n)), variables: variablesOf(viewer) };
      clients.push(open.use(n % 4 < 2 ? listen(`ws:${at}`, query, options) : listenSse(`http:${at}`, query, options)));
    }
    await eventually('all are subscribed', () => subscribed === viewers.length);

    const messages = webhooks.map((webhook) => ({
      key: webhook.payload.repository?.full_name ?? null,
      value: JSON.stringify(webhook.payload),
      headers: headersOf(webhook),
    }));
    for (let at = 0; at < messages.length; at += 50) await produce(topic.name, messages.slice(at, at + 50), brokers);

    await eventually('each has as many as the rule says', () => {
      expect(clients.map(({ results }) => results.length)).toEqual(viewers.map((viewer) => expected(viewer).length));
    });
    for (const [n, viewer] of viewers.entries()) {
      const shown = clients[n]?.results.map((result) => result.data?.webhook ?? result) ?? [];
      expect(byRepository(shown)).toEqual(byRepository(expected(viewer)));
    }
  },
);

/** Kafka keeps the order of a key, here the repository. */
function byRepository(events: Result[]): Map<string, Result[]> {
  const names = [...new Set(events.map(({ repository }) => String(repository.fullName)))].sort();
  return new Map(names.map((name) => [name, events.filter(({ repository }) => repository.fullName === name)]));
}

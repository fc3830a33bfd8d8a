import { randomBytes } from 'node:crypto';
import { type Admin, type ITopicConfig, Kafka, logLevel } from 'kafkajs';
import { readState } from '../../../scripts/services/state.mjs';
import { makeTopics } from '../../../src/kafka/topics.js';

export { chromiumPath } from '../../../scripts/services/chromium.mjs';
export { eventually } from '../eventually.js';
export { type TestClock, testClock } from './clock.js';
export { startKafka, startRedis, type ThrowAway, type ThrowAwayRedis } from './throw-away.js';

/** The addresses of the real services: from the environment, or as `npm run services -- up` wrote them down. */
function address(variable: string, service: string): string {
  const found = process.env[variable] || readState()[service]?.address;
  if (!found) throw new Error(`${service} is not up: npm run services -- up --kafka=3.9.1, or set ${variable}`);
  return found;
}

export const redisUrl = (): string => address('TAILRACE_TEST_REDIS_URL', 'redis');
export const kafkaBrokers = (): string[] => address('TAILRACE_TEST_KAFKA_BROKERS', 'kafka-4.3.1').split(',');
export const kafka39Brokers = (): string[] => address('TAILRACE_TEST_KAFKA39_BROKERS', 'kafka-3.9.1').split(',');

/** A client of the real Kafka that keeps quiet. */
export const kafkaClient = (brokers: string[] = kafkaBrokers()): Kafka =>
  new Kafka({ brokers, clientId: 'test', logLevel: logLevel.NOTHING });

/** A name that no other test has, now or in another run: for Redis prefixes, consumer groups and topics. */
export const freshPrefix = (name = 'test'): string => `${name}-${randomBytes(6).toString('hex')}`;

export interface FreshTopic extends AsyncDisposable {
  readonly name: string;
}

/**
 * Makes a topic of its own name and resolves when its partitions have leaders; deletes it at the end.
 * `config` is Kafka's own, such as `{'cleanup.policy': 'compact'}`.
 */
export async function freshTopic(
  name: string,
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
  brokers: string[] = kafkaBrokers(),
): Promise<FreshTopic> {
  const topic: ITopicConfig = {
    topic: freshPrefix(name),
    numPartitions: partitions,
    replicationFactor: 1,
    configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
  };
  await withAdmin(brokers, (admin) => makeTopics(admin, [topic]));
  return {
    name: topic.topic,
    [Symbol.asyncDispose]: () =>
      withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic.topic] })).catch((error: { type?: string }) => {
        // The test deleted it itself.
        if (error.type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      }),
  };
}

export async function withAdmin<T>(at: string[] | Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = (Array.isArray(at) ? kafkaClient(at) : at).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

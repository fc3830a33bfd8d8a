import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { originOf } from '../src/event/origin.js';
import { defaultCluster } from '../src/event/source-event.js';
import { connectRedis } from '../src/log/redis-connection.js';
import { createRedisLogWriter } from '../src/log/redis-writer.js';
import { silent } from '../src/observe/logger.js';
import { routeIds, routingOf } from '../src/relay/route.js';
import { compileSchema } from '../src/schema/compile.js';
import { entriesOf } from '../test/support/relay/entries.js';
import { kafkaClient } from '../test/support/servers/services.js';
import { type KindName, kinds } from './events.js';
import { clock } from './measure.js';

export interface Produced {
  readonly subject: number;
  readonly event: object;
}

/** Keeps the order of the events of each subject, also when it is called again before it has resolved. */
export type Send = (events: readonly Produced[]) => Promise<void>;

export interface Feed {
  readonly send: Send;
  close(): Promise<void>;
}

/** Events that know their number, and how many of each subject there were. */
export function numbered(kind: KindName, subjects: number) {
  const counts: number[] = new Array(subjects).fill(0);
  return {
    counts,
    next(subject: number): Produced {
      const n = (counts[subject] as number) + 1;
      counts[subject] = n;
      return { subject, event: kinds[kind].event(subject, n, clock()) };
    },
  };
}

/** Calls `send` with how many are due, until `seconds` are over: `rate` a second in all, at most one call per 2 ms. */
export async function atRate(rate: number, seconds: number, send: (count: number) => void): Promise<void> {
  const began = performance.now();
  const elapsed = () => (performance.now() - began) / 1_000;
  // The last look comes at the end: a process that was late would send less than was due, or nothing at all.
  for (let sent = 0; sent < Math.floor(seconds * rate); ) {
    const due = Math.floor(Math.min(elapsed(), seconds) * rate) - sent;
    if (due > 0) send(due);
    sent += due;
    await new Promise((resolve) => setTimeout(resolve, Math.max(2, 1_000 / rate / 4)));
  }
}

/** Records of a real Kafka, keyed by subject. Requests are not waited for: a connection answers them in order. */
export async function feedKafka(
  topic: string,
  kind: KindName,
  headersOf: (subject: number) => Record<string, string> = () => ({}),
): Promise<Feed> {
  const producer = kafkaClient().producer();
  await producer.connect();
  const send: Send = async (events) => {
    const messages = events.map(({ subject, event }) => ({
      key: String(subject),
      value: JSON.stringify(kinds[kind].record(event)),
      headers: headersOf(subject),
    }));
    await producer.send({ topic, messages, acks: 1 });
  };
  return { send, close: () => producer.disconnect() };
}

/** As the tutorial's relay publishes: to a channel per subject, or with `shared` to one. */
export function feedPubSub(redis: Redis, kind: KindName, shared: boolean): Feed {
  const { channel } = kinds[kind];
  return {
    async send(events) {
      const all = redis.pipeline();
      for (const { subject, event } of events) all.publish(shared ? kind : channel(subject), JSON.stringify(event));
      await all.exec();
    },
    close: async () => undefined,
  };
}

/** Puts events into the log as a relay does, as records of one partition, without a Kafka. */
export async function feedLog(redisUrl: string, kind: KindName, topic: string): Promise<Feed> {
  const { schema, problems } = compileSchema(kinds[kind].sdl(topic), { retention: { retain: 600_000, max: 1_000 } });
  const plan = schema?.topics.in(defaultCluster).get(topic);
  if (!plan) throw new Error(problems.map(({ message }) => message).join('\n'));
  const { fingerprint } = schema as NonNullable<typeof schema>;
  const routes = routeIds(plan);
  const redis = connectRedis(redisUrl, 'bench', silent);
  // Its commands do not queue.
  await once(redis, 'ready');
  const log = createRedisLogWriter(redis, { prefix: 'bench' });
  const source = { cluster: 'bench', topic, partition: 0 };
  const { epoch } = await log.partition(source);
  const origin = originOf(source, null);
  let offset = 0;
  let last = Promise.resolve();

  async function append(events: readonly Produced[]): Promise<void> {
    const base = offset;
    const timestamp = Date.now();
    const entries = events.flatMap(({ event }) => {
      const value = Buffer.from(JSON.stringify(kinds[kind].record(event)));
      const record = { topic, partition: 0, offset: offset++, timestamp, key: null, headers: {}, value };
      return entriesOf(record, routingOf(plan as NonNullable<typeof plan>, origin));
    });
    const newest = { offset: offset - 1, timestamp };
    const batch = {
      source,
      epoch,
      base,
      next: offset,
      first: base === 0,
      last: newest,
      entries,
      gap: null,
      routes,
      fingerprint,
    };
    const answer = await log.append(batch);
    if (answer.kind !== 'appended') throw new Error(`the log answers ${answer.kind}`);
  }

  return {
    send(events) {
      last = last.then(() => append(events));
      return last;
    },
    close: async () => redis.disconnect(),
  };
}

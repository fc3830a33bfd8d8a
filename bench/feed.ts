import type { Redis } from 'ioredis';
import { createRedisLogWriter } from '../src/log/redis-writer.js';
import { decode } from '../src/relay/decode.js';
import { metaOf, route } from '../src/relay/route.js';
import type { StreamSchema } from '../src/schema/stream-schema.js';

/** Puts events into the log as a relay does, as records of one partition, without a Kafka. Ends with `redis`. */
export async function logFeed(redis: Redis, prefix: string, schema: StreamSchema, topic: string) {
  const log = createRedisLogWriter(redis, { prefix });
  const source = { cluster: 'bench', topic, partition: 0 };
  const plan = schema.topics.get(topic);
  if (!plan) throw new Error(`nothing reads ${topic}`);
  const { epoch } = await log.partition(source);
  let offset = 0;
  return async (values: readonly object[]): Promise<void> => {
    const base = offset;
    const timestamp = Date.now();
    const entries = values.flatMap((value) => {
      const bytes = Buffer.from(JSON.stringify(value));
      const record = { topic, partition: 0, offset: offset++, timestamp, key: null, headers: {}, value: bytes };
      const decoded = decode(record);
      if (decoded.kind !== 'value') throw new Error('not decoded');
      return route(metaOf(record), decoded, plan, false).entries;
    });
    const last = { offset: offset - 1, timestamp };
    const { fingerprint } = schema;
    const batch = { source, epoch, base, next: offset, first: base === 0, last, entries, gap: null, fingerprint };
    const answer = await log.append(batch);
    if (answer.kind !== 'appended') throw new Error(`the log answers ${answer.kind}`);
  };
}

/** Calls `send` with how many are due, until `seconds` are over: `rate` a second in all, at most one call per 5 ms. */
export async function atRate(rate: number, seconds: number, send: (count: number) => void): Promise<void> {
  const began = process.hrtime.bigint();
  const elapsed = () => Number(process.hrtime.bigint() - began) / 1e9;
  for (let sent = 0; elapsed() < seconds; ) {
    const due = Math.floor(Math.min(elapsed(), seconds) * rate) - sent;
    if (due > 0) send(due);
    sent += due;
    await new Promise((resolve) => setTimeout(resolve, Math.max(5, 1_000 / rate / 4)));
  }
}

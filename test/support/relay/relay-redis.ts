import type { Channel } from '../../../src/event/channel.js';
import type { ChannelLogWriter } from '../../../src/log/channel-log.js';
import { connectRedis } from '../../../src/log/redis-connection.js';
import { createRedisLogReader } from '../../../src/log/redis-reader.js';
import { createRedisLogWriter } from '../../../src/log/redis-writer.js';
import { silent } from '../../../src/observe/logger.js';
import { testRelay } from './relay-kafka.js';

export interface Into {
  readonly refillMax?: number;
  readonly prefix?: string;
  readonly groupId?: string;
  /** Another way to the same Redis, for the relay alone. */
  readonly way?: string;
  /** Comes between the relay and its log. */
  readonly between?: (writer: ChannelLogWriter) => ChannelLogWriter;
}

/** A relay into the real Redis, and what that Redis holds of the topic. */
export async function relayInto(url: string, topic: string, into: Into = {}) {
  const { refillMax = 3_600_000, prefix = 'p', way = url, between = (writer) => writer, ...rest } = into;
  const [write, read] = [connectRedis(way, 'relay', silent), connectRedis(url, 'reader', silent)];
  await Promise.all([write, read].map((redis) => new Promise((resolve) => redis.once('ready', resolve))));
  const reader = createRedisLogReader(read, () => connectRedis(url, 'tail', silent), { prefix, shards: 1 });
  const writer = createRedisLogWriter(write, { prefix, shards: 1 });
  const relay = testRelay([topic], { writer: () => between(writer), refillMax, ...rest });
  const held = async () => {
    const { publications } = await reader.newest(`${topic}:all:*` as Channel, 0, 100_000);
    return publications.map(({ source: { record, event }, refilled }) => ({
      n: (event as { n: number }).n,
      offset: record.offset,
      partition: record.partition,
      refilled,
    }));
  };
  return {
    relay,
    redis: write,
    held,
    numbers: async () => (await held()).map(({ n }) => n),
    gaps: async () => (await reader.gaps(0)).map(({ reason, missed }) => [reason, missed]),
    async [Symbol.asyncDispose]() {
      await relay.stop();
      await Promise.all([writer.close(), reader.close()]);
    },
  };
}

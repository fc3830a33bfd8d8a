import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Channel } from '../event/channel.js';
import { type ChannelLogReader, type History, LogUnavailable } from './channel-log.js';
import { decodeEntry, decodeGap } from './entry.js';
import { redisKeys } from './redis-keys.js';
import { readScript } from './redis-scripts.js';
import { openRedisTail } from './redis-tail.js';
import { guarded, type RedisLogOptions } from './redis-writer.js';

const readSha = createHash('sha1').update(readScript).digest('hex');

type Read = [string, string, string, string, number, string[], string];

/**
 * The gateway's side of the log in Redis. `redis` answers reads; `subscribe` opens the tail's own connection.
 * Writes nothing: its user needs HMGET, LLEN, LINDEX, LRANGE, EXISTS, TIME, INFO, EVAL_RO, EVALSHA_RO, SUBSCRIBE, and PUBLISH
 * on `<prefix>:probe:*`, by which the tail hears whether it still hears.
 */
export function createRedisLogReader(
  redis: Redis,
  subscribe: () => Redis,
  { prefix, shards = 1 }: RedisLogOptions,
): ChannelLogReader {
  const keys = redisKeys(prefix);

  /** By EVALSHA_RO: for EVAL, Redis asks for the right to write the keys, which a gateway is not to have. */
  async function run(...args: (string | number)[]): Promise<Read> {
    try {
      return (await redis.call('EVALSHA_RO', readSha, 3, ...args)) as Read;
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return (await redis.call('EVAL_RO', readScript, 3, ...args)) as Read;
    }
  }

  async function read(channel: Channel, shard: number, mode: string, after: number, limit: number): Promise<History> {
    const [epoch, number, time, trimmedTo, more, entries, now] = await guarded(() =>
      run(keys.meta(shard), keys.channel(shard, channel), keys.canary(shard), mode, after, limit),
    );
    return {
      publications: entries.map((text) => decodeEntry(channel, shard, text)),
      head: { shard, epoch, number: Number(number), time: Number(time) },
      now: Number(now),
      trimmedTo: Number(trimmedTo),
      more: more === 1,
    };
  }

  /** Of no channel: what is asked is where the log stands, by its own clock. */
  const head = (shard: number) => read('' as Channel, shard, 'newest', 0, 0);

  async function heads() {
    const all = await Promise.all(Array.from({ length: shards }, (_, shard) => head(shard)));
    return { heads: all.map((answer) => answer.head), now: Math.min(...all.map(({ now }) => now)) };
  }

  return {
    shards,
    heads,
    tail: (listener) =>
      openRedisTail({
        redis: subscribe(),
        keys,
        shards,
        readHeads: async () => (await heads()).heads,
        publish: (name) => redis.publish(name, ''),
        listener,
      }),
    read: (channel, shard, after, limit) => read(channel, shard, after === null ? 'all' : 'after', after ?? 0, limit),
    newest: (channel, shard, limit) => read(channel, shard, 'newest', 0, limit),
    async gaps(shard) {
      const marks = await guarded(() => redis.lrange(keys.gaps(shard), 0, -1));
      return marks.map((text) => decodeGap(shard, text));
    },
    unready: () => unreadyRedis(redis),
    async close() {
      redis.disconnect();
    },
  };
}

/** An evicting Redis deletes channels without a word: a gateway on it would promise what it cannot keep. */
export async function unreadyRedis(redis: Redis): Promise<string | null> {
  try {
    const memory = await guarded(() => redis.info('memory'));
    const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1] ?? 'noeviction';
    const limit = Number(/maxmemory:(\d+)/.exec(memory)?.[1] ?? 0);
    if (limit > 0 && policy !== 'noeviction') {
      return `Redis evicts keys (maxmemory-policy ${policy}): set it to noeviction, or channels vanish silently`;
    }
    return null;
  } catch (error) {
    if (error instanceof LogUnavailable) return error.message;
    throw error;
  }
}

import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Channel } from '../event/channel.js';
import type { Position } from '../event/position.js';
import { type ChannelLogReader, type History, LogUnavailable } from './channel-log.js';
import { decodeEntry, decodeGap } from './entry.js';
import { redisKeys } from './redis-keys.js';
import { headScript, readScript } from './redis-read-script.js';
import { openRedisTail } from './redis-tail.js';
import { guarded, type RedisLogOptions } from './redis-writer.js';

const shaOf = new Map([readScript, headScript].map((lua) => [lua, createHash('sha1').update(lua).digest('hex')]));

type Read = [string, string, string, string, number, string[], string];
type Head = [string, string, string, string];

/** Milliseconds that a doubt is kept: longer than a relay takes to look, and than a gateway to tell it again. */
const doubtFor = 60_000;

/**
 * The gateway's side of the log in Redis. `redis` answers reads; `subscribe` opens the tail's own connection.
 * Its user needs HMGET, LLEN, LINDEX, LRANGE, EXISTS, TIME, INFO, EVAL_RO, EVALSHA_RO, SUBSCRIBE, PUBLISH on `<prefix>:probe:*`, by
 * which the tail hears whether it still hears, and SET on the doubts, which is all that it writes.
 */
export function createRedisLogReader(
  redis: Redis,
  subscribe: () => Redis,
  { prefix, shards = 1 }: RedisLogOptions,
): ChannelLogReader {
  const keys = redisKeys(prefix);

  /** By EVALSHA_RO: for EVAL, Redis asks for the right to write the keys, which a gateway is not to have. */
  async function run<T = Read>(script: string, names: readonly string[], ...args: (string | number)[]): Promise<T> {
    try {
      return (await redis.call('EVALSHA_RO', shaOf.get(script) as string, names.length, ...names, ...args)) as T;
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return (await redis.call('EVAL_RO', script, names.length, ...names, ...args)) as T;
    }
  }

  async function read(
    channel: Channel,
    shard: number,
    mode: string,
    after: number,
    limit: number,
    since: number | '' = '',
  ): Promise<History> {
    const [epoch, number, time, trimmedTo, more, entries, now] = await guarded(() =>
      run(readScript, [keys.meta(shard), keys.channel(shard, channel), keys.canary(shard)], mode, after, limit, since),
    );
    return {
      publications: entries.map((text) => decodeEntry(channel, shard, text)),
      head: { shard, epoch, number: Number(number), time: Number(time) },
      now: Number(now),
      trimmedTo: Number(trimmedTo),
      more: more === 1,
    };
  }

  async function head(shard: number): Promise<{ readonly head: Position; readonly now: number }> {
    const [epoch, number, time, now] = await guarded(() =>
      run<Head>(headScript, [keys.meta(shard), keys.canary(shard)]),
    );
    return { head: { shard, epoch, number: Number(number), time: Number(time) }, now: Number(now) };
  }

  async function heads() {
    const all = await Promise.all(Array.from({ length: shards }, (_, shard) => head(shard)));
    return { heads: all.map((one) => one.head), now: all.map(({ now }) => now) };
  }

  async function isMaster(): Promise<boolean> {
    return /^role:master/m.test(await guarded(() => redis.info('replication')));
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
    read: (channel, shard, after, limit, since) =>
      read(channel, shard, after === null ? 'all' : 'after', after ?? 0, limit, since),
    newest: (channel, shard, limit) => read(channel, shard, 'newest', 0, limit),
    async gaps(shard) {
      const marks = await guarded(() => redis.lrange(keys.gaps(shard), 0, -1));
      return marks.map((text) => decodeGap(shard, text));
    },
    async doubt({ shard, epoch, number, time }, certain) {
      // A replica would refuse, and the connection be given up for it: what it lacks is on its way.
      if (!(await isMaster())) return;
      await guarded(() => redis.set(keys.doubt(shard), `${epoch} ${certain ? '*' : number} ${time}`, 'PX', doubtFor));
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

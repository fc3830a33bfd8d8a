import type { Channel } from '../event/channel.js';

/**
 * Every name Tailrace uses in Redis, under one prefix. The braces are a hash tag: in a cluster all keys of one shard
 * lie on one node, as one script needs them. A channel's history and its publications go by the same name.
 */
export function redisKeys(prefix: string) {
  const shardName = (shard: number) => `${prefix}:{s${shard}}`;
  return {
    /** Hash: epoch, number, the log's clock, the line of masters, and per source partition its watermark and more. */
    meta: (shard: number) => `${shardName(shard)}:meta`,
    /** List of gap marks. */
    gaps: (shard: number) => `${shardName(shard)}:gaps`,
    /** `<epoch> <number> <time>`: the log had given out this number in this epoch by then; `*` where it gave out one twice. */
    doubt: (shard: number) => `${shardName(shard)}:doubt`,
    /** Pub/sub channel on which every append ends. */
    commit: (shard: number) => `${shardName(shard)}:commit`,
    /** List of entries, and pub/sub channel. */
    channel: (shard: number, channel: Channel) => `${shardName(shard)}:c:${channel}`,
    /** Expires as channels do: gone too early, it tells that the server's clock was set. */
    canary: (shard: number) => `${shardName(shard)}:canary`,
    /** Pub/sub channel on which one gateway hears itself. */
    probe: (id: string) => `${prefix}:probe:${id}`,
    /** What `channel` was made of. */
    parse(name: string): { shard: number; channel: Channel } | null {
      const match = /^\{s(\d+)\}:c:(.*)$/s.exec(name.slice(prefix.length + 1));
      return match && { shard: Number(match[1]), channel: match[2] as Channel };
    },
  };
}

export type RedisKeys = ReturnType<typeof redisKeys>;

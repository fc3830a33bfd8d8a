import { Redis } from 'ioredis';
import { decodeEntry } from '../../../src/log/entry.js';
import { redisKeys } from '../../../src/log/redis-keys.js';

/** The ids of notes that a channel of the log holds more than once: who is connected would be spared the repeat. */
export async function doubledIn(url: string, prefix: string): Promise<number[]> {
  const keys = redisKeys(prefix);
  const redis = new Redis(url);
  try {
    const doubled: number[] = [];
    for await (const names of redis.scanStream({ match: `${prefix}:*:c:*`, count: 1_000 })) {
      for (const name of new Set<string>(names)) {
        const place = keys.parse(name);
        if (!place) continue;
        const seen = new Set<number>();
        for (const entry of await redis.lrange(name, 0, -1)) {
          const { id } = decodeEntry(place.channel, place.shard, entry).source.event as { id: number };
          if (seen.has(id)) doubled.push(id);
          seen.add(id);
        }
      }
    }
    return doubled;
  } finally {
    redis.disconnect();
  }
}

import type { Redis } from 'ioredis';
import { Fault } from '../event/faults.js';
import type { Revocation } from './revocation.js';

/** Revocations, as every replica finds them. Each is kept for as long as a token may live, and its second is the store's. */
export interface RevocationStore {
  /** `life`: milliseconds. Throws Fault UNAVAILABLE. */
  add(claims: Revocation['claims'], life: number): Promise<Revocation>;
  /** Those added at or after this mark, 0 for all, and the mark to go on from. Throws Fault UNAVAILABLE. */
  since(mark: number): Promise<{ readonly revocations: readonly Revocation[]; readonly mark: number }>;
}

/** In this process only. */
export function memoryRevocations(now = Date.now): RevocationStore {
  let kept: readonly { readonly revocation: Revocation; readonly mark: number }[] = [];
  return {
    async add(claims, life) {
      const mark = now();
      const revocation = { claims, at: Math.floor(mark / 1000) };
      kept = [...kept.filter((one) => one.mark > mark - life), { revocation, mark }];
      return revocation;
    },
    async since(mark) {
      const found = kept.filter((one) => one.mark >= mark);
      return { revocations: found.map(({ revocation }) => revocation), mark: kept.at(-1)?.mark ?? mark };
    },
  };
}

/**
 * KEYS: the sorted set. ARGV: claims, life in ms. The clock is Redis's own, so that a command run on a machine whose
 * clock is slow revokes what was issued until now, and no replica has read past it already.
 */
const adding = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZADD', KEYS[1], now, time[1] .. ' ' .. ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return tonumber(time[1])`;

/** For all replicas: a sorted set, by the moment of revocation. */
export function redisRevocations(redis: Redis, prefix: string): RevocationStore {
  const key = `${prefix}:revocations`;
  async function asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw new Fault('UNAVAILABLE', { why: `revocations cannot be reached (${(error as Error).message})` });
    }
  }
  return {
    async add(claims, life) {
      const at = await asked(redis.eval(adding, 1, key, JSON.stringify(claims), life));
      return { claims, at: Number(at) };
    },
    async since(mark) {
      const found = await asked(redis.zrangebyscore(key, mark, '+inf', 'WITHSCORES'));
      const members = found.filter((_, at) => at % 2 === 0);
      return { revocations: members.map(parsed), mark: Number(found.at(-1) ?? mark) };
    },
  };
}

function parsed(member: string): Revocation {
  const at = member.indexOf(' ');
  return { claims: JSON.parse(member.slice(at + 1)) as Revocation['claims'], at: Number(member.slice(0, at)) };
}

import type { Redis } from 'ioredis';
import { Fault } from '../../event/faults.js';
import { clockStep } from './clock-steps.js';
import type { Revocation } from './revocation.js';

/**
 * Revocations, as every replica finds them. Each is kept for as long as a token may live, and `clockStep` more. Its second is
 * the store's, or whoever revokes', whichever clock is ahead: by one that is behind, tokens of just now would count on.
 */
export interface RevocationStore {
  /** `life`: milliseconds that a token lives at most. Throws Fault UNAVAILABLE. */
  add(claims: Revocation['claims'], life: number): Promise<Revocation>;
  /** Puts back what another store has had. Throws Fault UNAVAILABLE. */
  restore(revocations: readonly Revocation[], life: number): Promise<void>;
  /** The revocations added at or after this mark, 0 for all, and the mark to go on from. Throws Fault UNAVAILABLE. */
  since(mark: number): Promise<{ readonly revocations: readonly Revocation[]; readonly mark: number }>;
}

/** A store in this process only. */
export function memoryRevocations(now = Date.now): RevocationStore {
  let kept: readonly { readonly revocation: Revocation; readonly mark: number }[] = [];
  function keep(revocation: Revocation, life: number): Revocation {
    const mark = Math.max(now(), kept.at(-1)?.mark ?? 0);
    kept = [...kept.filter((one) => one.mark > mark - life - clockStep), { revocation, mark }];
    return revocation;
  }
  return {
    add: async (claims, life) => keep({ claims, at: Math.floor(now() / 1000) }, life),
    async restore(revocations, life) {
      for (const revocation of revocations) keep(revocation, life);
    },
    async since(mark) {
      const found = kept.filter((one) => one.mark >= mark);
      return { revocations: found.map(({ revocation }) => revocation), mark: kept.at(-1)?.mark ?? mark };
    },
  };
}

/**
 * KEYS: the sorted set. ARGV[1]: ms that one is kept. The clock is Redis's own. Marks never go back, as it may after a
 * failover: no replica has read past a new one already.
 */
const writing = `
local time = redis.call('TIME')
local mark = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', mark - ARGV[1])
local later = redis.call('ZRANGEBYSCORE', KEYS[1], mark, '+inf', 'WITHSCORES')
if #later > 0 then mark = later[#later] end`;

/** ARGV[2]: claims; ARGV[3]: the second it is where somebody revokes them. */
const adding = `${writing}
local at = string.format('%.0f', math.max(time[1], ARGV[3]))
redis.call('ZADD', KEYS[1], mark, at .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return tonumber(at)`;

/** Revocations of one call. Each login that was ended is one: all at once they are more than a call has room for. */
const mostAtOnce = 1_000;

/** ARGV from the second on: members. */
const restoring = `${writing}
for at = 2, #ARGV do redis.call('ZADD', KEYS[1], 'NX', mark, ARGV[at]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])`;

/** A store for all replicas: a sorted set, by the moment of revocation. */
export function redisRevocations(redis: Redis, prefix: string, now = Date.now): RevocationStore {
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
      const second = Math.floor(now() / 1000);
      const at = await asked(redis.eval(adding, 1, key, life + clockStep, JSON.stringify(claims), second));
      return { claims, at: Number(at) };
    },
    async restore(revocations, life) {
      for (let at = 0; at < revocations.length; at += mostAtOnce) {
        await asked(
          redis.eval(restoring, 1, key, life + clockStep, ...revocations.slice(at, at + mostAtOnce).map(written)),
        );
      }
    },
    async since(mark) {
      const found = await asked(redis.zrangebyscore(key, mark, '+inf', 'WITHSCORES'));
      const members = found.filter((_, at) => at % 2 === 0);
      return { revocations: members.map(parsed), mark: Number(found.at(-1) ?? mark) };
    },
  };
}

const written = ({ claims, at }: Revocation) => `${at} ${JSON.stringify(claims)}`;

function parsed(member: string): Revocation {
  const at = member.indexOf(' ');
  return { claims: JSON.parse(member.slice(at + 1)) as Revocation['claims'], at: Number(member.slice(0, at)) };
}

import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { limitExceeded } from '../../event/faults.js';

/** How many mutations each person, or each address, may send. */
export interface MutationBudget {
  /** Throws Fault LIMIT_EXCEEDED when this one has sent as many as they may in this minute. */
  spend(principal: string, count?: number): Promise<void>;
}

const minute = 60;

/** A budget counted in this process. */
export function memoryBudget(perMinute: number): MutationBudget {
  return budgetOf(new RateLimiterMemory({ points: perMinute, duration: minute }), perMinute);
}

/** A budget counted by all replicas together; while Redis cannot be asked, by each for itself: a fault must not open the door. */
export function redisBudget(redis: Redis, prefix: string, perMinute: number): MutationBudget {
  const limiter = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: `${prefix}:mutations`,
    points: perMinute,
    duration: minute,
    insuranceLimiter: new RateLimiterMemory({ points: perMinute, duration: minute }),
  });
  return budgetOf(limiter, perMinute);
}

type Limiter = RateLimiterMemory | RateLimiterRedis;

function budgetOf(limiter: Limiter, perMinute: number): MutationBudget {
  return {
    async spend(principal, count = 1) {
      // A person's name is whatever an issuer writes: hashed, none is a key or a pattern.
      const name = createHash('sha256').update(principal).digest('base64url');
      let counted = await consumed(limiter, name, count);
      // A minute that ends later than in a minute: Redis's clock was set back since it began, and it would last an hour.
      if (counted.msBeforeNext > minute * 1_000) {
        await limiter.delete(name);
        counted = await consumed(limiter, name, count);
      }
      const { consumedPoints } = counted;
      if (consumedPoints > perMinute) throw limitExceeded('mutationsPerMinute', perMinute, consumedPoints);
    },
  };
}

/** The count in the limiter's answer, which it throws where that is too much. */
async function consumed(limiter: Limiter, name: string, count: number): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(name, count);
  } catch (error) {
    if (error instanceof RateLimiterRes) return error;
    throw error;
  }
}

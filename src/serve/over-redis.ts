import type { Redis, RedisOptions } from 'ioredis';
import { createRedisLogReader } from '../log/redis-reader.js';
import type { Logger } from '../observe/logger.js';
import type { GatewayParts } from './gateway.js';
import { redisRevocations } from './identity/revocation-store.js';
import { redisTickets } from './identity/tickets.js';
import { redisBudget } from './limits/mutation-budget.js';
import { redisPubSub } from './replicas/pubsub.js';
import { redisReplicas } from './replicas/replicas.js';

export interface OverRedisParts {
  /** Opens one connection each time, in the background. */
  connect(name: string, extra?: RedisOptions): Redis;
  readonly prefix: string;
  readonly shards: number;
  readonly mutationsPerMinute: number;
  readonly logger: Logger;
}

type Shared = 'log' | 'pubsub' | 'tickets' | 'mutations' | 'revocations' | 'replicas';

/** All that a gateway shares with other replicas by one Redis. `close` comes after the gateway has retired. */
export function overRedis({ connect, prefix, shards, mutationsPerMinute, logger }: OverRedisParts) {
  const pubsub = redisPubSub({ connect });
  const sessions = connect('sessions');
  const parts: Required<Pick<GatewayParts, Shared>> = {
    log: createRedisLogReader(connect('read', { enableAutoPipelining: true }), () => connect('tail'), {
      prefix,
      shards,
    }),
    pubsub,
    tickets: redisTickets(sessions, prefix),
    mutations: redisBudget(sessions, prefix, mutationsPerMinute),
    revocations: redisRevocations(sessions, prefix),
    replicas: redisReplicas(sessions, connect('replicas'), prefix, logger),
  };
  return {
    parts,
    async close(): Promise<void> {
      sessions.disconnect();
      await pubsub.close();
    },
  };
}

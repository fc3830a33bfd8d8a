import { secret } from '../events.js';
import { feedPubSub } from '../feed.js';
import type { Ground, Servers } from './ground.js';
import { type Server, script, startServer } from './processes.js';

/** The stack of the tutorials, `bench/baselines/naive-*.ts`; with `filter` one channel for all, and `withFilter`. */
export async function naive(ground: Ground, filter: 'on' | 'off'): Promise<Servers> {
  const environment = { REDIS_URL: ground.redisUrl, SECRET: secret, FILTER: filter };
  const gateway = startServer(script('../baselines/naive-gateway.ts'), environment);
  const [, port] = await gateway.line(/"port":(\d+)/);
  const relay = ground.kafka && (await naiveRelay(ground, filter));
  const feed = feedPubSub(ground.redis, ground.kind, filter === 'on');
  return { gateway, relay, port: Number(port), protocol: 'graphql', feed };
}

export async function naiveRelay(ground: Ground, filter: 'on' | 'off'): Promise<Server> {
  const relay = startServer(script('../baselines/naive-relay.ts'), {
    KAFKA_BROKERS: ground.kafka?.brokers ?? '',
    GROUP: ground.kafka?.group ?? '',
    REDIS_URL: ground.redisUrl,
    TOPICS: JSON.stringify({ [ground.topic]: ground.kind }),
    FILTER: filter,
  });
  await relay.line(/joined/);
  return relay;
}

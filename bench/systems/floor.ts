import { secret } from '../events.js';
import { feedPubSub } from '../feed.js';
import type { Ground, Servers } from './ground.js';
import { naiveRelay } from './naive.js';
import { script, startServer } from './processes.js';

/** `bench/baselines/floor-gateway.ts`, behind the tutorial's relay where events come through Kafka. */
export async function floor(ground: Ground, turns: 'on' | 'off'): Promise<Servers> {
  const { certFile = '', keyFile = '' } = ground.tls ?? {};
  const environment = { REDIS_URL: ground.redisUrl, TURNS: turns, SECRET: secret, CERT: certFile, KEY: keyFile };
  const gateway = startServer(script('../baselines/floor-gateway.ts'), environment);
  const [, port] = await gateway.line(/"port":(\d+)/);
  const relay = ground.kafka && (await naiveRelay(ground, 'off'));
  const feed = feedPubSub(ground.redis, ground.kind, false);
  return { gateway, relay, port: Number(port), protocol: 'graphql', feed };
}

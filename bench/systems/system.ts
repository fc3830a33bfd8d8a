import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { certificateAuthority } from '../../test/support/servers/certificates.js';
import { freshPrefix, freshTopic, kafkaBrokers, startRedis } from '../../test/support/servers/services.js';
import type { KindName } from '../events.js';
import { feedKafka, type Send } from '../feed.js';
import type { Crowd } from '../load/load.js';
import { centrifugo, noCentrifugo } from './centrifugo.js';
import { floor } from './floor.js';
import type { Start } from './ground.js';
import { naive } from './naive.js';
import { installNchan, nchan } from './nchan.js';
import { beside, noBuildBeside, tailrace } from './tailrace.js';

/** In the order in which they take their turns. */
export const systems = {
  floor: (ground) => floor(ground, 'off'),
  'floor by turns': (ground) => floor(ground, 'on'),
  tailrace: (ground) => tailrace(ground),
  'tailrace beside': beside,
  'tailrace lingering 0ms': (ground) => tailrace(ground, { TAILRACE_KAFKA_LINGER: '0ms' }),
  'tailrace lingering 100ms': (ground) => tailrace(ground, { TAILRACE_KAFKA_LINGER: '100ms' }),
  naive: (ground) => naive(ground, 'off'),
  'naive with withFilter': (ground) => naive(ground, 'on'),
  nchan,
  centrifugo,
} as const satisfies Record<string, Start>;

export type SystemName = keyof typeof systems;

/** A sentence for each system that cannot be had here. */
export function leftOut(): ReadonlyMap<SystemName, string> {
  const reasons: [SystemName, string | null][] = [
    ['nchan', installNchan()],
    ['tailrace beside', noBuildBeside()],
    ['centrifugo', noCentrifugo()],
  ];
  return new Map(reasons.filter((one): one is [SystemName, string] => one[1] !== null));
}

export interface System extends AsyncDisposable {
  readonly name: SystemName;
  readonly port: number;
  readonly protocol: Crowd['protocol'];
  /** Whose CPU is counted. */
  readonly pids: Readonly<Record<'gateway' | 'redis' | 'relay', number | null>>;
  readonly send: Send;
}

export async function startSystem(
  name: SystemName,
  kind: KindName,
  through: 'kafka' | 'redis',
  tls = false,
): Promise<System> {
  const redisServer = await startRedis();
  const redis = new Redis(redisServer.url);
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  const topic = through === 'kafka' ? await freshTopic(`bench-${kind}`, 4) : null;
  const kafka = topic && { brokers: kafkaBrokers().join(','), group: freshPrefix('bench') };
  const topicName = topic?.name ?? kind;
  const authority = tls ? certificateAuthority() : null;
  const ground = { redisUrl: redisServer.url, redis, kind, topic: topicName, kafka, folder };
  const servers = await systems[name]({ ...ground, tls: authority?.issue('bench') ?? null });
  const { gateway, relay, port, protocol, headersOf } = servers;
  const feed = topic ? await feedKafka(topic.name, kind, headersOf) : servers.feed;
  if (!feed) throw new Error(`${name} takes no events without Kafka`);
  return {
    name,
    port,
    protocol,
    pids: { gateway: gateway.pid, redis: redisServer.pid, relay: relay?.pid ?? null },
    send: feed.send,
    async [Symbol.asyncDispose]() {
      await feed.close();
      await Promise.all([gateway.end(), relay?.end()]);
      redis.disconnect();
      await redisServer[Symbol.asyncDispose]();
      await topic?.[Symbol.asyncDispose]();
      authority?.[Symbol.dispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

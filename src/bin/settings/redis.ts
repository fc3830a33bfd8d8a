import type { RedisOptions } from 'ioredis';
import type { Config } from '../../config/variables.js';

type Variables = Pick<Config<'gateway' | 'relay'>, 'redisUrl' | 'redisTlsCa' | 'redisTlsCert' | 'redisTlsKey'>;

/** TAILRACE_REDIS_TLS_* as ioredis takes them; nothing for a connection without TLS. */
export function redisSettings({ redisUrl, redisTlsCa, redisTlsCert, redisTlsKey }: Variables): RedisOptions {
  if (!redisUrl.startsWith('rediss')) return {};
  const tls = {
    ...(redisTlsCa === null ? {} : { ca: redisTlsCa }),
    ...(redisTlsCert === null ? {} : { cert: redisTlsCert }),
    ...(redisTlsKey === null ? {} : { key: redisTlsKey }),
  };
  return { tls, sentinelTLS: tls };
}

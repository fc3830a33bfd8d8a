import type { RedisOptions } from 'ioredis';
import type { Config } from '../../config/variables.js';
import { redisTls } from '../../log/redis-tls.js';

type Variables = Pick<Config<'gateway' | 'relay'>, 'redisUrl' | 'redisTlsCa' | 'redisTlsCert' | 'redisTlsKey'>;

/** TAILRACE_REDIS_TLS_* as ioredis takes them; nothing for a connection without TLS. */
export const redisSettings = ({
  redisUrl,
  redisTlsCa: ca,
  redisTlsCert: cert,
  redisTlsKey: key,
}: Variables): RedisOptions => redisTls(redisUrl, { ca, cert, key });

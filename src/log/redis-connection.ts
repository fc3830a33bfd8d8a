import { Redis, type RedisOptions } from 'ioredis';
import { backoff } from '../event/backoff.js';
import type { Logger } from '../observe/logger.js';
import { redisTls } from './redis-tls.js';

/**
 * The one place where Redis connections are opened.
 * Accepts `redis://`, `rediss://` and `redis+sentinel://user:password@host:26379,host:26379/master/0`
 * (`rediss+sentinel` for TLS). Throws RangeError, without the password, for anything else.
 *
 * Commands are neither queued while the connection is down nor sent again after it broke: an append that is sent
 * again on its own could reach another master before its run id was compared.
 */
export function connectRedis(url: string, name: string, logger: Logger, extra: RedisOptions = {}): Redis {
  const options: RedisOptions = {
    ...parseRedisUrl(url),
    connectionName: `tailrace-${name}`,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 5_000,
    keepAlive: 10_000,
    // A connection that swallows commands without an answer is closed instead of waited for.
    socketTimeout: 10_000,
    retryStrategy: (attempt) => backoff(attempt, { most: 2_000 }),
    // A demoted master answers READONLY: only a new connection finds the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...extra,
  };
  const redis = new Redis(options);
  let down = false;
  redis.on('error', (error) => {
    if (!down) logger.warn({ redis: name, error: error.message }, 'Redis connection failed; trying again');
    down = true;
  });
  redis.on('ready', () => {
    if (down) logger.info({ redis: name }, 'Redis connection is back');
    down = false;
  });
  redis.on('close', () => {
    if (!down) logger.debug({ redis: name }, 'Redis connection closed');
  });
  return redis;
}

export function parseRedisUrl(url: string): RedisOptions {
  const match = /^(rediss?)(\+sentinel)?:\/\/(?:([^@/]*)@)?([^/]+)(?:\/(.*))?$/.exec(url);
  if (!match) throw new RangeError('REDIS_URL must look like redis://user:password@host:6379/0');
  const [, , sentinel, userinfo = '', hosts = '', path = ''] = match;
  const [username, password] = split(userinfo, ':').map(decodeURIComponent);
  const common: RedisOptions = {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...redisTls(url, {}),
  };
  const addresses = hosts.split(',').map((host) => address(host, sentinel ? 26379 : 6379));
  if (sentinel) {
    const [master, db] = split(path, '/');
    if (!master) throw new RangeError('REDIS_URL with sentinels must end with the name of the master');
    return { ...common, sentinels: addresses, name: master, db: database(db), enableTLSForSentinelMode: !!common.tls };
  }
  if (addresses.length > 1) throw new RangeError('REDIS_URL names several hosts but no sentinel');
  return { ...common, ...addresses[0], db: database(path) };
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function address(text: string, defaultPort: number) {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(text);
  if (!match) throw new RangeError(`REDIS_URL has no host in ${JSON.stringify(text)}`);
  return { host: (match[1] as string).replace(/^\[|\]$/g, ''), port: Number(match[2] ?? defaultPort) };
}

function database(text: string): number {
  if (!/^\d*$/.test(text)) throw new RangeError(`REDIS_URL names no database in ${JSON.stringify(text)}`);
  return Number(text || 0);
}

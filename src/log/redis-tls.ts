import type { RedisOptions } from 'ioredis';

/** PEM texts, for a `rediss://` server that the authorities of Node do not know, or that asks who comes. */
export interface RedisTls {
  /** The authority that signed the server's certificate. */
  readonly ca?: string | null;
  /** The certificate to show to the server, and its key. */
  readonly cert?: string | null;
  readonly key?: string | null;
}

/** That as ioredis takes it, for Redis and its Sentinels alike; nothing for an address without TLS. */
export function redisTls(url: string, given: RedisTls): RedisOptions {
  if (!url.startsWith('rediss')) return {};
  const { ca, cert, key } = given;
  const tls = { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
  return { tls, sentinelTLS: tls };
}

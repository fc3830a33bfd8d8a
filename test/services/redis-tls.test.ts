import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../scripts/services/ports.mjs';
import { redisSettings } from '../../src/bin/settings/redis.js';
import { connectRedis } from '../../src/log/redis-connection.js';
import { silent } from '../../src/observe/logger.js';
import { certificateAuthority } from '../support/servers/certificates.js';
import { startRedis } from '../support/servers/services.js';

const authority = certificateAuthority();
const server = authority.issue('redis');
const client = authority.issue('gateway');
let redis: Awaited<ReturnType<typeof startRedis>>;
let url = '';

beforeAll(async () => {
  const port = await freePort();
  redis = await startRedis({
    args: [
      ...['--tls-port', String(port), '--tls-cert-file', server.certFile, '--tls-key-file', server.keyFile],
      ...['--tls-ca-cert-file', authority.caFile, '--tls-auth-clients', 'yes'],
    ],
  });
  url = `rediss://127.0.0.1:${port}`;
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

/** What the commands make of their variables; resolves with PONG, or rejects with the reason of the first failure. */
async function ping(redisTlsCa: string | null, redisTlsCert: string | null, redisTlsKey: string | null) {
  const connection = connectRedis(url, 'test', silent, {
    ...redisSettings({ redisUrl: url, redisTlsCa, redisTlsCert, redisTlsKey }),
    retryStrategy: null as never,
  });
  try {
    await new Promise((resolve, reject) => {
      connection.once('ready', resolve).once('error', reject);
      connection.once('end', () => reject(new Error('the connection ended')));
    });
    return await connection.ping();
  } finally {
    connection.disconnect();
  }
}

describe('Redis over TLS', () => {
  test('with its authority and a certificate of ours it answers', async () => {
    expect(await ping(authority.ca, client.cert, client.key)).toBe('PONG');
  });

  test('a server whose authority is not known is refused', async () => {
    await expect(ping(null, client.cert, client.key)).rejects.toThrow(/certificate/);
  });

  test('without a certificate of ours the server refuses us', async () => {
    await expect(ping(authority.ca, null, null)).rejects.toThrow();
  });
});

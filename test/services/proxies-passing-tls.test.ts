import { request } from 'node:https';
import { afterAll, expect, test, vi } from 'vitest';
import { query } from '../support/cards.js';
import { answersTo } from '../support/clients/page.js';
import { eventually } from '../support/eventually.js';
import { tokenFor } from '../support/river.js';
import { behindProxies } from '../support/servers/behind-proxies.js';
import { certificateAuthority } from '../support/servers/certificates.js';

// Clients of these tests speak TLS to certificates of the test's own.
vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
const authority = certificateAuthority();
const { certFile, keyFile } = authority.issue('gateway');
/** A balancer of connections: TLS ends in the gateway, and nothing but this header tells whose a connection is. */
const connectionsOnly = () => `
defaults
  mode tcp
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend events
  bind :443
  default_backend gateways
backend gateways
  balance leastconn
  server gateway-1 gateway-1:4000 send-proxy-v2
  server gateway-2 gateway-2:4000 send-proxy-v2
`;
const settings = {
  TAILRACE_TRUSTED_HOPS: '0',
  TAILRACE_PROXY_PROTOCOL: 'on',
  TAILRACE_TLS_CERT_FILE: certFile,
  TAILRACE_TLS_KEY_FILE: keyFile,
};
const world = await behindProxies(settings, { HAProxy: connectionsOnly });
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

test('behind HAProxy that passes TLS on, the address that counts is the client’s, by the PROXY protocol', async () => {
  const [{ url, origin }] = world.proxies as [(typeof world.proxies)[number]];
  const headers = { authorization: `Bearer ${await tokenFor({ sub: 'ada' })}`, 'x-forwarded-for': '203.0.113.9' };
  const asked = request(`${url}/stream?${new URLSearchParams({ query })}`, { headers, localAddress: '127.0.0.2' });
  asked.on('error', () => undefined).end();
  const line = await eventually('it is told', () => world.audit('ada')[0] ?? null);
  asked.destroy();
  expect(line).toMatchObject({ event: 'subscribed', address: '127.0.0.2' });
  expect(await answersTo(origin, url)).toEqual([200, 201, 101]);
});

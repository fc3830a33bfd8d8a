import { afterAll, expect, test, vi } from 'vitest';
import { answersTo } from '../support/clients/page.js';
import { addressTold, behindProxies } from '../support/servers/behind-proxies.js';
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
  const [proxy] = world.proxies as [(typeof world.proxies)[number]];
  expect(await addressTold(world, proxy, 'ada')).toBe('127.0.0.2');
  expect(await answersTo(proxy.origin, proxy.url)).toEqual([200, 201, 101]);
});

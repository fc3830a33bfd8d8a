import { expect, test } from 'vitest';
import { freePort } from '../../scripts/services/ports.mjs';
import { startAdmin } from '../../src/bin/admin.js';
import { adminGraphQL } from '../../src/bin/admin-graphql.js';
import type { AuditEntry } from '../../src/observe/audit.js';
import { run } from './process.js';

test('each call on the admin port is told, also one that was refused, with what it asked for and not with its token', async () => {
  const told: AuditEntry[] = [];
  const admin = await startAdmin({
    host: '127.0.0.1',
    port: 0,
    token: 'operators only',
    metrics: { contentType: 'text/plain', text: async () => '' },
    ready: async () => null,
    graphql: adminGraphQL({ revoke: async (claims) => ({ claims, at: 1 }), revocations: () => [] }),
    audit: (entry) => void told.push(entry),
  });
  const call = async (query: string, token: string) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const body = JSON.stringify({ query });
    return (await fetch(`http://127.0.0.1:${admin.port}/graphql`, { method: 'POST', headers, body })).status;
  };
  const metrics = async (token: string) =>
    (await fetch(`http://127.0.0.1:${admin.port}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status;
  expect(await call('mutation { revoke(sub: "ada") { at } }', 'operators only')).toBe(200);
  expect(await call('{ revocations { at } }', 'somebody else')).toBe(401);
  expect(await call('no GraphQL {', 'operators only')).toBe(400);
  expect([await metrics('operators only'), await metrics('somebody else')]).toEqual([200, 401]);
  const source = { transport: 'admin', address: '127.0.0.1' };
  const by = { event: 'admin', source, path: '/graphql' };
  const asked = { kind: 'mutation', fields: [{ field: 'revoke', args: { sub: 'ada', jti: null, claims: null } }] };
  expect(told).toEqual([
    { ...by, asked, status: 200 },
    { ...by, asked: null, status: 401 },
    { ...by, asked: null, status: 400 },
    { ...by, path: '/metrics', asked: null, status: 401 },
  ]);
  await admin.close();
});

test('who tries tokens at a relay, which may have that of the gateways, is told too', async () => {
  const nowhere = `127.0.0.1:${await freePort()}`;
  await using relay = run(['relay'], {
    TAILRACE_ADMIN_PORT: '0',
    TAILRACE_ADMIN_TOKEN: 'operators only',
    TAILRACE_LOG_LEVEL: 'info',
    TAILRACE_KAFKA_BROKERS: nowhere,
    TAILRACE_REDIS_URL: `redis://${nowhere}`,
  });
  const [, port] = await relay.until(/"adminPort":(\d+)/);
  const headers = { authorization: 'Bearer a guess' };
  expect((await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).status).toBe(401);
  const [line] = await relay.until(/^\{.*"name":"audit".*\}$/m);
  expect(JSON.parse(line)).toMatchObject({ event: 'admin', path: '/metrics', status: 401, address: '127.0.0.1' });
  expect(relay.log()).not.toContain('a guess');
});

import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from '../../scripts/services/ports.mjs';
import { adminGraphQL } from '../../src/admin/graphql.js';
import { revocationSubject } from '../../src/admin/revocations.js';
import { startAdmin } from '../../src/admin/server.js';
import type { AuditEntry } from '../../src/observe/audit.js';
import { run } from '../bin/process.js';
import { eventually } from '../support/eventually.js';

test('each call on the admin port is told, also one that was refused, with what it asked for and not with its token', async () => {
  const told: AuditEntry[] = [];
  const admin = await startAdmin({
    host: '127.0.0.1',
    port: 0,
    token: 'operators only',
    metrics: { contentType: 'text/plain', text: async () => '' },
    ready: async () => null,
    graphql: adminGraphQL([
      revocationSubject({ revoke: async (claims) => ({ claims, at: 1 }), revocations: () => [] }),
    ]),
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
  const peer = { transport: 'admin', address: '127.0.0.1' };
  const by = { event: 'admin', peer, path: '/graphql' };
  const asked = { kind: 'mutation', fields: [{ field: 'revoke', args: { sub: 'ada', jti: null, claims: null } }] };
  expect(told).toEqual([
    { ...by, asked, status: 200 },
    { ...by, asked: null, status: 401 },
    { ...by, asked: null, status: 400 },
    { ...by, path: '/metrics', asked: null, status: 401 },
  ]);
  await admin.close();
});

/** An admin port whose token is `hush`, with what it did and told. */
async function guarded() {
  const told: AuditEntry[] = [];
  const revoked: unknown[] = [];
  const revoke = async (claims: Record<string, string>) => {
    revoked.push(claims);
    return { claims, at: 1 };
  };
  const admin = await startAdmin({
    host: '127.0.0.1',
    port: 0,
    token: 'hush',
    metrics: { contentType: 'text/plain', text: async () => '' },
    ready: async () => null,
    graphql: adminGraphQL([revocationSubject({ revoke, revocations: () => [] })]),
    audit: (entry) => void told.push(entry),
  });
  const at = `127.0.0.1:${admin.port}`;
  return { at, told, revoked, [Symbol.asyncDispose]: admin.close };
}

const bearer = { authorization: 'Bearer hush' };
const json = { 'content-type': 'application/json' };
const body = JSON.stringify({ query: 'mutation { revoke(sub: "ada") { at } }' });
const inUrl = '?token=hush&access_token=hush&authorization=Bearer%20hush';
const asLink = `?query=${encodeURIComponent('mutation { revoke(sub: "ada") { at } }')}`;

test.each<[string, number, string, RequestInit]>([
  ...['Bearer hus', 'Bearer hushh', 'Bearer HUSH', 'Bearer ', 'hush', 'Basic aHVzaA==', 'Bearer hush,Bearer hush'].map(
    (authorization): [string, number, string, RequestInit] => [
      `the token ${authorization}`,
      401,
      '',
      { method: 'POST', headers: { ...json, authorization }, body },
    ],
  ),
  ['a token in the URL', 401, inUrl, { method: 'POST', headers: json, body }],
  ['a link', 405, asLink, { headers: bearer }],
  ...['PUT', 'DELETE', 'OPTIONS', 'PATCH'].map((method): [string, number, string, RequestInit] => [
    `the method ${method}`,
    405,
    '',
    { method, headers: { ...bearer, ...json }, body },
  ]),
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; application/json',
    'application/jsonx',
    'application/json,text/plain',
  ].map((type): [string, number, string, RequestInit] => [
    `a body of ${type}`,
    415,
    '',
    { method: 'POST', headers: { ...bearer, 'content-type': type }, body },
  ]),
  ...['null', 'http://evil.example', 'http://127.0.0.1', ''].map((origin): [string, number, string, RequestInit] => [
    `a page of origin “${origin}”`,
    403,
    '',
    { method: 'POST', headers: { ...bearer, ...json, origin }, body },
  ]),
  ...[
    '',
    'null',
    '{',
    `[${body},${body}]`,
    body.replace('}"}', '}","variables":"x"}'),
    `{"query":"${'{a'.repeat(20_000)}"}`,
    '{"query":7}',
  ].map((text): [string, number, string, RequestInit] => [
    `the body ${text.slice(0, 60)}`,
    400,
    '',
    { method: 'POST', headers: { ...bearer, ...json }, body: text },
  ]),
  ['a body of 70,000 bytes', 413, '', { method: 'POST', headers: { ...bearer, ...json }, body: body.padEnd(70_000) }],
])('the admin port refuses %s with %i, revokes nothing and tells it', async (_, status, search, init) => {
  await using admin = await guarded();
  expect((await fetch(`http://${admin.at}/graphql${search}`, init)).status).toBe(status);
  expect(admin.revoked).toEqual([]);
  expect(admin.told).toEqual([expect.objectContaining({ event: 'admin', path: '/graphql', status })]);
  expect(JSON.stringify(admin.told)).not.toContain('hush');
});

test('a call that its caller breaks off is told too', async () => {
  await using admin = await guarded();
  const peer = connect(Number(admin.at.split(':')[1]), '127.0.0.1');
  const head = ['POST /graphql HTTP/1.1', 'Host: x', 'Authorization: Bearer hush', 'Content-Type: application/json'];
  peer.write(`${head.join('\r\n')}\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`, () => peer.end());
  await eventually('it is told', () => admin.told.length === 1);
  expect(admin.told).toEqual([expect.objectContaining({ event: 'admin', status: 400, asked: null })]);
  expect(admin.revoked).toEqual([]);
  peer.destroy();
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

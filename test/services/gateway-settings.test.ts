import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { AuditEntry } from '../../src/observe/audit.js';
import { run } from '../bin/process.js';
import { readyGatewayOn } from '../support/cards.js';
import { http2 } from '../support/clients/http2.js';
import { events } from '../support/clients/stream.js';
import { certificateAuthority } from '../support/servers/certificates.js';
import { eventually, freshPrefix, redisUrl } from '../support/servers/services.js';

const keys = { TAILRACE_CURSOR_SECRET: 'c'.repeat(32), TAILRACE_AUTH_JWT_SECRET: 'k'.repeat(32) };
const trams = 'subscription Trams($id: ID) { vehicle(id: $id) { lat } }';
const id = createHash('sha256').update(trams).digest('hex');

test('a gateway by its environment: TLS from files, only persisted operations, and a line of audit for each', async () => {
  using authority = certificateAuthority();
  const { certFile, keyFile } = authority.issue('gateway');
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-gateway-'));
  const file = join(folder, 'manifest.json');
  const operations = [{ id, name: 'Trams', type: 'subscription', body: trams }];
  writeFileSync(file, JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }));
  await using gateway = run(['gateway'], {
    ...keys,
    TAILRACE_PORT: '0',
    TAILRACE_ADMIN_PORT: '0',
    TAILRACE_REDIS_URL: redisUrl(),
    TAILRACE_REDIS_PREFIX: freshPrefix(),
    TAILRACE_RETIRE_PERIOD: '100ms',
    TAILRACE_TLS_CERT_FILE: certFile,
    TAILRACE_TLS_KEY_FILE: keyFile,
    TAILRACE_OPERATIONS: 'persisted-only',
    TAILRACE_OPERATIONS_FILE: file,
  });
  const [, port] = await gateway.until(/"port":(\d+)/);
  await using client = http2(`https://127.0.0.1:${port}`, authority.ca);
  await eventually('it is ready', async () => (await client.ask('/readyz')).status === 200);

  const search = new URLSearchParams({ documentId: id, variables: '{"id":"tram-6"}' });
  const stream = client.session.request({ ':path': `/graphql/stream?${search}` }).resume();
  const [subscribed = ''] = await gateway.until(/^\{.*"event":"subscribed".*\}$/m);
  const audited = { name: 'audit', address: '127.0.0.1', transport: 'sse' };
  expect(JSON.parse(subscribed)).toMatchObject({ ...audited, field: 'vehicle', arguments: ['id'] });

  const text = await client.ask(`/graphql/stream?${new URLSearchParams({ query: trams })}`);
  expect([text.status, JSON.parse(text.text).errors[0].extensions.code]).toEqual([400, 'PERSISTED_QUERY_ID_REQUIRED']);
  const [refused = ''] = await gateway.until(/^\{.*"event":"refused".*\}$/m);
  expect(JSON.parse(refused)).toMatchObject({ ...audited, code: 'PERSISTED_QUERY_ID_REQUIRED' });
  expect(gateway.log()).not.toContain('tram-6');

  gateway.child.kill('SIGTERM');
  expect((await gateway.ended).code).toBe(0);
  await eventually('its client was told to go, and its stream ended', () => client.goneAway() && stream.destroyed);
  rmSync(folder, { recursive: true });
});

test('a gateway from code, behind a balancer: people are told apart by its header, and what WebSockets get is compressed', async () => {
  const told: AuditEntry[] = [];
  await using gateway = await readyGatewayOn(redisUrl(), {
    schema: 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }',
    redis: { url: redisUrl(), prefix: freshPrefix() },
    trustedHops: 1,
    compression: true,
    limits: { connectionsPerAddress: 1 },
    audit: (entry) => void told.push(entry),
  });

  const query = 'subscription { note { id } }';
  const from = (address: string) =>
    events(gateway.url, { query }, null, { 'x-forwarded-for': `203.0.113.9, ${address}` });
  await using ada = await from('198.51.100.1');
  await using again = await from('198.51.100.1');
  await using bob = await from('198.51.100.2');
  expect([ada.status, again.status, bob.status]).toEqual([200, 429, 200]);
  const subscribed = () => told.filter(({ event }) => event === 'subscribed');
  await eventually('both are told', () => subscribed().length === 2);
  expect(subscribed()).toMatchObject([{ peer: { address: '198.51.100.1' } }, { peer: { address: '198.51.100.2' } }]);

  const socket = new WebSocket(gateway.wsUrl, 'graphql-transport-ws', {
    headers: { 'x-forwarded-for': '198.51.100.3' },
  });
  await once(socket, 'open');
  expect(socket.extensions).toBe('permessage-deflate');
  socket.terminate();
});

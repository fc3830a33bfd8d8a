import { expect, test } from 'vitest';
import { firstEvents, run } from './process.js';

test('TAILRACE_AUDIT=on writes a line to stderr for each subscription, whatever the level of the log', async () => {
  await using running = run(['dev'], {
    TAILRACE_PORT: '0',
    TAILRACE_ADMIN_PORT: '0',
    TAILRACE_LOG_LEVEL: 'silent',
    TAILRACE_AUDIT: 'on',
    TAILRACE_AUDIT_ARGUMENTS: 'on',
  });
  const [, address = ''] = await running.until(/(http:\/\/127\.0\.0\.1:\d+)\/graphql\/stream/);
  await firstEvents(address, 'subscription { vehicle(id: "tram-6-01") { id } }', 1);
  const [line] = await running.until(/^\{.*"event":"subscribed".*\}$/m);
  expect(JSON.parse(line)).toMatchObject({
    name: 'audit',
    transport: 'sse',
    address: '127.0.0.1',
    field: 'vehicle',
    arguments: { id: 'tram-6-01' },
  });
});

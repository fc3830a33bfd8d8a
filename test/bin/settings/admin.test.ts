import { expect, test } from 'vitest';
import { configuredAdmin } from '../../../src/bin/settings/admin.js';

const parts = { metrics: { contentType: 'text/plain', text: async () => '' }, ready: async () => null };
const config = { adminHost: '127.0.0.1', adminPort: 0, adminToken: null, keepAlive: 75_000 };

test('a port in use is told in one line that names its variable', async () => {
  const first = await configuredAdmin(config, parts);
  const second = configuredAdmin({ ...config, adminPort: first.port }, parts);
  await expect(second).rejects.toThrow(
    `Port ${first.port} on 127.0.0.1 is in use: stop what uses it, or set TAILRACE_ADMIN_PORT.`,
  );
  await first.close();
});

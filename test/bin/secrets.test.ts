import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { run } from './process.js';

test('no secret is in a line of a gateway, at the most talkative level, from a variable or from a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-secrets-'));
  const secrets = ['redis-pass', 'jwt-first', 'cursor-one', 'admin-only'].map((name) => `${name}-${'x'.repeat(32)}`);
  const [redis = '', jwt = '', cursor = '', admin = ''] = secrets;
  writeFileSync(join(folder, 'cursor'), `${cursor}\n`);
  await using gateway = run(['gateway'], {
    TAILRACE_LOG_LEVEL: 'trace',
    // Nobody listens there: each attempt to connect is told.
    TAILRACE_REDIS_URL: `redis://gateway:${redis}@127.0.0.1:1/0`,
    TAILRACE_AUTH_JWT_SECRET: jwt,
    TAILRACE_CURSOR_SECRET_FILE: join(folder, 'cursor'),
    TAILRACE_ADMIN_TOKEN: admin,
    TAILRACE_HOST: '127.0.0.1',
    TAILRACE_PORT: '0',
    TAILRACE_ADMIN_PORT: '0',
    TAILRACE_RETIRE_PERIOD: '0s',
  });
  const [, adminPort] = await gateway.until(/"adminPort":(\d+)/);
  const [, port] = await gateway.until(/"port":(\d+)/);
  const ask = (at: string | undefined, path: string, token: string) =>
    fetch(`http://127.0.0.1:${at}${path}`, { headers: { authorization: `Bearer ${token}` } });
  expect((await ask(adminPort, '/metrics', admin)).status).toBe(200);
  await ask(adminPort, '/metrics', `${admin}?`);
  await ask(port, '/graphql?query={version}', jwt);
  await ask(port, `/graphql?query={version}&token=${jwt}`, jwt);
  await gateway.until(/ECONNREFUSED/);
  await eventually('refusals are told', () => gateway.log().match(/"event":"refused"/g)?.length === 2);
  gateway.child.kill('SIGTERM');
  const { out, err } = await gateway.ended;
  for (const secret of secrets) expect(`${out}${err}`).not.toContain(secret);
  rmSync(folder, { recursive: true });
});

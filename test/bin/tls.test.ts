import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { http2 } from '../support/clients/http2.js';
import { eventually } from '../support/eventually.js';
import { certificateAuthority } from '../support/servers/certificates.js';
import { run } from './process.js';

test('a process takes up a certificate that was renewed in its file, and its streams go on', async () => {
  using authority = certificateAuthority();
  const [first, second] = [authority.issue('first'), authority.issue('second')];
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-tls-'));
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, 'part'), text);
    renameSync(join(folder, 'part'), join(folder, name));
  };
  put('tls.crt', first.cert);
  put('tls.key', first.key);
  await using running = run(['dev'], {
    TAILRACE_PORT: '0',
    TAILRACE_ADMIN_PORT: '0',
    TAILRACE_TLS_CERT_FILE: join(folder, 'tls.crt'),
    TAILRACE_TLS_KEY_FILE: join(folder, 'tls.key'),
  });
  const [, url = ''] = await running.until(/(https:\/\/127\.0\.0\.1:\d+)\/graphql\/stream/);
  const shown = async () => {
    const socket = connect({ port: Number(new URL(url).port), ca: authority.ca });
    await once(socket, 'secureConnect');
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };
  await using client = http2(url, authority.ca);
  const stream = await client.events('subscription { vehicle { id } }');
  await eventually('events come', () => stream.results().length > 0);
  expect(await shown()).toBe('first');
  put('tls.crt', second.cert);
  put('tls.key', second.key);
  await eventually('the new one is shown', async () => (await shown()) === 'second', { within: 15_000 });
  const before = stream.results().length;
  await eventually('events go on', () => stream.results().length > before);
  rmSync(folder, { recursive: true });
});

test('a certificate without its key is one line', async () => {
  const { code, err } = await run(['dev'], { TAILRACE_TLS_CERT: 'x' }).ended;
  expect(code).toBe(1);
  expect(err).toBe('TAILRACE_TLS_CERT and TAILRACE_TLS_KEY go together: set both or none.\n');
});

import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { startAdmin } from '../../src/admin/server.js';
import type { AuditEntry } from '../../src/observe/audit.js';

/** The admin port of a `dev` that takes everything. */
async function taking(token: string | null = null, host = '127.0.0.1') {
  const taken: string[] = [];
  const told: AuditEntry[] = [];
  const admin = await startAdmin({
    host,
    port: 0,
    token,
    metrics: { contentType: 'text/plain', text: async () => '' },
    ready: async () => null,
    send: {
      answer: async (body) => {
        taken.push(body);
        return { status: 200, text: '{}' };
      },
      messageBytes: 4 * 1024 * 1024,
    },
    audit: (entry) => void told.push(entry),
  });
  const post = async (init: RequestInit = {}, at = '127.0.0.1') => {
    const json = { 'content-type': 'application/json' };
    const given = { method: 'POST', body: '{}', ...init, headers: { ...json, ...(init.headers as object) } };
    if (given.method === 'GET') Reflect.deleteProperty(given, 'body');
    return (await fetch(`http://${at}:${admin.port}/send`, given)).status;
  };
  return { post, port: admin.port, taken, told, [Symbol.asyncDispose]: admin.close };
}

test('a post of JSON from this machine is taken, and told to the audit log', async () => {
  await using dev = await taking();
  expect(await dev.post()).toBe(200);
  expect(dev.taken).toEqual(['{}']);
  expect(dev.told).toEqual([expect.objectContaining({ event: 'admin', path: '/send', status: 200 })]);
});

test.each<[string, number, RequestInit]>([
  ...['null', 'http://127.0.0.1:4000', 'http://evil.example', ''].map((origin): [string, number, RequestInit] => [
    `a page of origin “${origin}”`,
    403,
    { headers: { origin } },
  ]),
  ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonl'].map(
    (type): [string, number, RequestInit] => [`a body of ${type}`, 415, { headers: { 'content-type': type } }],
  ),
  ['a link', 405, { method: 'GET' }],
  ['a preflight', 405, { method: 'OPTIONS' }],
  ['more than it may hold', 413, { body: `"${'x'.repeat(4 * 1024 * 1024)}"` }],
  ['what is not UTF-8', 400, { body: Buffer.from([0x22, 0xff, 0x22]) }],
  ['a compressed body', 400, { headers: { 'content-encoding': 'gzip' } }],
])('%s is refused with %i, and nothing is taken', async (_, status, init) => {
  await using dev = await taking();
  expect(await dev.post(init)).toBe(status);
  expect(dev.taken).toEqual([]);
});

test('a page whose name was made to lead here is refused', async () => {
  await using dev = await taking();
  const status = await new Promise((resolve) => {
    const headers = { host: 'rebound.example', 'content-type': 'application/json' };
    const asked = request({ port: dev.port, host: '127.0.0.1', path: '/send', method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.end('{}');
  });
  expect([status, dev.taken]).toEqual([403, []]);
});

test('with an admin token it is for its bearer', async () => {
  await using dev = await taking('hush');
  expect(await dev.post()).toBe(401);
  expect(await dev.post({ headers: { authorization: 'Bearer hush' } })).toBe(200);
});

test('whatever address the port listens on, another machine cannot send, with the token neither', async () => {
  await using dev = await taking('hush', '0.0.0.0');
  const headers = { authorization: 'Bearer hush' };
  const others = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (const { address, family, internal } of others) {
    if (!internal && family === 'IPv4') expect(await dev.post({ headers }, address)).toBe(403);
  }
  expect(dev.taken).toEqual([]);
  expect(await dev.post({ headers })).toBe(200);
});

import { request } from 'node:http';
import { expect, test } from 'vitest';
import { startAdmin } from '../../src/admin/server.js';

const metrics = { contentType: 'text/plain; version=0.0.4', text: async () => 'tailrace_up 1\n' };

async function admin(token: string | null, ready: () => Promise<string | null> = async () => null) {
  const server = await startAdmin({ host: '127.0.0.1', port: 0, token, metrics, ready });
  const get = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers, method });
    return [response.status, await response.text()];
  };
  return { get, port: server.port, [Symbol.asyncDispose]: () => server.close() };
}

/** By a request that names this host; `fetch` would name its own. */
function statusFor(port: number, host: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path: '/metrics', headers: { ...headers, host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject).end();
  });
}

test('metrics and health are on one port', async () => {
  await using server = await admin(null);
  expect(await server.get('/metrics')).toEqual([200, 'tailrace_up 1\n']);
  expect(await server.get('/healthz')).toEqual([200, 'ok\n']);
  expect(await server.get('/readyz?verbose')).toEqual([200, 'ready\n']);
  expect(await server.get('/else')).toEqual([404, 'here are /metrics, /healthz and /readyz\n']);
  expect((await server.get('/metrics', {}, 'POST'))[0]).toBe(405);
});

test('a path that is not there is answered with those that are, on a gateway with /graphql too', async () => {
  const graphql = async () => ({ status: 200, text: '{}', asked: null });
  const gateway = await startAdmin({
    host: '127.0.0.1',
    port: 0,
    token: null,
    metrics,
    ready: async () => null,
    graphql,
  });
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/else`);
  expect(await answer.text()).toBe('here are /graphql, /metrics, /healthz and /readyz\n');
  await gateway.close();
});

test("an operation at a relay's port is told where it belongs", async () => {
  await using relay = await admin(null);
  const where = "/graphql is on a gateway's admin port; here are /metrics, /healthz and /readyz\n";
  for (const method of ['POST', 'GET']) expect(await relay.get('/graphql', {}, method)).toEqual([404, where]);
});

test("records are taken at dev's port alone: at a gateway's, sends are told where they belong", async () => {
  await using relay = await admin(null);
  const where = '/send is on that of `tailrace dev`; here are /metrics, /healthz and /readyz\n';
  for (const method of ['POST', 'GET']) expect(await relay.get('/send', {}, method)).toEqual([404, where]);
});

test('a process that cannot work says so, and why', async () => {
  await using server = await admin(null, async () => 'Redis is not connected');
  expect(await server.get('/readyz')).toEqual([503, 'Redis is not connected\n']);
  expect((await server.get('/healthz'))[0]).toBe(200);
});

test('with a token, metrics are for its bearer and health for every probe', async () => {
  await using server = await admin('hush');
  expect((await server.get('/metrics'))[0]).toBe(401);
  expect((await server.get('/metrics', { authorization: 'Bearer wrong' }))[0]).toBe(401);
  expect((await server.get('/metrics', { authorization: 'Bearer hush' }))[0]).toBe(200);
  expect((await server.get('/readyz'))[0]).toBe(200);
});

test.each<[string, number]>([
  ['rebound.example:4001', 403],
  ['localhost.example', 403],
  ['127.0.0.1.example', 403],
  ['', 200],
  ['localhost', 200],
  ['LOCALHOST:4001', 200],
  ['127.0.0.2:4001', 200],
  ['[::1]:4001', 200],
])('without a token, metrics are not for a page whose name was made to lead here: %s', async (host, status) => {
  await using server = await admin(null);
  expect(await statusFor(server.port, host)).toBe(status);
  await using closed = await admin('hush');
  expect(await statusFor(closed.port, host, { authorization: 'Bearer hush' })).toBe(200);
});

test('a port in use is an error by which a caller knows it', async () => {
  await using server = await admin(null);
  const second = startAdmin({ host: '127.0.0.1', port: server.port, token: null, metrics, ready: async () => null });
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE', port: server.port });
});

import { expect, test } from 'vitest';
import { adminGraphQL, type Subject } from '../../src/admin/graphql.js';
import { revocationSubject } from '../../src/admin/revocations.js';
import { startAdmin } from '../../src/admin/server.js';
import { silent } from '../../src/observe/logger.js';
import { memoryRevocations } from '../../src/serve/identity/revocation-store.js';
import { revocationsOf } from '../../src/serve/identity/revocations.js';
import { memoryReplicas } from '../../src/serve/replicas/replicas.js';

async function admin(token: string | null = null) {
  const revocations = revocationsOf({
    store: memoryRevocations(),
    replicas: memoryReplicas(),
    logger: silent,
    tokenLife: 60_000,
    every: 60_000,
    changed() {},
  });
  const server = await startAdmin({
    host: '127.0.0.1',
    port: 0,
    token,
    metrics: { contentType: 'text/plain', text: async () => '' },
    ready: async () => null,
    graphql: adminGraphQL([revocationSubject({ revoke: revocations.revoke, revocations: revocations.list })]),
  });
  const post = async (query: string, headers: Record<string, string> = {}, method = 'POST') => {
    const response = await fetch(`http://127.0.0.1:${server.port}/graphql`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(method === 'POST' ? { body: JSON.stringify({ query }) } : {}),
    });
    const text = await response.text();
    return [response.status, text.startsWith('{') ? JSON.parse(text) : text.trim()];
  };
  async function dispose() {
    revocations.close();
    await server.close();
  }
  return { post, isRevoked: revocations.isRevoked, [Symbol.asyncDispose]: dispose };
}

const revoke = 'mutation { revoke(sub: "ada", claims: [{ name: "tenant", value: "7" }]) { at claims { name value } } }';
const viewer = (claims: object) => ({ signedIn: true, claims: claims as Record<string, unknown>, expiresAt: null });

test('an operator revokes by a mutation on the admin port, and sees what is revoked', async () => {
  await using server = await admin();
  const [status, { data }] = await server.post(revoke);
  const claims = [
    { name: 'tenant', value: '7' },
    { name: 'sub', value: 'ada' },
  ];
  expect([status, data.revoke.claims]).toEqual([200, claims]);
  expect(Math.abs(Date.parse(data.revoke.at) - Date.now())).toBeLessThan(60_000);
  expect(server.isRevoked(viewer({ sub: 'ada', tenant: 7 }))).toBe(true);
  expect(server.isRevoked(viewer({ sub: 'ada', tenant: 8 }))).toBe(false);
  expect(await server.post('{ revocations { claims { name value } } }')).toEqual([
    200,
    { data: { revocations: [{ claims }] } },
  ]);
});

test('what names nobody, or one claim twice, is refused with a code', async () => {
  await using server = await admin();
  for (const args of ['sub: null', 'sub: "a", claims: [{ name: "sub", value: "b" }]']) {
    const [status, { data, errors }] = await server.post(`mutation { revoke(${args}) { at } }`);
    expect([status, data, errors[0].extensions]).toEqual([200, null, { code: 'BAD_USER_INPUT' }]);
  }
  expect((await server.post('{ nothing }'))[0]).toBe(400);
});

test('no page can do it: a browser’s form, another origin, a link', async () => {
  await using server = await admin();
  expect((await server.post(revoke, { 'content-type': 'text/plain' }))[0]).toBe(415);
  expect((await server.post(revoke, { origin: 'http://evil.example' }))[0]).toBe(403);
  expect((await server.post(revoke, {}, 'GET'))[0]).toBe(405);
  expect(server.isRevoked(viewer({ sub: 'ada', tenant: 7 }))).toBe(false);
});

test('with an admin token it is for its bearer alone', async () => {
  await using server = await admin('hush');
  expect((await server.post(revoke))[0]).toBe(401);
  expect((await server.post(revoke, { authorization: 'Bearer wrong' }))[0]).toBe(401);
  expect((await server.post(revoke, { authorization: 'Bearer hush' }))[0]).toBe(200);
});

test('each subject has a module of its own, and operators ask all of them in one operation', async () => {
  const weather: Subject = {
    sdl: 'type Query { weather(at: ID!): Weather } type Weather { id: ID! wind: Int! }',
    resolvers: {
      Query: { weather: (_: unknown, { at }: { at: string }) => ({ id: at }) },
      Weather: { wind: () => 7 },
    },
  };
  const ask = adminGraphQL([
    revocationSubject({ revoke: async () => ({ claims: {}, at: 1 }), revocations: () => [] }),
    weather,
  ]);
  const query = '{ revocations { at } weather(at: "pier") { id wind } }';
  const { text, asked } = await ask(JSON.stringify({ query }));
  expect(JSON.parse(text)).toEqual({ data: { revocations: [], weather: { id: 'pier', wind: 7 } } });
  expect(asked?.fields.map(({ field }) => field)).toEqual(['revocations', 'weather']);
  const other: Subject = { sdl: 'type Query { weather: Int }', resolvers: {} };
  expect(() => adminGraphQL([weather, other])).toThrow(/weather/);
});

import { createClient } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { socket } from '../support/clients/socket.js';
import { river, tokenFor } from '../support/river.js';

const sdl = `
  type Query { me: ID @authenticated }
  type Subscription { note: Note! @kafka(topic: "notes") @public }
  type Note { id: ID! }`;

const reason = (place: string) =>
  `This needs a valid token: it is read from connectionParams.Authorization, not connectionParams.${place}`;

describe('a token in another place of the connectionParams than where it is read', () => {
  test.each<[string, (token: string) => object]>([
    ['headers.Authorization', (token) => ({ headers: { Authorization: `Bearer ${token}` } })],
    ['headers.authorization', (token) => ({ headers: { 'x-tenant': 'acme', authorization: token } })],
    ['headers.AUTHORIZATION', (token) => ({ Authorization: '', headers: { AUTHORIZATION: `Bearer ${token}` } })],
    ['authToken', (token) => ({ authToken: token })],
    ['access_token', (token) => ({ access_token: `Bearer ${token}` })],
    ['AUTHORIZATION', (token) => ({ AUTHORIZATION: `Bearer ${token}` })],
  ])('is refused with a sentence: %s', async (place, params) => {
    await using r = await river(sdl);
    await using client = socket(r.wsUrl);
    await client.send({ type: 'connection_init', payload: params(await tokenFor({ sub: 'ada' })) });
    expect(await client.closed).toEqual({ code: 4403, reason: reason(place) });
  });

  test('is refused also where the handshake has one: nobody is taken for somebody else', async () => {
    await using r = await river(sdl);
    const payload = { headers: { Authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` } };
    const webSocket = new WebSocket(r.wsUrl, 'graphql-transport-ws', {
      headers: { authorization: `Bearer ${await tokenFor({ sub: 'grace' })}` },
    });
    const closed = new Promise((resolve) => webSocket.on('close', (_, why) => resolve(String(why))));
    webSocket.on('open', () => webSocket.send(JSON.stringify({ type: 'connection_init', payload })));
    expect(await closed).toBe(reason('headers.Authorization'));
  });

  test('is told to graphql-ws’s own client, as Apollo and urql use it', async () => {
    await using r = await river(sdl);
    const client = createClient({
      url: r.wsUrl,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: async () => ({ headers: { Authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` } }),
    });
    const ended = new Promise((resolve) => {
      client.subscribe({ query: '{ me }' }, { next: resolve, error: resolve, complete: () => resolve(null) });
    });
    expect(await ended).toMatchObject({ code: 4403, reason: reason('headers.Authorization') });
  });

  test('is refused as a renewal, and changes nothing', async () => {
    await using r = await river(sdl);
    await using client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` });
    const payload = { headers: { Authorization: `Bearer ${await tokenFor({ sub: 'ada', jti: 'new' })}` } };
    await client.send({ type: 'ping', payload });
    expect((await client.message('pong')).payload).toEqual({
      ok: false,
      code: 'UNAUTHENTICATED',
      message: 'This needs a valid token: it is read from payload.Authorization, not payload.headers.Authorization',
    });
    expect(client.isOpen()).toBe(true);
  });
});

test.each<[string, object]>([
  ['headers without a token', { headers: { 'x-tenant': 'acme', authorization: '' } }],
  ['headers that are none', { headers: 'authorization' }],
  ['no headers', { headers: null, token: null }],
  ['a text of that name that is no token', { token: 'csrf-4711', jwt: 7 }],
])('%s beside none stands for nobody, as ever', async (_, payload) => {
  await using r = await river(sdl);
  await using client = socket(r.wsUrl);
  await client.init(payload);
  await client.send({ type: 'ping', payload });
  expect((await client.message('pong')).payload).toEqual(payload);
});

test('a token where it is read counts, whatever else is there', async () => {
  await using r = await river(sdl);
  await using client = socket(r.wsUrl);
  const token = `Bearer ${await tokenFor({ sub: 'ada' })}`;
  await client.init({ authorization: token, headers: { Authorization: token }, authToken: token });
});

test('a function of one’s own may read it wherever it likes', async () => {
  await using r = await river(sdl, {
    authenticate: async ({ payload }) => ({
      signedIn: true,
      claims: { sub: JSON.stringify(payload) },
      expiresAt: null,
    }),
  });
  await using client = socket(r.wsUrl);
  await client.init({ headers: { Authorization: 'anything' } });
});

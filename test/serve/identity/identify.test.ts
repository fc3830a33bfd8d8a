import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { nobody } from '../../../src/graphql/viewer.js';
import type { AuthRequest } from '../../../src/serve/identity/authenticate.js';
import { cookieOf, identify } from '../../../src/serve/identity/identify.js';
import { allowedOrigins } from '../../../src/serve/identity/origins.js';

const request = (headers: Record<string, string>, url = '/graphql') => ({ headers, url }) as unknown as IncomingMessage;
const viewerOf = (token: string) => ({ signedIn: true, claims: { token }, expiresAt: null });
const identity = (listed: readonly string[] = []) => ({
  authenticate: async ({ authorization }: AuthRequest) => (authorization ? viewerOf(authorization) : nobody),
  isRevoked: () => false,
  cookie: 'tailrace_token',
  origins: allowedOrigins(listed),
});
const refused = { code: 'UNAUTHENTICATED' };

describe('who sends a request', () => {
  test('is said by the header, which beats the cookie', async () => {
    const both = request({ authorization: 'Bearer a', cookie: 'tailrace_token=b', host: 'h' });
    expect(await identify(both, identity())).toEqual(viewerOf('Bearer a'));
  });

  test('is said by the payload of a connection_init before the header, but not by a text that is none', async () => {
    const asked = request({ authorization: 'Bearer a' });
    expect(await identify(asked, identity(), { Authorization: 'Bearer p' })).toEqual(viewerOf('Bearer p'));
    expect(await identify(asked, identity(), { authorization: 'Bearer p' })).toEqual(viewerOf('Bearer p'));
    expect(await identify(asked, identity(), { authorization: '' })).toEqual(viewerOf('Bearer a'));
    await expect(identify(asked, identity(), { authorization: 42 })).rejects.toMatchObject(refused);
    const inUrl = request({}, '/graphql?access_token=x');
    await expect(identify(inUrl, identity(), { Authorization: 'Bearer p' })).rejects.toMatchObject(refused);
  });

  test('may be said by a function of one’s own, which sees the whole request', async () => {
    const seen: AuthRequest[] = [];
    const authenticate = async (asked: AuthRequest) => {
      seen.push(asked);
      return viewerOf(`${asked.headers['x-user']}`);
    };
    const asked = request({ 'x-user': 'ada', authorization: 'Basic YTpi' }, '/graphql?x=1');
    expect(await identify(asked, { ...identity(), authenticate }, { room: 7 })).toEqual(viewerOf('ada'));
    expect(seen).toEqual([
      { authorization: 'Basic YTpi', headers: asked.headers, url: '/graphql?x=1', payload: { room: 7 } },
    ]);
  });

  test('is nobody without either', async () => {
    expect(await identify(request({ cookie: 'other=1' }), identity())).toMatchObject({ signedIn: false, claims: {} });
  });

  test.each(['token', 'access_token', 'authorization', 'jwt'])(
    'is refused with ?%s= in the URL, whatever else it says',
    async (name) => {
      const asked = request({ authorization: 'Bearer a' }, `/graphql?query=x&${name}=secret`);
      await expect(identify(asked, identity())).rejects.toMatchObject(refused);
      await expect(identify(asked, identity())).rejects.not.toMatchObject({
        message: expect.stringContaining('secret'),
      });
    },
  );

  test('by cookie only from a page that shows itself', async () => {
    const cookie = 'x=1; tailrace_token=b; y=2';
    const from = (headers: Record<string, string>, listed: string[] = []) =>
      identify(request({ cookie, host: 'shop.example', ...headers }), identity(listed));
    expect(await from({ origin: 'https://shop.example' })).toEqual(viewerOf('Bearer b'));
    expect(await from({ 'sec-fetch-site': 'same-origin' })).toEqual(viewerOf('Bearer b'));
    expect(await from({ origin: 'https://app.example' }, ['https://app.example'])).toEqual(viewerOf('Bearer b'));
    await expect(from({})).rejects.toMatchObject(refused);
    await expect(from({ 'sec-fetch-site': 'cross-site' })).rejects.toMatchObject(refused);
    await expect(from({ origin: 'https://evil.example' })).rejects.toMatchObject(refused);
    expect(await from({ origin: 'https://shop.example' }, ['https://app.example'])).toEqual(viewerOf('Bearer b'));
    await expect(from({ origin: 'null' })).rejects.toMatchObject(refused);
  });
});

describe('which pages may connect', () => {
  const from = (origin: string | null) =>
    request({ host: 'shop.example:8080', ...(origin === null ? {} : { origin }) });

  test.each([
    ['no page at all', null, [], true],
    ['a page of the same host and port', 'http://shop.example:8080', [], true],
    ['a page of another port', 'http://shop.example:9090', [], false],
    ['a page of another host', 'http://evil.example', [], false],
    ['a host that only begins alike', 'http://shop.example:8080.evil.example', [], false],
    ['a page without an origin of its own', 'null', [], false],
    ['a listed page', 'https://app.example', ['https://app.example'], true],
    ['a page of its own, where others are listed', 'http://shop.example:8080', ['https://app.example'], true],
    ['no page, where others are listed', null, ['https://app.example'], true],
  ])('%s', (_, origin, listed, allowed) => {
    expect(allowedOrigins(listed).refusalOf(from(origin)) === null).toBe(allowed);
  });
});

test.each([
  ['a=1; b=2', 'b', '2'],
  ['b=2=3', 'b', '2=3'],
  ['ab=1', 'b', null],
  ['b', 'b', null],
  ['', 'b', null],
])('the cookies %j have %s: %j', (cookie, name, value) => expect(cookieOf(request({ cookie }), name)).toBe(value));

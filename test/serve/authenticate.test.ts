import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { bearer, type TokenSettings, tokenAuthenticator } from '../../src/serve/authenticate.js';

const secret = 'a secret of at least thirty-two bytes';
const none: TokenSettings = { secrets: [], jwksUrl: null, issuer: null, audience: null };
const now = () => Math.floor(Date.now() / 1000);
const bytes = (text: string) => new TextEncoder().encode(text);
const signed = (claims: JWTPayload, alg = 'HS256', key = secret) =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(bytes(key));
const shared = tokenAuthenticator({ ...none, secrets: [secret] });
const refused = { code: 'UNAUTHENTICATED' };

describe('a token signed with a shared secret', () => {
  test.each(['HS256', 'HS384', 'HS512'])('by %s is its viewer', async (alg) => {
    const exp = now() + 60;
    const viewer = await shared(await signed({ sub: 'ada', exp, roles: ['a'] }, alg));
    expect(viewer).toEqual({ signedIn: true, claims: { sub: 'ada', exp, roles: ['a'] }, expiresAt: exp * 1000 });
  });

  test('without an end has none', async () => {
    expect((await shared(await signed({ sub: 'ada' }))).expiresAt).toBeNull();
  });

  test('may be signed with any of several secrets', async () => {
    const both = tokenAuthenticator({ ...none, secrets: ['a new secret of thirty-two bytes, too', secret] });
    expect((await both(await signed({ sub: 'ada' }))).claims.sub).toBe('ada');
    // What is wrong with it is said, also when the second secret was the right one.
    await expect(both(await signed({ exp: now() - 60 }))).rejects.toMatchObject({ message: /exp/ });
  });

  test.each([
    ['another secret', () => signed({ sub: 'ada' }, 'HS256', 'another secret of thirty-two bytes!!')],
    ['no signature at all', async () => new UnsecuredJWT({ sub: 'ada' }).encode()],
    ['something that is no token', async () => 'abc'],
    ['an end in the past', () => signed({ exp: now() - 60 })],
    ['a beginning in the future', () => signed({ nbf: now() + 60 })],
    ['an end that is no number', () => signed({ exp: 'soon' as never })],
  ])('with %s is refused', async (_, token) => {
    await expect(token().then(shared)).rejects.toMatchObject(refused);
  });

  test('is given five seconds, for clocks differ', async () => {
    await shared(await signed({ exp: now() - 2, nbf: now() + 2 }));
    await expect(shared(await signed({ exp: now() - 8 }))).rejects.toMatchObject(refused);
    await expect(shared(await signed({ nbf: now() + 8 }))).rejects.toMatchObject(refused);
  });

  test('must be of the issuer and for the audience that were set', async () => {
    const strict = tokenAuthenticator({ ...none, secrets: [secret], issuer: 'me', audience: 'you' });
    await strict(await signed({ iss: 'me', aud: ['others', 'you'] }));
    await expect(strict(await signed({ iss: 'them', aud: 'you' }))).rejects.toMatchObject(refused);
    await expect(strict(await signed({ iss: 'me', aud: 'them' }))).rejects.toMatchObject(refused);
    await expect(strict(await signed({}))).rejects.toMatchObject(refused);
  });

  test('is never quoted by what refuses it', async () => {
    const token = await signed({ sub: 'ada' }, 'HS256', 'another secret of thirty-two bytes!!');
    await expect(shared(token)).rejects.not.toMatchObject({ message: expect.stringContaining(token) });
  });

  test('is refused where no key is known at all', async () => {
    await expect(tokenAuthenticator(none)(await signed({ sub: 'ada' }))).rejects.toMatchObject(refused);
  });
});

describe('a token signed with a key that is published', () => {
  async function keys() {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const answer = {
      status: 200,
      body: JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' }] }),
    };
    const server = createServer((_, response) => response.writeHead(answer.status).end(answer.body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    return {
      publicKey,
      answer,
      server,
      authenticate: tokenAuthenticator({ ...none, jwksUrl }),
      sign: (claims: JWTPayload, kid = 'k1') =>
        new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey),
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  test('is its viewer', async () => {
    await using issuer = await keys();
    expect((await issuer.authenticate(await issuer.sign({ sub: 'ada' }))).claims.sub).toBe('ada');
  });

  test('by a key that is not published is refused', async () => {
    await using issuer = await keys();
    await expect(issuer.authenticate(await issuer.sign({ sub: 'ada' }, 'k2'))).rejects.toMatchObject(refused);
  });

  test('by the public key, taken for a shared secret, is refused', async () => {
    await using issuer = await keys();
    const pem = await exportSPKI(issuer.publicKey);
    const forged = await new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(bytes(pem));
    await expect(issuer.authenticate(forged)).rejects.toMatchObject(refused);
    // Nor does a gateway with secrets take what an issuer has signed.
    await expect(shared(await issuer.sign({ sub: 'ada' }))).rejects.toMatchObject(refused);
  });

  test.each([
    ['answers with an error', (answer: { status: number; body: string }) => Object.assign(answer, { status: 500 })],
    [
      'answers with something else',
      (answer: { status: number; body: string }) => Object.assign(answer, { body: '<html>' }),
    ],
    [
      'answers with a list of nothing',
      (answer: { status: number; body: string }) => Object.assign(answer, { body: '{"keys":1}' }),
    ],
  ])('while the issuer %s is neither taken nor refused: it may be tried again', async (_, spoil) => {
    await using issuer = await keys();
    spoil(issuer.answer);
    await expect(issuer.authenticate(await issuer.sign({ sub: 'ada' }))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('while the issuer is away it may be tried again, and then is taken', async () => {
    await using issuer = await keys();
    const { port } = issuer.server.address() as AddressInfo;
    const token = await issuer.sign({ sub: 'ada' });
    await new Promise((resolve) => issuer.server.close(resolve));
    await expect(issuer.authenticate(token)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await new Promise<void>((resolve) => issuer.server.listen(port, '127.0.0.1', resolve));
    expect((await issuer.authenticate(token)).claims.sub).toBe('ada');
  });
});

describe('what Authorization says', () => {
  test.each([
    [undefined, null],
    [null, null],
    ['', null],
    ['Bearer abc.def-_~+/=', 'abc.def-_~+/='],
    ['bearer  abc ', 'abc'],
  ])('%j gives %j', (value, token) => expect(bearer(value)).toBe(token));

  test.each(['Basic abc', 'Bearer', 'Bearer a b', 'Bearer a\nb', 42, ['Bearer a'], {}])('%j is refused', (value) => {
    expect(() => bearer(value)).toThrow(/Bearer/);
  });
});

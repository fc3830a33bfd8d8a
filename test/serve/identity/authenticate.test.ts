import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  bearer,
  inTime,
  type TokenSettings,
  tokenAuthenticator,
  withToken,
} from '../../../src/serve/identity/authenticate.js';
import { socket } from '../../support/clients/socket.js';
import { river } from '../../support/river.js';

const secret = 'a secret of at least thirty-two bytes';
const none: TokenSettings = { secrets: [], jwksUrl: null, issuer: null, audience: null };
const now = () => Math.floor(Date.now() / 1000);
const bytes = (text: string) => new TextEncoder().encode(text);
const signed = (claims: JWTPayload, alg = 'HS256', key = secret) =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(bytes(key));
/** By the token alone, as every way brings it in the end. */
const byToken = (...issuers: TokenSettings[]) => {
  const authenticate = tokenAuthenticator(...issuers);
  return (token: string) => authenticate(withToken(token));
};
const shared = byToken({ ...none, secrets: [secret] });
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
    const both = byToken({ ...none, secrets: ['a new secret of thirty-two bytes, too', secret] });
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

  test('is given as much as was set, at its end and at its beginning alike', async () => {
    const patient = byToken({ ...none, secrets: [secret], leeway: 60_000 });
    await patient(await signed({ exp: now() - 50, nbf: now() + 50 }));
    await expect(patient(await signed({ exp: now() - 70 }))).rejects.toMatchObject(refused);
    await expect(patient(await signed({ nbf: now() + 70 }))).rejects.toMatchObject(refused);
    const strict = byToken({ ...none, secrets: [secret], leeway: 0 });
    await expect(strict(await signed({ exp: now() - 2 }))).rejects.toMatchObject(refused);
  });

  test('must be of the issuer and for the audience that were set', async () => {
    const strict = byToken({ ...none, secrets: [secret], issuer: 'me', audience: 'you' });
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
    await expect(byToken(none)(await signed({ sub: 'ada' }))).rejects.toMatchObject(refused);
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
      authenticate: byToken({ ...none, jwksUrl }),
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

describe('keys that change', () => {
  afterEach(() => vi.useRealTimers());

  /** An issuer who publishes the public halves of these keys, and counts who asks. */
  async function issuerOf(...names: string[]) {
    const pairs = new Map(
      await Promise.all(
        names.map(async (kid) => [kid, await generateKeyPair('ES256', { extractable: true })] as const),
      ),
    );
    const state = { published: names.slice(0, 1), works: true, asked: 0 };
    const server = createServer(async (_, response) => {
      state.asked++;
      if (!state.works) return response.destroy();
      const keys = await Promise.all(
        state.published.map(async (kid) => {
          const pair = pairs.get(kid);
          return pair && { ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256' };
        }),
      );
      return response.end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    return {
      state,
      authenticate: byToken({ ...none, jwksUrl }),
      sign: async (kid: string) =>
        new SignJWT({ sub: kid })
          .setProtectedHeader({ alg: 'ES256', kid })
          .sign(pairs.get(kid)?.privateKey as CryptoKey),
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }
  const clocks = { toFake: ['Date', 'performance'] as ('Date' | 'performance')[] };
  const later = (milliseconds: number) => vi.advanceTimersByTime(milliseconds);

  test('are picked up when a token names one that is new', async () => {
    vi.useFakeTimers(clocks);
    await using issuer = await issuerOf('old', 'new');
    await issuer.authenticate(await issuer.sign('old'));
    await expect(issuer.authenticate(await issuer.sign('new'))).rejects.toMatchObject(refused);
    issuer.state.published = ['old', 'new'];
    later(31_000);
    expect((await issuer.authenticate(await issuer.sign('new'))).claims.sub).toBe('new');
    await issuer.authenticate(await issuer.sign('old'));
  });

  test('are fetched once for many who sign in, and names made up do not make the gateway ask again and again', async () => {
    await using issuer = await issuerOf('k1', 'made-up');
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.sign('k1')));
    await Promise.all(tokens.map((token) => issuer.authenticate(token)));
    const foreign = await Promise.all(Array.from({ length: 20 }, () => issuer.sign('made-up')));
    await Promise.allSettled(foreign.map((token) => issuer.authenticate(token)));
    expect(issuer.state.asked).toBe(1);
  });

  test.each([-3_600_000, -1_000, 1_000, 3_600_000])(
    'are picked up, and taken back, as soon as ever when the clock was set by %s ms',
    async (step) => {
      vi.useFakeTimers(clocks);
      await using issuer = await issuerOf('k1', 'k2', 'k3');
      await issuer.authenticate(await issuer.sign('k1'));
      vi.setSystemTime(Date.now() + step);
      issuer.state.published = ['k1', 'k2'];
      later(31_000);
      expect((await issuer.authenticate(await issuer.sign('k2'))).claims.sub).toBe('k2');
      vi.setSystemTime(Date.now() + step);
      issuer.state.published = ['k2'];
      later(601_000);
      await expect(issuer.authenticate(await issuer.sign('k1'))).rejects.toMatchObject(refused);
    },
  );

  test('stay good while the host fails, for hours', async () => {
    vi.useFakeTimers(clocks);
    await using issuer = await issuerOf('k1', 'k2');
    await issuer.authenticate(await issuer.sign('k1'));
    issuer.state.works = false;
    for (const wait of [31_000, 601_000, 3_600_000, 24 * 3_600_000]) {
      later(wait);
      expect((await issuer.authenticate(await issuer.sign('k1'))).claims.sub).toBe('k1');
    }
    // Of a key nobody has heard of nothing can be said then.
    await expect(issuer.authenticate(await issuer.sign('k2'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('that are taken back are good for ten minutes more, not for ever', async () => {
    vi.useFakeTimers(clocks);
    await using issuer = await issuerOf('k1', 'k2');
    await issuer.authenticate(await issuer.sign('k1'));
    issuer.state.published = ['k2'];
    later(599_000);
    await issuer.authenticate(await issuer.sign('k1'));
    later(2_000);
    await expect(issuer.authenticate(await issuer.sign('k1'))).rejects.toMatchObject(refused);
  });
});

describe('several issuers', () => {
  const other = 'another secret of thirty-two bytes, too';
  const both = byToken(
    { ...none, issuer: 'one', secrets: [secret], audience: 'streams' },
    { ...none, issuer: 'two', secrets: [other] },
  );

  test('each verify their own tokens, by their own keys and for their own audience', async () => {
    expect((await both(await signed({ iss: 'one', aud: 'streams', sub: 'a' }))).claims.sub).toBe('a');
    expect((await both(await signed({ iss: 'two', sub: 'b' }, 'HS256', other))).claims.sub).toBe('b');
  });

  test.each([
    ['the key of one under the name of the other', () => signed({ iss: 'two' })],
    ['the other way round', () => signed({ iss: 'one', aud: 'streams' }, 'HS256', other)],
    ['the audience of nobody', () => signed({ iss: 'one', aud: 'else' })],
    ['no issuer', () => signed({ aud: 'streams' })],
    ['an issuer nobody knows', () => signed({ iss: 'three' })],
    ['no form', async () => 'a.b.c'],
  ])('refuse %s', async (_, token) => {
    await expect(token().then(both)).rejects.toMatchObject(refused);
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

describe('a function that says whose a request is', () => {
  test('has its time: whoever waits longer is told to come back', async () => {
    const never = inTime(() => new Promise(() => {}), 20);
    await using r = await river('type Query { open: Int @public }', { authenticate: never });
    const answer = await fetch(r.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ open }"}',
    });
    expect(answer.status).toBe(503);
    await using client = socket(r.wsUrl);
    await client.send({ type: 'connection_init' });
    expect((await client.closed).code).toBe(1013);
  });

  test('is answered by what it says in time, and by what it throws', async () => {
    const viewer = { signedIn: true, claims: { sub: 'ada' }, expiresAt: null };
    expect(await inTime(async () => viewer)(withToken('t'))).toBe(viewer);
    await expect(inTime(() => Promise.reject(new Error('no')))(withToken('t'))).rejects.toThrow('no');
    const thrown = inTime(() => {
      throw new Error('at once');
    });
    await expect(thrown(withToken('t'))).rejects.toThrow('at once');
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { tokenAuthenticator, withToken } from '../../../src/serve/identity/authenticate.js';
import { publishedKeys } from '../../../src/serve/identity/published-keys.js';

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
const pairs = {} as Record<'one' | 'two' | 'curve', Pair>;
beforeAll(async () => {
  for (const name of ['one', 'two'] as const) pairs[name] = await generateKeyPair('RS256', { extractable: true });
  pairs.curve = await generateKeyPair('ES256', { extractable: true });
});
const published = async (name: keyof typeof pairs, more: object = {}): Promise<JWK> => ({
  ...(await exportJWK(pairs[name].publicKey)),
  ...more,
});
const signed = (name: keyof typeof pairs, header: Partial<JWTHeaderParameters> = {}) =>
  new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'RS256', ...header }).sign(pairs[name].privateKey);

/** An issuer whose answer may be changed, and who counts how often it is asked. */
async function issuerOf(...keys: unknown[]) {
  const state = { keys, status: 200, asked: 0 };
  const server = createServer((_, response) => {
    state.asked++;
    response.writeHead(state.status, { location: '/elsewhere' }).end(JSON.stringify({ keys: state.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  const authenticate = tokenAuthenticator({ secrets: [], jwksUrl, issuer: null, audience: null });
  /** Whose token it is, or why it is not taken. */
  const whose = (token: string) =>
    authenticate(withToken(token)).then(
      ({ claims }) => claims.sub,
      ({ code }) => code,
    );
  return {
    state,
    jwksUrl,
    whose,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

afterEach(() => vi.useRealTimers());

describe('a token is taken', () => {
  test('that names no key, where several are published while they rotate', async () => {
    await using issuer = await issuerOf(
      await published('one', { kid: 'k1' }),
      await published('curve', { kid: 'k3' }),
      await published('two', { kid: 'k2' }),
    );
    expect(await issuer.whose(await signed('one'))).toBe('ada');
    expect(await issuer.whose(await signed('two'))).toBe('ada');
    expect(await issuer.whose(await signed('curve', { alg: 'ES256' }))).toBe('ada');
  });

  test('when two keys have its name, and when keys have none', async () => {
    await using named = await issuerOf(await published('one', { kid: 'k' }), await published('two', { kid: 'k' }));
    expect(await named.whose(await signed('two', { kid: 'k' }))).toBe('ada');
    await using nameless = await issuerOf(await published('one'), await published('two'));
    expect(await nameless.whose(await signed('two'))).toBe('ada');
  });

  test('when a key beside its own cannot be read', async () => {
    const broken = { kty: 'RSA', n: 'no', e: '!' };
    await using issuer = await issuerOf(broken, await published('one'));
    expect(await issuer.whose(await signed('one'))).toBe('ada');
  });
});

describe('a host that comes up while somebody waits for its first key', () => {
  test('is asked also when the timer rings a moment too early', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    await using issuer = await issuerOf(await published('one'));
    issuer.state.status = 503;
    let early = 0;
    const keys = publishedKeys({ url: issuer.jwksUrl, now: () => performance.now() - early });
    const key = () => keys.keyFor({ alg: 'RS256' }, { payload: '', signature: '' });
    await expect(key()).rejects.toThrow('503');
    issuer.state.status = 200;
    const had = key();
    early = 0.9;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await had).toMatchObject({ type: 'public' });
    expect(issuer.state.asked).toBe(2);
    keys.close();
  });
});

describe('a token is refused', () => {
  test('whose key is published for something else', async () => {
    for (const more of [{ use: 'enc' }, { alg: 'PS256' }, { key_ops: ['encrypt'] }]) {
      await using issuer = await issuerOf(await published('one', { kid: 'k', ...more }));
      expect([more, await issuer.whose(await signed('one', { kid: 'k' }))]).toEqual([more, 'UNAUTHENTICATED']);
    }
  });

  test('of a key that is not among those it could mean', async () => {
    await using issuer = await issuerOf(await published('one'), await published('one', { kid: 'again' }));
    expect(await issuer.whose(await signed('two'))).toBe('UNAUTHENTICATED');
  });

  test('by a shared secret that someone published', async () => {
    const secret = 'a secret of at least thirty-two bytes';
    const k = Buffer.from(secret).toString('base64url');
    await using issuer = await issuerOf({ kty: 'oct', k, kid: 'k', alg: 'HS256' }, await published('one'));
    const forged = new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'HS256', kid: 'k' });
    expect(await issuer.whose(await forged.sign(new TextEncoder().encode(secret)))).toBe('UNAUTHENTICATED');
  });
});

test('two issuers who give their keys the same name are two', async () => {
  await using one = await issuerOf(await published('one', { kid: 'k' }));
  await using two = await issuerOf(await published('two', { kid: 'k' }));
  const settings = (issuer: string, { jwksUrl }: { jwksUrl: string }) => ({
    secrets: [],
    audience: null,
    issuer,
    jwksUrl,
  });
  const authenticate = tokenAuthenticator(settings('one', one), settings('two', two));
  const token = (iss: string, key: 'one' | 'two') =>
    new SignJWT({ iss }).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(pairs[key].privateKey);
  for (const iss of ['one', 'two'] as const) {
    expect((await authenticate(withToken(await token(iss, iss)))).claims.iss).toBe(iss);
    const other = iss === 'one' ? 'two' : 'one';
    await expect(authenticate(withToken(await token(iss, other)))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  }
});

describe('the host that publishes keys', () => {
  test('is not asked again and again for made-up names while it fails', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    await using issuer = await issuerOf(await published('one', { kid: 'k1' }));
    expect(await issuer.whose(await signed('one', { kid: 'k1' }))).toBe('ada');
    issuer.state.status = 500;
    for (let minute = 1; minute <= 3; minute++) {
      vi.advanceTimersByTime(31_000);
      for (let n = 0; n < 5; n++) expect(await issuer.whose(await signed('two', { kid: `x${n}` }))).toBe('UNAVAILABLE');
      expect(await issuer.whose(await signed('one', { kid: 'k1' }))).toBe('ada');
      expect(issuer.state.asked).toBe(1 + minute);
    }
    issuer.state.status = 200;
    vi.advanceTimersByTime(31_000);
    expect(await issuer.whose(await signed('two', { kid: 'x' }))).toBe('UNAUTHENTICATED');
  });

  test('is not followed to another place', async () => {
    await using issuer = await issuerOf(await published('one'));
    issuer.state.status = 302;
    expect(await issuer.whose(await signed('one'))).toBe('UNAVAILABLE');
    expect(issuer.state.asked).toBe(1);
  });
});

import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { type JWTPayload, jwtVerify } from 'jose';
import { expect, test } from 'vitest';
import { tokenAuthenticator, withToken } from '../../src/serve/identity/authenticate.js';
import { cases } from '../support/properties.js';

const secrets = ['a secret of at least thirty-two bytes', 'and the one of before, as long as it is'];
const [first = '', second = ''] = secrets;
const settings = { secrets, jwksUrl: null, issuer: 'me', audience: 'you' };
const options = { algorithms: ['HS256', 'HS384', 'HS512'], clockTolerance: 5, issuer: 'me', audience: 'you' };

/** As jose alone has it. */
async function byJose(token: string): Promise<JWTPayload | string> {
  let told = '';
  for (const secret of secrets) {
    try {
      return (await jwtVerify(token, new TextEncoder().encode(secret), options)).payload;
    } catch (error) {
      told = (error as Error).message;
      if ((error as { code?: string }).code !== 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') break;
    }
  }
  return told;
}

const now = Math.floor(Date.now() / 1_000);
const time = fc.constantFrom<unknown>(now - 3_600, now + 3_600, now - 8_000.5, '1', null, {}, [], true);
const usually = <T>(usual: T, ...others: fc.Arbitrary<unknown>[]) =>
  fc.oneof({ weight: 15, arbitrary: fc.constant<unknown>(usual) }, ...others);
const claims = fc.record(
  {
    sub: fc.oneof(fc.string({ unit: 'binary' }), fc.integer()),
    iss: usually('me', fc.constantFrom<unknown>('them', ['me'], 1)),
    aud: usually('you', fc.constantFrom<unknown>(['others', 'you'], 'others', [], ['youyou'], 1, { you: 1 })),
    exp: usually(now + 3_600, time),
    nbf: usually(now - 3_600, time),
    iat: usually(now, time),
    ['__proto__']: fc.constant({ sub: 'eve' }),
  },
  { requiredKeys: ['iss', 'aud'] },
);
const payload = usually(
  null,
  fc.constantFrom('', '[]', '1', 'null', '"a"', '{', '{"iss":"me","iss":"them","aud":"you"}', '\uFEFF{}'),
);
const header = fc.record(
  {
    alg: usually('HS256', fc.constantFrom<unknown>('HS384', 'HS512', 'none', 'RS256', 'hs256', 'HS1', '', 1, null)),
    typ: fc.constantFrom<unknown>('JWT', 'jwt', 'at+jwt', 1),
    kid: fc.constantFrom<unknown>('a', 'b', 1),
    b64: usually(true, fc.constant(false)),
    crit: usually(undefined, fc.constantFrom<unknown>(['b64'], ['exp'], [], 'b64', ['typ'])),
  },
  { requiredKeys: ['alg'] },
);
const mangled = usually(
  (token: string) => token,
  fc.constantFrom(
    (token: string) => token.slice(0, -1),
    (token: string) => token.slice(0, token.lastIndexOf('.') + 1),
    (token: string) => `${token}=`,
    (token: string) => `${token}.`,
    (token: string) => `${token}.${token}`,
    (token: string) => `.${token}`,
    (token: string) => token.replace('.', ''),
    (token: string) => token.replaceAll('-', '+').replaceAll('_', '/'),
    // The bits of its last character that nobody reads.
    (token: string) => token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1),
    (token: string) => token.slice(0, token.indexOf('.') + 1) + token.slice(token.indexOf('.') + 2),
    (token: string) => token.replace('.', '=.'),
  ),
) as fc.Arbitrary<(token: string) => string>;

interface Made {
  readonly header: object;
  readonly claims: object;
  readonly payload: unknown;
  readonly secret: unknown;
  readonly hash: unknown;
}

function made(given: Made): string {
  const { alg } = given.header as { alg?: unknown };
  const text = [JSON.stringify(given.header), given.payload === null ? JSON.stringify(given.claims) : given.payload]
    .map((part) => Buffer.from(String(part)).toString('base64url'))
    .join('.');
  const right = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }[String(alg)] ?? 'sha256';
  return `${text}.${createHmac(String(given.hash ?? right), String(given.secret))
    .update(text)
    .digest('base64url')}`;
}

test('a token signed with a shared secret is told from others as jose does it, with the same words, the first time and each later one', async () => {
  const token = fc.record({
    header,
    claims,
    payload,
    secret: usually(first, fc.constantFrom(second, 'nobody has set this one', '')),
    hash: usually(null, fc.constantFrom('sha1', 'sha384', 'sha512')),
  });
  // One for all: what it has learnt of one token it may use for any other.
  const authenticate = tokenAuthenticator(settings);
  const seen = { taken: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(token, mangled, async (given, mangle) => {
      const text = mangle(made(given));
      const expected = await byJose(text);
      // Not of a bearer's characters: no token at all.
      if (!/^[\w\-.~+/=]+$/.test(text)) return;
      for (const _ of [1, 2]) {
        const found = await authenticate(withToken(text)).then(
          ({ claims }) => claims,
          (error: Error) => error.message,
        );
        if (typeof expected === 'string') expect(found).toContain(expected);
        else expect(found).toStrictEqual(expected);
      }
      seen[typeof expected === 'string' ? 'refused' : 'taken']++;
    }),
    { numRuns: cases(3_000) },
  );
  expect(seen.taken).toBeGreaterThan(cases(300));
  expect(seen.refused).toBeGreaterThan(cases(300));
});

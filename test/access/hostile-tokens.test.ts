import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type TokenSettings, tokenAuthenticator, withToken } from '../../src/serve/identity/authenticate.js';

const secret = 'a secret of at least thirty-two bytes';
const settings: TokenSettings = { secrets: [secret], jwksUrl: null, issuer: null, audience: null };
const one = tokenAuthenticator(settings);
const several = tokenAuthenticator(
  { ...settings, issuer: 'one' },
  { ...settings, issuer: 'two', secrets: ['another secret of thirty-two bytes'] },
);
const now = () => Math.floor(Date.now() / 1000);

const encoded = (text: string | Uint8Array) => Buffer.from(text).toString('base64url');
const hmac = (input: string, hash = 'sha256', key = secret) => createHmac(hash, key).update(input).digest('base64url');
/** A token whose signature is good, whatever stands in it. */
function raw(header: string, payload: string | Uint8Array, hash?: string): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${hmac(input, hash)}`;
}
const HS256 = '{"alg":"HS256"}';
const ada = '{"sub":"ada"}';
const [head, body, mark] = raw(HS256, ada).split('.') as [string, string, string];

describe('signed by the right key, a token is refused', () => {
  test.each<[string, string]>([
    ['that asks for what is not understood', raw('{"alg":"HS256","crit":["x"],"x":1}', ada)],
    ['that asks for nothing in particular', raw('{"alg":"HS256","crit":[]}', ada)],
    ['whose payload is not encoded', raw('{"alg":"HS256","crit":["b64"],"b64":false}', ada)],
    ['without an algorithm', raw('{"typ":"JWT"}', ada)],
    ['whose algorithm is no text', raw('{"alg":["HS256"]}', ada)],
    ['whose algorithm is written otherwise', raw('{"alg":"hs256"}', ada)],
    ['by another algorithm than it says', raw('{"alg":"HS512"}', ada)],
    ['whose header is a list', raw('["HS256"]', ada)],
    ['whose header is no JSON', raw('{"alg":"HS256"', ada)],
    ['whose payload is a list', raw(HS256, '["ada"]')],
    ['whose payload is null', raw(HS256, 'null')],
    ['whose payload is a text', raw(HS256, '"ada"')],
    ['whose payload is a token', raw('{"alg":"HS256","cty":"JWT"}', raw(HS256, ada))],
    ['whose payload is no UTF-8', raw(HS256, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))],
    ['whose end is a text', raw(HS256, `{"sub":"ada","exp":"${now() + 60}"}`)],
    ['whose end is null', raw(HS256, '{"sub":"ada","exp":null}')],
    ['whose end is a list', raw(HS256, `{"sub":"ada","exp":[${now() + 60}]}`)],
    ['whose end is before 1970', raw(HS256, '{"sub":"ada","exp":-1}')],
    ['whose second end is in the past', raw(HS256, `{"sub":"ada","exp":${now() + 60},"exp":1}`)],
    ['whose beginning is a text', raw(HS256, '{"sub":"ada","nbf":"0"}')],
    ['whose beginning is never', raw(HS256, '{"sub":"ada","nbf":1e999}')],
    ['with a part too many', `${head}.${body}.${mark}.`],
    ['with a part too few', `${head}.${body}`],
    ['without its signature', `${head}.${body}.`],
    ['with half of its signature', `${head}.${body}.${mark.slice(0, 20)}`],
    ['with something after its signature', `${head}.${body}.${mark}AAAA`],
    ['with another’s payload', `${head}.${encoded('{"sub":"eve"}')}.${mark}`],
    ['with another header', `${encoded('{"alg":"HS256" }')}.${body}.${mark}`],
    ['in another alphabet', `${encoded('{"alg":"HS256","x":"???"}').replace('_', '/')}.${body}.${mark}`],
    ['for an issuer that is a list', raw(HS256, '{"sub":"ada","iss":["one"]}')],
    ['for the issuer that it names first', raw(HS256, '{"sub":"ada","iss":"one","iss":"two"}')],
  ])('%s', async (what, token) => {
    const authenticate = /issuer/.test(what) ? several : one;
    await expect(authenticate(withToken(token))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('and what refuses it quotes neither the token nor the key', async () => {
    const refusals = await Promise.allSettled(
      [`${head}.${body}.`, raw('{', ada)].map((token) => one(withToken(token))),
    );
    for (const { reason } of refusals as PromiseRejectedResult[]) {
      expect(reason.message).not.toContain(body);
      expect(reason.message).not.toContain(secret);
    }
  });
});

describe('signed by the right key, a token is taken', () => {
  test('whatever type it says, and however long its header is', async () => {
    for (const header of ['{"alg":"HS256","typ":"at+jwt"}', `{"alg":"HS256","x":"${'x'.repeat(8_000)}"}`]) {
      expect((await one(withToken(raw(header, ada)))).claims).toEqual({ sub: 'ada' });
    }
  });

  test('with its longer kinds', async () => {
    for (const bits of ['384', '512'])
      expect((await one(withToken(raw(`{"alg":"HS${bits}"}`, ada, `sha${bits}`)))).claims.sub).toBe('ada');
  });

  test('with claims of any name, which change nothing else', async () => {
    const { claims } = await one(withToken(raw(HS256, '{"sub":"ada","__proto__":{"admin":true},"constructor":1}')));
    expect(Object.keys(claims)).toEqual(['sub', '__proto__', 'constructor']);
    expect(claims.admin).toBeUndefined();
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test('with an end at half a second, or after all days', async () => {
    const half = now() + 60.5;
    expect((await one(withToken(raw(HS256, `{"exp":${half}}`)))).expiresAt).toBe(half * 1000);
    expect((await one(withToken(raw(HS256, '{"exp":1e300}')))).expiresAt).toBeGreaterThan(8.64e15);
  });
});

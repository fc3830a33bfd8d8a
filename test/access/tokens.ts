import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';

export const issuer = 'https://id.example';
export const audience = 'streams';

/** An issuer who publishes its keys: the old one, and after `rotate` the new one beside it. */
export async function issuing() {
  const [old, fresh] = await Promise.all([1, 2].map(() => generateKeyPair('RS256', { extractable: true })));
  if (!old || !fresh) throw new Error('no keys');
  const published = [{ ...(await exportJWK(old.publicKey)), kid: 'old', alg: 'RS256' }];
  const server = createServer((_, response) => response.end(JSON.stringify({ keys: published })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const seconds = () => Math.floor(Date.now() / 1000);
  const claimsOf = (more: JWTPayload): JWTPayload => ({
    iss: issuer,
    aud: audience,
    sub: 'ada',
    iat: seconds(),
    exp: seconds() + 3_600,
    rooms: ['a'],
    scope: 'special',
    ...more,
  });
  const sign = (more: JWTPayload = {}, kid: 'old' | 'new' = 'old') =>
    new SignJWT(claimsOf(more))
      .setProtectedHeader({ alg: 'RS256', kid })
      .sign(kid === 'old' ? old.privateKey : fresh.privateKey);

  return {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    sign,
    seconds,
    async rotate() {
      published.push({ ...(await exportJWK(fresh.publicKey)), kid: 'new', alg: 'RS256' });
    },
    unsigned: async () => new UnsecuredJWT(claimsOf({})).encode(),
    /** With the text of the public key as if it were a shared secret. */
    async byPublicKey() {
      const key = new TextEncoder().encode(await exportSPKI(old.publicKey));
      return new SignJWT(claimsOf({})).setProtectedHeader({ alg: 'HS256', kid: 'old' }).sign(key);
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { Fault } from '../event/faults.js';
import type { Viewer } from '../graphql/viewer.js';

export interface TokenSettings {
  /** Shared secrets: all verify. */
  readonly secrets: readonly string[];
  readonly jwksUrl: string | null;
  readonly issuer: string | null;
  readonly audience: string | null;
}

/** Turns a token into a viewer. Throws Fault UNAUTHENTICATED with the reason, never with the token. */
export type Authenticate = (token: string) => Promise<Viewer>;

/** Seconds by which clocks may differ. */
const leeway = 5;

/**
 * The algorithm is fixed by the kind of key, never by the token: with a public key taken for a shared secret, anyone
 * could sign (RFC 8725, section 2.1).
 */
export function tokenAuthenticator({ secrets, jwksUrl, issuer, audience }: TokenSettings): Authenticate {
  const common = {
    clockTolerance: leeway,
    ...(issuer ? { issuer } : {}),
    ...(audience ? { audience } : {}),
  };
  const shared = secrets.map((secret) => new TextEncoder().encode(secret));
  const remote: JWTVerifyGetKey | null = jwksUrl ? createRemoteJWKSet(new URL(jwksUrl)) : null;
  const asymmetric = [
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
    'Ed25519',
  ];

  async function verify(token: string): Promise<JWTPayload> {
    if (remote) return (await jwtVerify(token, remote, { ...common, algorithms: asymmetric })).payload;
    let last: unknown = new errors.JWKSNoMatchingKey('no key to verify a token with');
    for (const key of shared) {
      try {
        return (await jwtVerify(token, key, { ...common, algorithms: ['HS256', 'HS384', 'HS512'] })).payload;
      } catch (error) {
        last = error;
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) break;
      }
    }
    throw last;
  }

  return async (token) => {
    try {
      const claims = await verify(token);
      return { signedIn: true, claims, expiresAt: claims.exp === undefined ? null : claims.exp * 1000 };
    } catch (error) {
      if (isUnreachable(error)) {
        throw new Fault('UNAVAILABLE', { why: 'the keys that verify tokens cannot be fetched' });
      }
      throw new Fault('UNAUTHENTICATED', { why: (error as Error).message });
    }
  };
}

/** The issuer gave no keys: that says nothing about the token. jose has no class of its own for an answer that is no 200. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return (
    error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error.code === 'ERR_JOSE_GENERIC'
  );
}

/** The token of an `Authorization` value; null when there is none. Throws Fault when it is not a bearer token. */
export function bearer(value: unknown): string | null {
  if (value === undefined || value === null || value === '') return null;
  const match = typeof value === 'string' ? /^Bearer +([\w\-.~+/=]+) *$/i.exec(value) : null;
  if (!match) throw new Fault('UNAUTHENTICATED', { why: 'Authorization must be "Bearer <token>"' });
  return match[1] as string;
}

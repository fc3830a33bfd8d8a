import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import {
  type CryptoKey,
  decodeJwt,
  errors,
  type JWTHeaderParameters,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
  UnsecuredJWT,
} from 'jose';
import { Fault } from '../../event/faults.js';
import { mayHoldLongNumber, readJson } from '../../event/read-json.js';
import { nobody, type Viewer } from '../../graphql/viewer.js';
import type { Claims } from '../../schema/stream-schema.js';
import { defaultLeeway } from './issued.js';
import { type Payload, refuseMisplacedToken } from './payload.js';
import { type KeyWatchers, type PublishedKeys, publishedKeys } from './published-keys.js';

/** What is known of a request before it is known whose it is. */
export interface AuthRequest {
  /**
   * The value of `Authorization`: from the payload of a `connection_init` or a `ping`, or else the header. A token that
   * came as a cookie, behind a ticket or to be renewed stands here as `Bearer …`. Null when there is none.
   */
  readonly authorization: string | null;
  /** Headers of the HTTP request, or of the WebSocket's handshake; empty for a renewal. */
  readonly headers: IncomingHttpHeaders;
  /** Path and query; empty for a renewal. */
  readonly url: string;
  /** The payload of a `connection_init`; null on every other way. */
  readonly payload: Payload | null;
}

/** Says whose a request is: `nobody` when nobody signs in. Throws Fault UNAUTHENTICATED with the reason, never with the token. */
export type Authenticate = (request: AuthRequest) => Promise<Viewer>;

/** An issuer, who signs tokens with secrets shared with the gateway or with keys that are published. */
export interface TokenSettings {
  /** Shared secrets: all verify. */
  readonly secrets: readonly string[];
  readonly jwksUrl: string | null;
  /** An authority (PEM) by which that address is known, beside all others. Default: none. */
  readonly jwksCa?: string | null;
  /** The `iss` that its tokens must have; null takes any, and only where there is one signer. */
  readonly issuer: string | null;
  readonly audience: string | null;
  /** Milliseconds for which a token is good before its `nbf` and after its `exp`, for clocks differ. Default 5000. */
  readonly leeway?: number;
}

/** The keys of all issuers who publish them. */
export interface TokenKeys {
  /** Null when there is an issuer whose tokens can be verified, else why there is none. One who is away stops no other. */
  unready(): string | null;
  /** From now on the keys are fetched also while nobody signs in. */
  keep(): void;
  /** Idempotent. */
  close(): void;
}

type Verify = (token: string) => Promise<JWTPayload>;

interface Verifier {
  readonly verify: Verify;
  /** Null for shared secrets. */
  readonly keys: PublishedKeys | null;
}

const symmetric = ['HS256', 'HS384', 'HS512'];
const asymmetric = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/**
 * The same `authenticate` with so many milliseconds of patience. An `authenticate` that waits for ever, for a database that does not answer, would have every socket open
 * and unacknowledged, and its client would never come back.
 */
export function inTime(authenticate: Authenticate, patience = 10_000): Authenticate {
  return async (request) => {
    // Called before there is a timer, for it may throw at once.
    const answer = authenticate(request);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const fault = () =>
        reject(new Fault('UNAVAILABLE', { why: 'it takes too long to find out whose request this is' }));
      timer = setTimeout(fault, patience);
    });
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  };
}

/** Takes bearer tokens that are JWTs of these issuers: who is without any is `nobody`. */
export const tokenAuthenticator = (...issuers: readonly TokenSettings[]): Authenticate =>
  byTokens(issuers).authenticate;

/** The same, with the keys by which it goes: whoever keeps them closes them. */
export function byTokens(
  issuers: readonly TokenSettings[],
  watchers: KeyWatchers = {},
): { readonly authenticate: Authenticate; readonly keys: TokenKeys } {
  const verifiers = new Map(issuers.map((settings) => [settings.issuer, verifierOf(settings, watchers)]));
  const [only] = verifiers.values();
  const verify = issuers.length === 1 && only ? only.verify : byIssuer(verifiers);
  return { authenticate: authenticatorOf(verify), keys: allKeys([...verifiers.values()]) };
}

function allKeys(verifiers: readonly Verifier[]): TokenKeys {
  const published = verifiers.flatMap(({ keys }) => keys ?? []);
  return {
    unready() {
      const why = verifiers.map(({ keys }) => keys?.whyNone() ?? null);
      return why.length === 0 || why.includes(null) ? null : `no key of tokens was had yet: ${why.join('; ')}`;
    },
    keep() {
      for (const keys of published) keys.keep();
    },
    close() {
      for (const keys of published) keys.close();
    },
  };
}

function authenticatorOf(verify: Verify): Authenticate {
  return async ({ authorization, payload }) => {
    refuseMisplacedToken(payload, 'connectionParams');
    const token = bearer(authorization);
    if (token === null) return nobody;
    try {
      const payload = await verify(token);
      const expiresAt = payload.exp === undefined ? null : payload.exp * 1000;
      return { signedIn: true, claims: exactClaims(token, payload), expiresAt };
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) {
        // Keys that are out of reach, or cannot be read, say nothing about the token.
        throw new Fault('UNAVAILABLE', { why: 'the keys that verify tokens cannot be fetched' });
      }
      throw new Fault('UNAUTHENTICATED', { why: error.message });
    }
  };
}

/** The claims of a token that jose has verified, with the digits of whole numbers that jose has rounded. Times are doubles (RFC 7519, section 2). */
function exactClaims(token: string, payload: JWTPayload): Claims {
  const json = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  if (!mayHoldLongNumber(json)) return payload;
  const { exp, iat, nbf } = payload;
  const times = Object.entries({ exp, iat, nbf }).filter(([, time]) => time !== undefined);
  return { ...(readJson(json) as Claims), ...Object.fromEntries(times) };
}

/** Chooses the verifier by the issuer that a token names. That is only a choice: the keys decide. */
function byIssuer(verifiers: ReadonlyMap<string | null, Verifier>): Verify {
  return async (token) => {
    const verifier = verifiers.get(decodeJwt(token).iss ?? null);
    if (!verifier) throw new errors.JWTInvalid('its issuer is not known here');
    return verifier.verify(token);
  };
}

/**
 * The algorithm is fixed by the kind of key, never by the token: with a public key taken for a shared secret, anyone
 * could sign (RFC 8725, section 2.1).
 */
function verifierOf(settings: TokenSettings, watchers: KeyWatchers): Verifier {
  const { secrets, jwksUrl, jwksCa = null, issuer, audience, leeway = defaultLeeway } = settings;
  const common = {
    clockTolerance: leeway / 1_000,
    ...(issuer === null ? {} : { issuer }),
    ...(audience === null ? {} : { audience }),
  };
  if (jwksUrl !== null) {
    const keys = publishedKeys({ url: jwksUrl, ca: jwksCa, ...watchers });
    const options = { ...common, algorithms: asymmetric };
    return { keys, verify: async (token) => (await jwtVerify(token, keys.keyFor, options)).payload };
  }
  return { keys: null, verify: bySecret(secrets, { ...common, algorithms: symmetric }) };
}

/** Verifies by shared secrets, as jose does, which waits for a thread to make an HMAC of two hundred bytes: that costs more than all else of a connection. */
function bySecret(secrets: readonly string[], options: JWTVerifyOptions): Verify {
  const shared = secrets.map(sharedKey);
  // An empty one is nobody's secret: jose refuses it.
  const keys = secrets.filter((secret) => secret !== '').map((secret) => createSecretKey(secret, 'utf8'));
  const plain = plainHeaders();

  return async (token) => {
    const known = plain.verify(token, keys, options);
    if (known) return known;
    for (const [n, keyFor] of shared.entries()) {
      try {
        const { payload, protectedHeader } = await jwtVerify(token, keyFor, options);
        plain.learn(token, protectedHeader.alg);
        return payload;
      } catch (error) {
        if (n + 1 === shared.length || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      }
    }
    throw new errors.JWKSNoMatchingKey('no key to verify a token with');
  };
}

/** Headers that are remembered. Issuers have one for each key: more are not worth it. */
const mostHeaders = 100;

const unsecured = Buffer.from('{"alg":"none"}').toString('base64url');

/**
 * Headers, as they stand in tokens, that jose has accepted with a signature: it would accept the same text again. What is
 * left of such a token is its HMAC, made here, and its claims, which are jose's own to judge.
 */
function plainHeaders() {
  const hashes = new Map<string, string>();
  return {
    learn(token: string, alg: string): void {
      if (hashes.size < mostHeaders) hashes.set(token.slice(0, token.indexOf('.')), `sha${alg.slice(2)}`);
    },

    /** The claims of a token that is known to be good. Null for any other: jose then says what it is. */
    verify(token: string, keys: readonly KeyObject[], options: JWTVerifyOptions): JWTPayload | null {
      const [header = '', payload = '', signature = '', ...more] = token.split('.');
      const hash = hashes.get(header);
      if (hash === undefined || more.length > 0) return null;
      const signed = token.slice(0, header.length + 1 + payload.length);
      const given = Buffer.from(signature);
      const isSigned = (key: KeyObject) => {
        // As text: another way to write the same bytes is left to jose.
        const right = Buffer.from(createHmac(hash, key).update(signed).digest('base64url'));
        return right.length === given.length && timingSafeEqual(right, given);
      };
      if (!keys.some(isSigned)) return null;
      try {
        return UnsecuredJWT.decode(`${unsecured}.${payload}.`, options).payload;
      } catch {
        return null;
      }
    },
  };
}

/** A secret as a key, imported once. Given to jose as bytes, it would be imported for each token, which costs as much as verifying it. */
function sharedKey(secret: string): (header: JWTHeaderParameters) => Promise<CryptoKey> {
  const imported = new Map<string, Promise<CryptoKey>>();
  return ({ alg }) => {
    // jose has compared it with `symmetric`.
    const known = imported.get(alg);
    if (known) return known;
    const hash = `SHA-${alg.slice(2)}`;
    const key = crypto.subtle.importKey('raw', new TextEncoder().encode(secret), { name: 'HMAC', hash }, false, [
      'verify',
    ]);
    imported.set(alg, key);
    return key;
  };
}

/** The token of an `Authorization` value; null when there is none. Throws Fault when it is not a bearer token. */
export function bearer(value: unknown): string | null {
  if (value === undefined || value === null || value === '') return null;
  const match = typeof value === 'string' ? /^Bearer +([\w\-.~+/=]+) *$/i.exec(value) : null;
  if (!match) throw new Fault('UNAUTHENTICATED', { why: 'Authorization must be "Bearer <token>"' });
  return match[1] as string;
}

/** A token that came on its own, with the request that brought it, where there is one. */
export function withToken(token: string, request?: IncomingMessage): AuthRequest {
  const { headers = {}, url = '' } = request ?? {};
  return { authorization: `Bearer ${token}`, headers, url, payload: null };
}

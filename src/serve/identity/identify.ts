import type { IncomingMessage } from 'node:http';
import { Fault } from '../../event/faults.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Authenticate, AuthRequest } from './authenticate.js';
import { type Origins, originOf } from './origins.js';

export interface Identity {
  /** Never lets a revoked token in. */
  readonly authenticate: Authenticate;
  /** Asked of a viewer who was let in a while ago. */
  readonly isRevoked: (viewer: Viewer) => boolean;
  readonly cookie: string;
  readonly origins: Origins;
}

/**
 * Who sends this request: by the payload of its `connection_init`, else by header, else by cookie, else nobody. Throws
 * Fault for a bad token, also where none was needed, and for a token in the URL, where logs and histories would keep it.
 */
export async function identify(
  request: IncomingMessage,
  { authenticate, cookie, origins }: Identity,
  payload: AuthRequest['payload'] = null,
): Promise<Viewer> {
  refuseTokenInUrl(request);
  const { headers, url = '' } = request;
  const authorization = authorizationIn(payload) ?? headers.authorization ?? null;
  const fromCookie = authorization === null ? cookieOf(request, cookie) : null;
  // A browser sends cookies with any page's request: only pages that may read the answer may sign in by one.
  if (fromCookie && !origins.signsIn(request)) {
    throw new Fault('UNAUTHENTICATED', {
      why: `the origin ${originOf(request) ?? '(none)'} may not sign in by cookie`,
    });
  }
  return authenticate({ authorization: fromCookie ? `Bearer ${fromCookie}` : authorization, headers, url, payload });
}

/** Names under which clients send tokens, in whatever way they are written: `access_token`, `access-token`, `accessToken`. */
const namesOfTokens = new Set(['token', 'accesstoken', 'idtoken', 'authtoken', 'authorization', 'jwt']);
const isNameOfToken = (name: string) => namesOfTokens.has(name.toLowerCase().replace(/[-_]/g, ''));

/** Throws Fault for a token in the URL, whoever else the request says that it is from. */
export function refuseTokenInUrl(request: IncomingMessage): void {
  if (!request.url?.includes('?')) return;
  for (const name of urlOf(request).searchParams.keys()) {
    if (!isNameOfToken(name)) continue;
    const why = `a token in the URL (?${name}=) is refused: use a header, a cookie or a ticket`;
    throw new Fault('UNAUTHENTICATED', { why });
  }
}

/** The value of `Authorization` in a payload; null when there is none. Throws Fault when it is no text. */
export function authorizationIn(payload: AuthRequest['payload'] | undefined): string | null {
  const value = payload?.Authorization ?? payload?.authorization ?? null;
  if (value === null || typeof value === 'string') return value || null;
  throw new Fault('UNAUTHENTICATED', { why: 'Authorization must be text' });
}

const looksLikeToken = /^(bearer +)?[\w-]+\.[\w-]+\.[\w-]+$/i;

/**
 * Where a payload without `Authorization` has a token all the same: among headers, as many set up Apollo and urql, or
 * under another name. Null where it has none. Passed over, its sender would be taken for nobody, or for whom a cookie says.
 */
function misplacedToken(payload: AuthRequest['payload'] | undefined): string | null {
  if (!payload || payload.Authorization || payload.authorization) return null;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  const header = Object.entries(payload.headers ?? {}).find(
    ([name, value]) => name.toLowerCase() === 'authorization' && isText(value),
  );
  if (header) return `headers.${header[0]}`;
  const other = Object.entries(payload).find(
    ([name, value]) => isNameOfToken(name) && isText(value) && looksLikeToken.test(value),
  );
  return other?.[0] ?? null;
}

/** Throws Fault for a payload whose token nobody reads; `name` is what its sender calls the payload. */
export function refuseMisplacedToken(payload: AuthRequest['payload'] | undefined, name: string): void {
  const place = misplacedToken(payload);
  if (place === null) return;
  throw new Fault('UNAUTHENTICATED', { why: `it is read from ${name}.Authorization, not ${name}.${place}` });
}

/** Whether the payload of a ping asks for a renewal. */
export const bringsToken = (payload: AuthRequest['payload'] | undefined): boolean =>
  payload?.Authorization !== undefined || payload?.authorization !== undefined || misplacedToken(payload) !== null;

/** The value of `Authorization` in such a payload. Throws Fault when it is no text, or in another place. */
export function renewalIn(payload: AuthRequest['payload'] | undefined): string | null {
  refuseMisplacedToken(payload, 'payload');
  return authorizationIn(payload);
}

export function cookieOf(request: IncomingMessage, name: string): string | null {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

/** The path asked for; with a slash at its end it is the same. */
export const pathOf = (request: IncomingMessage): string => urlOf(request).pathname.replace(/(?<=[^/])\/$/, '');

/**
 * What was asked for: only its path and query mean anything. Never throws, whatever was sent: in a handshake that would end the process. Behind a
 * base, `//` would begin a host.
 */
export function urlOf({ url = '/' }: IncomingMessage): URL {
  if (url.startsWith('/')) return new URL(`http://gateway${url}`);
  return new URL(URL.canParse(url) ? url : 'http://gateway/*');
}

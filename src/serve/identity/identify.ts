import type { IncomingMessage } from 'node:http';
import { Fault } from '../../event/faults.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Authenticate } from './authenticate.js';
import { type Origins, pageOriginOf } from './origins.js';
import { authorizationIn, isNameOfToken, type Payload } from './payload.js';

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
  payload: Payload | null = null,
): Promise<Viewer> {
  refuseTokenInUrl(request);
  const { headers, url = '' } = request;
  const authorization = authorizationIn(payload) ?? headers.authorization ?? null;
  const fromCookie = authorization === null ? cookieOf(request, cookie) : null;
  // A browser sends cookies with any page's request: only pages that may read the answer may sign in by one.
  if (fromCookie && !origins.signsIn(request)) {
    throw new Fault('UNAUTHENTICATED', {
      why: `the origin ${pageOriginOf(request) ?? '(none)'} may not sign in by cookie`,
    });
  }
  return authenticate({ authorization: fromCookie ? `Bearer ${fromCookie}` : authorization, headers, url, payload });
}

/** Throws Fault for a token in the URL, whoever else the request says that it is from. */
export function refuseTokenInUrl(request: IncomingMessage): void {
  if (!request.url?.includes('?')) return;
  for (const name of urlOf(request).searchParams.keys()) {
    if (!isNameOfToken(name)) continue;
    const why = `a token in the URL (?${name}=) is refused: use a header, a cookie or a ticket`;
    throw new Fault('UNAUTHENTICATED', { why });
  }
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

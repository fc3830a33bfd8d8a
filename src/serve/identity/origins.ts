import type { IncomingMessage } from 'node:http';
import { forwardedOf } from '../forwarded.js';

/** Which pages may connect: one list for CORS and for WebSockets. */
export interface Origins {
  /** No `Origin` (a server, a phone's app) passes; a page's must be listed or the gateway's own. */
  allows(request: IncomingMessage): boolean;
  /** Stricter: where a cookie signs in, a page must show itself. Browsers leave `Origin` out of same-origin GETs, and then say so. */
  signsIn(request: IncomingMessage): boolean;
}

/** What is known of the way to this port. */
export interface Surroundings {
  /** The port itself speaks TLS. Default false. */
  readonly secure?: boolean;
  /** Proxies in front that are believed. Default 0. */
  readonly trustedHops?: number;
}

export function originOf(request: IncomingMessage): string | null {
  return request.headers.origin ?? null;
}

/**
 * An origin in its one form: scheme, host and port, in small letters and without the port that goes without saying. Null for
 * what is none, `null` too. `URL.origin` knows only the web's own schemes: of an app's (`capacitor://localhost`) it is `null`.
 */
export function normalOrigin(text: string): string | null {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/?#@\\,]+$/i.test(text) || !URL.canParse(text)) return null;
  const { protocol, host } = new URL(text);
  return host === '' ? null : `${protocol}//${host.toLowerCase()}`;
}

export function allowedOrigins(listed: readonly string[], surroundings: Surroundings = {}): Origins {
  const known = new Set(listed.map(normalOrigin));
  const isAllowed = (text: string, request: IncomingMessage) => {
    const origin = normalOrigin(text);
    return origin !== null && (known.has(origin) || ownOrigins(request, surroundings).includes(origin));
  };
  return {
    allows(request) {
      const origin = originOf(request);
      return origin === null || isAllowed(origin, request);
    },
    signsIn(request) {
      const origin = originOf(request);
      return origin !== null ? isAllowed(origin, request) : request.headers['sec-fetch-site'] === 'same-origin';
    },
  };
}

/** A gateway's own origins, by the address that was asked: its host and port, and the schemes that a page of it may have come by. */
function ownOrigins({ headers }: IncomingMessage, { secure = false, trustedHops = 0 }: Surroundings): unknown[] {
  const { scheme, host } = forwardedOf(headers, trustedHops);
  // Without TLS of its own, and nobody in front who is believed, TLS may have ended there: such a page is no less the same
  // host's. The other way round a page that came in the clear would pass, into which anybody on its way may write.
  const schemes = scheme !== null ? [scheme] : secure ? ['https'] : ['http', 'https'];
  return schemes.map((scheme) => normalOrigin(`${scheme}://${host ?? headers.host ?? ''}`));
}

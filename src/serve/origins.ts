import type { IncomingMessage } from 'node:http';

/** Which pages may connect: one list for CORS and for WebSockets. */
export interface Origins {
  /** No `Origin` (a server, a phone's app) passes; a page's must be listed, or the gateway's own when none is listed. */
  allows(request: IncomingMessage): boolean;
  /** Stricter: where a cookie signs in, a page must show itself. Browsers leave `Origin` out of same-origin GETs, and then say so. */
  signsIn(request: IncomingMessage): boolean;
}

export function originOf(request: IncomingMessage): string | null {
  return request.headers.origin ?? null;
}

export function allowedOrigins(listed: readonly string[]): Origins {
  const isAllowed = (origin: string, request: IncomingMessage) =>
    listed.length > 0 ? listed.includes(origin) : hostOf(origin) === request.headers.host;
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

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

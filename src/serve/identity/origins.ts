import type { IncomingMessage } from 'node:http';
import { Fault } from '../../event/faults.js';
import type { Logger } from '../../observe/logger.js';
import { forwardedOf } from '../forwarded.js';
import { normalOrigin, originPattern } from './origin-pattern.js';

/** Which pages may connect: one list for CORS and for WebSockets. */
export interface Origins {
  /**
   * No `Origin` (a server, a phone's app) passes; a page's must be listed or the gateway's own. Gives Fault FORBIDDEN for any
   * other, which says what the own origin was taken for, and what to set; the log has it once an hour for each origin.
   */
  refusalOf(request: IncomingMessage): Fault | null;
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

/** Origins of which the log tells in an hour: strangers may send as many as they like. */
const mostTold = 100;
const hour = 3_600_000;
/** Letters of an origin that are told. */
const mostLetters = 200;

/** The origin of the page that asks; null where none does. */
export function pageOriginOf(request: IncomingMessage): string | null {
  return request.headers.origin ?? null;
}

export function allowedOrigins(
  listed: readonly string[],
  surroundings: Surroundings = {},
  logger: Pick<Logger, 'warn'> | null = null,
): Origins {
  const patterns = listed.map(originPattern);
  const isAllowed = (text: string, request: IncomingMessage) => {
    const origin = normalOrigin(text);
    if (origin === null) return false;
    return ownOrigins(request, surroundings).includes(origin) || patterns.some((fits) => fits?.(origin));
  };
  const told = new Set<string>();
  let toldSince = 0;

  function tell({ details: { origin, ...why } }: Fault): void {
    // Told only once for ever, the operator's own is lost among a stranger's hundred until the gateway starts again.
    if (performance.now() - toldSince >= hour) {
      told.clear();
      toldSince = performance.now();
    }
    if (told.size >= mostTold || told.has(String(origin))) return;
    told.add(String(origin));
    const last = told.size === mostTold ? ': no further origin is told within the hour, they are too many' : '';
    logger?.warn({ origin, ...why }, `pages of an origin were refused${last}`);
  }

  return {
    refusalOf(request) {
      const origin = pageOriginOf(request);
      if (origin === null || isAllowed(origin, request)) return null;
      const refused = refusedOrigin(origin.slice(0, mostLetters), request, surroundings);
      tell(refused);
      return refused;
    },
    signsIn(request) {
      const origin = pageOriginOf(request);
      return origin !== null ? isAllowed(origin, request) : request.headers['sec-fetch-site'] === 'same-origin';
    },
  };
}

/** Why pages of an origin may not connect, in words for whoever runs the gateway. */
function refusedOrigin(origin: string, request: IncomingMessage, surroundings: Surroundings): Fault {
  const own = ownOrigins(request, surroundings).map((one) => one.slice(0, mostLetters));
  const told = surroundings.trustedHops ? null : forwardedOf(request.headers, 1).host?.slice(0, mostLetters);
  const set = told ? 'TAILRACE_TRUSTED_HOPS' : 'TAILRACE_ORIGINS';
  const advice = told
    ? `a proxy may have told the host ${told}, and none is believed: if it is yours, set ${set} to how many are in front`
    : `if they are yours, add it to ${set}`;
  const why = `pages of ${origin} may not connect. This gateway's own origin is ${own.join(' or ') || 'not known'}; ${advice}`;
  return new Fault('FORBIDDEN', { why }, { origin, own, set });
}

/** A gateway's own origins, by the address that was asked: its host and port, and the schemes that a page of it may have come by. */
function ownOrigins({ headers }: IncomingMessage, { secure = false, trustedHops = 0 }: Surroundings): string[] {
  const { scheme, host } = forwardedOf(headers, trustedHops);
  // Without TLS of its own, and nobody in front who is believed, TLS may have ended there: such a page is no less the same
  // host's. The other way round a page that came in the clear would pass, into which anybody on its way may write.
  const schemes = scheme !== null ? [scheme] : secure ? ['https'] : ['http', 'https'];
  return schemes.flatMap((scheme) => normalOrigin(`${scheme}://${host ?? headers.host ?? ''}`) ?? []);
}

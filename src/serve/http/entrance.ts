import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Peer } from '../../observe/audit.js';
import type { Transport } from '../../observe/transport.js';
import { answerBadRequest, readText } from '../answer.js';
import { type Identity, pathOf, refuseTokenInUrl } from '../identity/identify.js';
import type { Admission } from '../limits/admission.js';
import type { FairTurns } from '../limits/fair-turns.js';
import { whyTooLong } from '../port/long-headers.js';
import { allowOrigin, answerPreflight } from './cross-origin.js';

/** One path of the port, and what is done with a request for it. */
export interface Route {
  /** As `pathOf` gives it; one that ends with `/*` stands for all below it. Of two that fit, the first one counts. */
  readonly path: string;
  /** Default: any. Another one gets 405. */
  readonly methods?: readonly string[];
  /**
   * `probe`: whoever asks is answered. `header`: a client, of an origin that may, with all it has to say in its headers.
   * `body`: the same, with the body of a POST; it waits for its address's turn.
   */
  readonly asks: 'probe' | 'header' | 'body';
  /** What the audit log says of how it came. Default `http`. */
  readonly transport?: Transport;
  /** `body` is null where none is read: a route asks for none, or the method has none. Throws Fault for what is refused. */
  handle(request: IncomingMessage, response: ServerResponse, body: string | null): unknown;
}

export interface EntranceParts {
  readonly identity: Identity;
  readonly admission: Admission;
  readonly turns: FairTurns;
  /** `/graphql` below the base path. */
  readonly graphqlPath: string;
  readonly limits: { readonly headerBytes: number; readonly messageBytes: number; readonly requestTimeout: number };
}

/** The way of a request to its route: who may ask at all, by which method, and when. */
export class Entrance {
  constructor(
    private readonly routes: readonly Route[],
    private readonly parts: EntranceParts,
  ) {}

  /** Throws Fault for a request that is refused. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = this.#routeOf(request);
    if (!route) return answerNowhere(response, this.parts.graphqlPath);
    if (route.asks !== 'probe') {
      this.#allow(request, response);
      if (request.method === 'OPTIONS') return answerPreflight(request, response);
      this.#readHeaders(request);
    }
    const { methods, asks } = route;
    if (methods && !methods.includes(request.method ?? '')) {
      return answerBadRequest(response, 405, `${methods.join(' or ')} only`, methods.join(', '));
    }
    const sends = asks === 'body' && request.method === 'POST';
    const body = sends ? await readText(request, this.parts.limits) : null;
    if (sends && body === null) return;
    if (asks === 'body') await this.parts.turns.wait(this.parts.admission.addressOf(request));
    // A client that has gone meanwhile was told to its response already: a place that it took now would be taken for ever.
    if (response.destroyed) return;
    await route.handle(request, response, body);
  }

  peerOf(request: IncomingMessage): Peer {
    return { transport: this.#routeOf(request)?.transport ?? 'http', address: this.parts.admission.addressOf(request) };
  }

  #routeOf(request: IncomingMessage): Route | undefined {
    const asked = pathOf(request);
    return this.routes.find(({ path }) => (path.endsWith('/*') ? asked.startsWith(path.slice(0, -1)) : asked === path));
  }

  #allow(request: IncomingMessage, response: ServerResponse): void {
    const refused = this.parts.identity.origins.refusalOf(request);
    if (refused) throw refused;
    allowOrigin(request, response);
  }

  #readHeaders(request: IncomingMessage): void {
    const tooLong = whyTooLong(request, this.parts.limits.headerBytes);
    if (tooLong) throw tooLong;
    // Tokens in URLs are refused also where nobody is asked who they are, or by a ticket: URLs are logged.
    refuseTokenInUrl(request);
  }
}

export const answerNowhere = (response: ServerResponse, graphqlPath: string): void =>
  answerBadRequest(response, 404, `GraphQL is at ${graphqlPath}`);

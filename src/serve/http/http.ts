import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Fault, statusOf } from '../../event/faults.js';
import { kindOf } from '../../graphql/operation/operation.js';
import type { Peer } from '../../observe/audit.js';
import { answer, answerBadRequest, answerFault, jsonObject, readText } from '../answer.js';
import type { RenewalDesk } from '../connection/renewal-desk.js';
import { bearer, withToken } from '../identity/authenticate.js';
import { identify, pathOf, refuseTokenInUrl, urlOf } from '../identity/identify.js';
import { ticketLife } from '../identity/tickets.js';
import type { FairTurns } from '../limits/fair-turns.js';
import { inTurns } from '../limits/in-turns.js';
import { readable, refuseUnread, whyTooLong } from '../port/long-headers.js';
import type { KeyPair } from '../port/tls-pair.js';
import { type Listener, type SecureServer, tlsServer } from '../port/tls-server.js';
import { operationOf, refuseSingleConnection, type SseParts, serveEvents } from '../sse/sse.js';
import { acceptedTypes, acceptOf } from './accept.js';
import { bodyTypeOf } from './body-type.js';
import { type Asking, type YogaParts, yogaOf } from './yoga.js';

export interface HttpParts extends SseParts, YogaParts {
  readonly limits: SseParts['limits'] & { readonly headerBytes: number };
  readonly renewals: RenewalDesk;
  readonly turns: FairTurns;
  /** Milliseconds. */
  readonly heartbeat: number;
  /** Milliseconds. */
  readonly keepAlive: number;
  /** Null when this replica can serve; else why not. */
  readonly unready: () => Promise<string | null>;
  /** Null: without TLS. */
  readonly pair: KeyPair | null;
}

/** Every path of the gateway's port. What a Fault says becomes an answer; anything else is logged and masked. */
export function createHttpServer(parts: HttpParts): Server | SecureServer {
  const yoga = yogaOf(parts);
  const { identity, logger } = parts;
  const peerOf = (request: IncomingMessage): Peer => {
    const transport = pathOf(request) === '/graphql/stream' ? 'sse' : 'http';
    return { transport, address: parts.admission.addressOf(request) };
  };

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { search } = urlOf(request);
    const pathname = pathOf(request);
    if (pathname === '/healthz') return answer(response, 200, { status: 'ok' });
    if (pathname === '/readyz') {
      const why = parts.retiring() ? 'retiring' : await parts.unready();
      return answer(
        response,
        why === null ? 200 : 503,
        why === null ? { status: 'ready' } : { status: 'not ready', why },
      );
    }
    if (!pathname.startsWith('/graphql')) return answerBadRequest(response, 404, 'GraphQL is at /graphql');
    if (!identity.origins.allows(request))
      throw new Fault('FORBIDDEN', { why: `pages of ${request.headers.origin} may not connect (TAILRACE_ORIGINS)` });
    allowOrigin(request, response);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    const tooLong = whyTooLong(request, parts.limits.headerBytes);
    if (tooLong) throw tooLong;
    // Also where nobody is asked who they are, or by a ticket.
    refuseTokenInUrl(request);
    if (pathname === '/graphql/ticket') return ticket(request, response, parts);
    const body = request.method === 'POST' ? await readText(request, parts.limits) : null;
    await parts.turns.wait(parts.admission.addressOf(request));
    // Whoever has gone meanwhile: its response has told that already, and a place that it took now would be taken for ever.
    if (response.destroyed) return;
    if (pathname === '/graphql/renew') return renewal(request, response, parts, body);
    const type = bodyTypeOf(request, body);
    if (pathname === '/graphql/stream') {
      const reserves =
        request.method === 'PUT' || request.method === 'DELETE' || urlOf(request).searchParams.has('operationId');
      if (reserves || request.headers['x-graphql-event-stream-token']) return refuseSingleConnection(response);
      return serveEvents(request, response, parts, body);
    }
    if (pathname !== '/graphql') return answerBadRequest(response, 404, 'GraphQL is at /graphql');
    if (wantsEvents(request, body, parts)) return serveEvents(request, response, parts, body);
    const isPage =
      request.method === 'GET' &&
      parts.graphiql !== null &&
      acceptedTypes(request.headers.accept).includes('text/html');
    const viewer = isPage ? null : await identify(request, identity);
    const { method = 'GET' } = request;
    const asked = { method, headers: handedOn(request, type), ...(body === null ? {} : { body }) };
    const admit = viewer && parts.admission.admits(request, viewer);
    const asking: Asking = { viewer, admit, peer: peerOf(request), body };
    const answered = await yoga.fetch(`http://gateway${pathname}${search}`, asked, { asking } as never);
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    response.end(Buffer.from(await answered.arrayBuffer()));
  }

  const listener: Listener = (request, response) => {
    // On a connection that is kept, a proxy would bring the next request here too.
    if (parts.retiring() && request.httpVersionMajor < 2) response.shouldKeepAlive = false;
    route(request, response).catch((error: unknown) => {
      if (error instanceof Fault) {
        if (error.code === 'LIMIT_EXCEEDED') parts.metrics.limited(String(error.details.limit));
        parts.audit({ event: 'refused', claims: null, peer: peerOf(request), code: error.code });
        return answerFault(response, error);
      }
      logger.error({ error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
      answer(response, 500, {
        errors: [{ message: 'Something went wrong', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
      });
      response.destroy();
    });
  };
  const { requestTimeout, headerBytes } = parts.limits;
  const patience = {
    requestTimeout,
    headersTimeout: requestTimeout,
    connectionsCheckingInterval: requestTimeout / 4,
    keepAliveTimeout: parts.keepAlive,
    maxHeaderSize: readable(headerBytes),
  };
  const server = parts.pair
    ? tlsServer(parts.pair, { ...patience, heartbeat: parts.heartbeat }, listener)
    : createServer(patience, listener);
  Object.assign(server, patience);
  const refuse = (socket: Socket, status: string | null) => {
    // Not into an answer that has begun, nor to one who has not come so far as to speak HTTP.
    if (status === null || !socket.writable || socket.bytesWritten > 0) return socket.destroy();
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
  };
  const late = inTurns((socket: Socket) => refuse(socket, '408 Request Timeout'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      parts.metrics.limited('requestTimeout');
      // Node looks for them now and then, and finds a thousand at once.
      return late(socket);
    }
    if (error.code === 'HPE_HEADER_OVERFLOW' && socket.writable) {
      parts.metrics.limited('headerBytes');
      return refuseUnread(socket, headerBytes);
    }
    refuse(socket, error.code?.startsWith('HPE_') ? '400 Bad Request' : null);
  });
  return server;
}

/** What Yoga gets: the body's type as it was read here, and no word of what the client refuses, which it would take for a wish. */
function handedOn({ headers }: IncomingMessage, type: string | null): Record<string, string> {
  const { accept, 'content-type': _, ...others } = headers as Record<string, string>;
  const wished = acceptOf(accept);
  return { ...others, ...(wished ? { accept: wished } : {}), ...(type === null ? {} : { 'content-type': type }) };
}

/** urql lists server-sent events for every operation, beside JSON: then the operation decides. */
function wantsEvents(request: IncomingMessage, body: string | null, { engine }: HttpParts): boolean {
  const types = acceptedTypes(request.headers.accept);
  if (!types.includes('text/event-stream')) return false;
  if (!types.some((type) => type === 'application/json' || type === 'application/graphql-response+json')) return true;
  try {
    const { query, operationName } = operationOf(request, body, engine);
    return kindOf(engine.parse(query), operationName) === 'subscription';
  } catch {
    return false;
  }
}

function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  if (!origin) return;
  response.setHeader('Vary', 'Origin');
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Allow-Credentials', 'true');
  response.setHeader('Access-Control-Expose-Headers', 'Tailrace-Stream, Retry-After');
  if (request.method !== 'OPTIONS') return;
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
  // Whatever it asks for: a page that may send tokens may send the headers of its tracing too.
  const asked = request.headers['access-control-request-headers'];
  if (asked) response.setHeader('Access-Control-Allow-Headers', asked);
  response.setHeader('Access-Control-Max-Age', '600');
}

/** `201 {ticket, expiresIn}` for whoever shows a token in the header. */
async function ticket(request: IncomingMessage, response: ServerResponse, parts: HttpParts) {
  const { identity, tickets, admission } = parts;
  if (request.method !== 'POST') return answerBadRequest(response, 405, 'POST only', 'POST');
  const token = bearer(request.headers.authorization);
  if (token === null)
    throw new Fault('UNAUTHENTICATED', { why: 'a ticket is given for a token in the Authorization header' });
  const viewer = await identity.authenticate(withToken(token, request));
  // It is kept for a minute with the whole token: without a limit one user fills the store.
  await admission.admits(request, viewer)('mutation', 1);
  answer(response, 201, { ticket: await tickets.issue(token, viewer.expiresAt), expiresIn: ticketLife / 1000 });
}

/** `{"ok": true}` for `{id, token}`: the name of a stream, from its header `Tailrace-Stream`, and its holder's new token. */
async function renewal(request: IncomingMessage, response: ServerResponse, parts: HttpParts, body: string | null) {
  if (body === null) return answerBadRequest(response, 405, 'POST only', 'POST');
  const { id, token } = jsonObject(body, 'the body');
  if (typeof id !== 'string' || typeof token !== 'string') {
    throw new Fault('BAD_USER_INPUT', { why: 'the body must be {"id": …, "token": …}' });
  }
  const { admission, renewals } = parts;
  // One that is not held here is every replica's to look for.
  const renewed = await renewals.renew(id, token, (viewer) => admission.admits(request, viewer)('mutation', 1));
  if (renewed.ok) return answer(response, 200, renewed);
  const { code, message } = renewed;
  answer(response, statusOf({ code }), { errors: [{ message, extensions: { code } }] });
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GraphQLError } from 'graphql';
import { Fault, statusOf } from '../../event/faults.js';
import type { Engine, Opened, OperationKind } from '../../graphql/engine.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Observers } from '../../observe/observers.js';
import { answer, answerBadRequest, answerFault } from '../answer.js';
import type { ConnectedPeer } from '../connection/connection.js';
import type { Connections } from '../connection/connections.js';
import { withToken } from '../identity/authenticate.js';
import { type Identity, identify, urlOf } from '../identity/identify.js';
import type { Redeemed, TicketOffice } from '../identity/tickets.js';
import type { Admission } from '../limits/admission.js';
import { wordedIn } from '../parameters.js';
import { tellRefused } from '../refused.js';
import { commentEvent, completeEvent, cursorEvent, resultEvent } from './events.js';
import { eventHeaders, http2StreamOf } from './events-out.js';
import { again, lastEventIdOf } from './last-event-id.js';
import { EventsWire } from './wire.js';

export interface SseParts {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly tickets: TicketOffice;
  readonly connections: Connections;
  readonly observers: Observers;
  readonly admission: Admission;
  readonly limits: { readonly socketBuffer: number };
  readonly retiring: () => boolean;
}

/**
 * An operation as a stream of server-sent events, in the form of graphql-sse's distinct connections mode
 * (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md), with `id:` on every event.
 *
 * graphql-sse's client learns of a refused operation by a `next` with errors; an `EventSource`, which would come back
 * for ever after a finished stream, by an HTTP status that stops it.
 */
export async function serveEvents(
  request: IncomingMessage,
  response: ServerResponse,
  parts: SseParts,
  body: string | null,
): Promise<void> {
  try {
    await serve(request, response, parts, body);
  } catch (error) {
    if (!(error instanceof Fault && error.retry && request.method === 'GET')) throw error;
    tellRefused(parts.observers, { transport: 'sse', address: parts.admission.addressOf(request) }, error);
    comeBack(response, error);
  }
}

/**
 * A browser takes any status but 200 as the end for ever; after a stream that has ended it comes back by itself. On a
 * connection of its own: on this one a balancer would bring it back to the same replica. Over HTTP/2 only where the replica has no
 * room: who has too much themselves has it on this connection, and whatever they ask beside it would be refused. A ticket is used up
 * by then, and works only together with an id.
 */
function comeBack(response: ServerResponse, { message, status }: Pick<Fault, 'message' | 'status'>): void {
  const { req: request } = response;
  const needsId = urlOf(request).searchParams.has('ticket') && [undefined, again].includes(lastEventIdOf(request));
  response.writeHead(200, eventHeaders(response, 'close')).end(`${needsId ? cursorEvent(again) : ''}: ${message}\n\n`);
  if (status === 503) http2StreamOf(response)?.session?.close();
}

async function serve(request: IncomingMessage, response: ServerResponse, parts: SseParts, body: string | null) {
  const { engine, admission } = parts;
  if (request.method !== 'GET' && request.method !== 'POST') {
    return answerBadRequest(response, 405, 'GET or POST', 'GET, POST');
  }
  if (parts.retiring()) throw new Fault('UNAVAILABLE', { why: 'this replica is going away' });
  // A response behind another answer of its connection has no socket: events would pile up in memory, and nobody would say when
  // its client has gone.
  if (!response.socket) throw new Fault('UNAVAILABLE', { why: 'another answer is still due on this connection' });
  const place = admission.enter(request);
  response.on('close', () => place.leave());
  const id = randomUUID();
  const peer: ConnectedPeer = { transport: 'sse', address: admission.addressOf(request), stream: id };
  const shown = lastEventIdOf(request);
  const lastEventId = shown === again ? undefined : shown;
  const { viewer, ticket } = await whoComes(request, parts, id, shown !== undefined);
  place.claim(viewer);
  const opened = await engine.open({
    ...wordedIn(request, body),
    viewer,
    peer,
    lastEventId,
    admit: (kind, roots) => place.admit(kind, roots),
    takes: (kind) => takes(kind, request),
  });
  if (response.destroyed) {
    if (opened.kind === 'running') opened.close();
    return;
  }
  if (opened.kind === 'errors' && refuse(request, response, opened, lastEventId !== undefined)) return;

  response.writeHead(200, { ...eventHeaders(response, 'keep-alive'), 'Tailrace-Stream': id });
  // Some browsers open the stream only with its first byte.
  response.write(commentEvent);
  if (opened.kind === 'errors') return void response.end(resultEvent({ errors: opened.errors }) + completeEvent);
  if (opened.kind === 'result') return void response.end(resultEvent(opened.result) + completeEvent);
  const { socketBuffer } = parts.limits;
  parts.connections
    .attach(place, peer, viewer, (connection) => new EventsWire(connection, response, ticket, socketBuffer))
    .run(opened);
}

/** Throws a GraphQLError for what an `EventSource` may not ask: a link must not be able to act. */
function takes(kind: OperationKind, { method }: IncomingMessage): void {
  if (method !== 'GET' || kind === 'subscription') return;
  throw new GraphQLError('EventSource is for subscriptions', { extensions: { code: 'BAD_REQUEST' } });
}

/** Answers a refused operation before a stream begins; false where its client reads of it in the stream. */
function refuse(
  { method }: IncomingMessage,
  response: ServerResponse,
  { errors, named }: Extract<Opened, { kind: 'errors' }>,
  isResumed: boolean,
): boolean {
  const [{ message = '', extensions = {} } = {}] = errors;
  const native = method === 'GET';
  const status = statusOf(extensions);
  // A fault that may pass would be the operation's end, told inside the stream.
  if (native && (status === 429 || status === 503)) comeBack(response, { message, status });
  else if (extensions.code === 'UNAVAILABLE') {
    answerFault(response, new Fault('UNAVAILABLE', { why: 'the log cannot be reached' }));
  } else if (extensions.code === 'BAD_REQUEST') answerBadRequest(response, 405, message, 'POST');
  // A browser's own retry of what can never succeed is told to stop; a first try learns why.
  else if (native && named && isResumed) response.writeHead(204).end();
  else if (native || !named) answer(response, status, { errors: errors.map((error) => error.toJSON()) });
  else return false;
  return true;
}

/** What single connection mode of graphql-sse gets: it reserves a stream on one replica, which a stateless one has not. */
export function refuseSingleConnection(response: ServerResponse): void {
  const message =
    'The single connection mode of graphql-sse needs sticky sessions; use distinct connections (singleConnection: false).';
  answerBadRequest(response, 501, message);
}

async function whoComes(
  request: IncomingMessage,
  { identity, tickets }: SseParts,
  stream: string,
  resuming: boolean,
): Promise<{ viewer: Viewer; ticket: Redeemed | null }> {
  const shown = urlOf(request).searchParams.get('ticket');
  if (shown === null) return { viewer: await identify(request, identity), ticket: null };
  const ticket = await tickets.redeem(shown, resuming, stream);
  if (ticket === null) throw new Fault('UNAUTHENTICATED', { why: 'the ticket is unknown, used or too old' });
  return { viewer: await identity.authenticate(withToken(ticket.token, request)), ticket };
}

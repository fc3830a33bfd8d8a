import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault, statusOf } from '../../event/faults.js';
import type { Engine, OperationRequest } from '../../graphql/engine.js';
import { kindOf } from '../../graphql/operation/operation.js';
import { toGraphQLError } from '../../graphql/render/render.js';
import type { Running } from '../../graphql/running/running.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Outlet } from '../../hub/outlet.js';
import type { Audit, Peer } from '../../observe/audit.js';
import type { Logger } from '../../observe/logger.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import { answer, answerBadRequest, jsonObject } from '../answer.js';
import { commentEvent, completeEvent, cursorEvent, resultEvent } from '../connection/frames.js';
import type { Heartbeats } from '../connection/heartbeats.js';
import type { Holder } from '../connection/renew.js';
import type { RenewalDesk } from '../connection/renewal-desk.js';
import type { Connection } from '../connection/retire.js';
import { givenOf, nameIn } from '../http/parameters.js';
import { withToken } from '../identity/authenticate.js';
import { atExpiry, expired } from '../identity/expiry.js';
import { type Identity, identify, urlOf } from '../identity/identify.js';
import { revoked } from '../identity/revocations.js';
import type { Redeemed, TicketOffice } from '../identity/tickets.js';
import type { Admission } from '../limits/admission.js';
import { eventHeaders, eventsOut, http2StreamOf } from './events-out.js';
import { again, lastEventIdOf } from './last-event-id.js';

export interface SseParts {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly tickets: TicketOffice;
  readonly renewals: RenewalDesk;
  readonly connections: Set<Connection>;
  /** Those for which something waits (`ProcessBuffer`). */
  readonly holding: Set<Connection>;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly heartbeats: Heartbeats;
  readonly admission: Admission;
  readonly limits: {
    readonly messageBytes: number;
    readonly socketBuffer: number;
    /** Milliseconds. */
    readonly requestTimeout: number;
  };
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
    if (error.code === 'LIMIT_EXCEEDED') parts.metrics.limited(String(error.details.limit));
    const peer: Peer = { transport: 'sse', address: parts.admission.addressOf(request) };
    parts.audit({ event: 'refused', claims: null, peer, code: error.code });
    comeBack(response, error.message);
  }
}

/**
 * A browser takes any status but 200 as the end for ever; after a stream that has ended it comes back by itself. On a
 * connection of its own: on this one a balancer would bring it back to the same replica. A ticket is used up by then, and
 * works only together with an id.
 */
function comeBack(response: ServerResponse, why: string): void {
  const { req: request } = response;
  const needsId = urlOf(request).searchParams.has('ticket') && [undefined, again].includes(lastEventIdOf(request));
  response.writeHead(200, eventHeaders(response, 'close')).end(`${needsId ? cursorEvent(again) : ''}: ${why}\n\n`);
  http2StreamOf(response)?.session?.close();
}

async function serve(request: IncomingMessage, response: ServerResponse, parts: SseParts, body: string | null) {
  const { engine, admission } = parts;
  if (request.method !== 'GET' && request.method !== 'POST') {
    return answerBadRequest(response, 405, 'GET or POST', 'GET, POST');
  }
  if (parts.retiring()) throw new Fault('UNAVAILABLE', { why: 'this replica is going away' });
  // Behind another answer of its connection it has no socket: events would pile up in memory, and nobody would say when
  // its client has gone.
  if (!response.socket) throw new Fault('UNAVAILABLE', { why: 'another answer is still due on this connection' });
  const place = admission.enter(request);
  response.on('close', () => place.leave());
  const id = randomUUID();
  const peer: Peer = { transport: 'sse', address: admission.addressOf(request), stream: id };
  const shown = lastEventIdOf(request);
  const lastEventId = shown === again ? undefined : shown;
  const { viewer, ticket } = await whoComes(request, parts, id, shown !== undefined);
  place.claim(viewer, () => 1);
  const asked = operationOf(request, body, engine);
  const operation: OperationRequest = {
    ...asked,
    viewer,
    peer,
    lastEventId,
    admit: (kind, roots) => place.admit(kind, roots),
  };
  const native = request.method === 'GET';
  const kind = kindOf(engine.parse(operation.query), operation.operationName);
  // Before it is executed: a link must not be able to act.
  if (native && kind !== null && kind !== 'subscription') {
    return answerBadRequest(response, 405, 'EventSource is for subscriptions', 'POST');
  }
  const opened = await engine.open(operation);

  const refused = opened.kind === 'errors' ? (opened.errors[0]?.extensions ?? {}) : null;
  // Before the stream begins: told inside it, the operation would be at its end.
  if (refused?.code === 'UNAVAILABLE') throw new Fault('UNAVAILABLE', { why: 'the log cannot be reached' });
  if (native && refused !== null && opened.kind === 'errors') {
    // There may be room later.
    if (statusOf(refused) === 429) return comeBack(response, String(opened.errors[0]?.message));
    // A browser's own retry of what can never succeed is told to stop; a first try learns why.
    if (lastEventId !== undefined) return void response.writeHead(204).end();
    return answer(response, statusOf(refused), { errors: opened.errors.map((error) => error.toJSON()) });
  }
  if (response.destroyed) {
    if (opened.kind === 'running') opened.close();
    return;
  }

  response.writeHead(200, { ...eventHeaders(response, 'keep-alive'), 'Tailrace-Stream': id });
  // Some browsers open the stream only with its first byte.
  response.write(commentEvent);
  if (opened.kind === 'errors') return void response.end(resultEvent({ errors: opened.errors }) + completeEvent);
  if (opened.kind === 'result') return void response.end(resultEvent(opened.result) + completeEvent);
  stream(request, response, parts, { id, running: opened, ticket, viewer, peer });
}

interface Opening {
  readonly id: string;
  readonly running: Running;
  readonly ticket: Redeemed | null;
  readonly viewer: Viewer;
  readonly peer: Peer;
}

function stream(
  request: IncomingMessage,
  response: ServerResponse,
  { connections, holding, metrics, limits, heartbeats, renewals, identity }: SseParts,
  { id, running, ticket, viewer, peer }: Opening,
): void {
  const out = eventsOut(request, response, limits.socketBuffer, () => holding.add(connection));
  /** Without a last word a browser comes back, as it shall. */
  const end = (last = '') => {
    running.close();
    out.end(last);
  };
  const depart = () => {
    running.close();
    out.leave();
  };
  const complete = (fault: Fault | null) =>
    end(fault ? resultEvent({ errors: [toGraphQLError(fault)] }) + completeEvent : completeEvent);

  const beat = () => {
    if (out.isStuck()) return void response.destroy();
    if (out.drained()) return;
    // A lone id tells no gap: a browser that came back by it would be past one that still waits for its event.
    const cursor = running.gap === null ? running.cursor() : null;
    out.write(cursor ? cursorEvent(cursor) + commentEvent : commentEvent);
    if (ticket === null) return;
    // Another stream has taken the ticket over. While that cannot be asked, nobody can have.
    ticket.holds().then(
      (held) => held || end(),
      () => undefined,
    );
  };
  const beating = { beat };
  const slot = heartbeats.add(beating);
  const expiry = atExpiry(() => complete(expired()));
  expiry.set(viewer.expiresAt);
  const holder: Holder = {
    viewer,
    peer,
    renewing: false,
    running: () => [running],
    expires: expiry.set,
    expel: complete,
  };
  const release = renewals.hold(id, holder);
  const connection: Connection = {
    get viewer() {
      return holder.viewer;
    },
    peer,
    expel: complete,
    waiting: out.waiting,
    silence: out.silence,
    turnAway: depart,
    retire: depart,
    terminate: () => void response.destroy(),
  };
  connections.add(connection);
  metrics.connected('sse', 1);
  // A client that goes away ends nothing by itself: only the response tells.
  response.on('close', () => {
    heartbeats.remove(beating, slot);
    expiry.clear();
    release();
    connections.delete(connection);
    holding.delete(connection);
    metrics.connected('sse', -1);
    running.close();
  });

  // Between its admission and its place among the connections nobody would have ended it.
  if (identity.isRevoked(viewer)) complete(revoked());
  const outlet: Outlet = { write: out.next, drained: out.drained, end: () => complete(null), fail: complete };
  const cursor = running.start(outlet).cursor();
  if (cursor) out.write(cursorEvent(cursor));
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

/** `body` is null for what stands in the URL. Throws Fault when it is no operation, or none that may be asked for. */
export function operationOf(request: IncomingMessage, body: string | null, engine: Engine) {
  const given = givenOf(body === null ? parametersIn(urlOf(request).searchParams) : jsonObject(body, 'the body'));
  const { operationName, variables, extensions } = given;
  const query = engine.textOf(given);
  if (operationName !== undefined && typeof operationName !== 'string') {
    throw new Fault('BAD_USER_INPUT', { why: 'operationName must be text' });
  }
  return {
    query,
    operationName,
    variables: objectOf(variables, 'variables'),
    extensions: objectOf(extensions, 'extensions'),
  };
}

function parametersIn(params: URLSearchParams): Record<string, unknown> {
  const json = (name: string) => {
    const text = params.get(name);
    return text && !['null', '""'].includes(text) ? jsonObject(text, name) : undefined;
  };
  return {
    query: params.get('query') ?? undefined,
    documentId: params.get('documentId') ?? undefined,
    operationName: nameIn(params),
    variables: json('variables'),
    extensions: json('extensions'),
  };
}

function objectOf(value: unknown, name: string): Record<string, unknown> | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Fault('BAD_USER_INPUT', { why: `${name} must be an object` });
}

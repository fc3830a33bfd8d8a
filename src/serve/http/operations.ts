import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Engine, OperationKind } from '../../graphql/engine.js';
import type { Worded } from '../../graphql/operation/checks.js';
import type { Peer } from '../../observe/audit.js';
import { identify, urlOf } from '../identity/identify.js';
import { wordedIn } from '../parameters.js';
import { type SseParts, serveEvents } from '../sse/sse.js';
import { acceptedTypes, acceptOf } from './accept.js';
import { bodyTypeOf } from './body-type.js';
import { badRequest, type YogaParts, yogaOf } from './yoga.js';

export interface OperationsParts extends SseParts, YogaParts {}

type Handle = (request: IncomingMessage, response: ServerResponse, body: string | null) => Promise<void>;

/** `/graphql`: GraphiQL's page, a stream of events, or the answer to a query or a mutation, by what the request wishes for. */
export function operationsOf(parts: OperationsParts): Handle {
  const { engine, identity, admission } = parts;
  const { audit } = parts.observers;
  const yoga = yogaOf(parts);

  async function answerOperation(
    request: IncomingMessage,
    response: ServerResponse,
    body: string | null,
    type: string | null,
  ): Promise<void> {
    const { method = 'GET' } = request;
    const isPage =
      method === 'GET' && parts.graphiql !== null && acceptedTypes(request.headers.accept).includes('text/html');
    const viewer = isPage ? null : await identify(request, identity);
    const peer: Peer = { transport: 'http', address: admission.addressOf(request) };
    let opened = false;
    const asking = {
      body,
      open(worded: Worded) {
        if (viewer === null) throw new Error('a page asked for an operation');
        opened = true;
        const admit = admission.admits(request, viewer);
        return engine.open({ ...worded, viewer, peer, admit, takes: (kind) => takes(kind, method) });
      },
    };
    const asked = { method, headers: handedOn(request, type), ...(body === null ? {} : { body }) };
    const url = `http://gateway/graphql${urlOf(request).search}`;
    const answered = await yoga.fetch(url, asked, { asking } as never);
    // A request that words no operation never came to the engine.
    if (viewer && !opened) audit({ event: 'refused', claims: viewer.claims, peer, code: 'BAD_REQUEST' });
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    response.end(Buffer.from(await answered.arrayBuffer()));
  }

  return async (request, response, body) => {
    const type = bodyTypeOf(request, body);
    if (wantsEvents(request, body, engine)) return serveEvents(request, response, parts, body);
    return answerOperation(request, response, body, type);
  };
}

/** Throws a GraphQLError for what does not come over HTTP: a link must not be able to act. */
function takes(kind: OperationKind, method: string): void {
  if (kind === 'subscription') {
    throw badRequest('Subscriptions come over WebSocket or with "Accept: text/event-stream".', 400);
  }
  if (kind === 'mutation' && method !== 'POST') {
    throw badRequest('Can only perform a mutation operation from a POST request.', 405, { Allow: 'POST' });
  }
}

/** What Yoga gets: the body's type as it was read here, and no word of what the client refuses, which it would take for a wish. */
function handedOn({ headers }: IncomingMessage, type: string | null): Record<string, string> {
  const { accept, 'content-type': _, ...others } = headers as Record<string, string>;
  const wished = acceptOf(accept);
  return { ...others, ...(wished ? { accept: wished } : {}), ...(type === null ? {} : { 'content-type': type }) };
}

/** urql lists server-sent events for every operation, beside JSON: then the operation decides. */
function wantsEvents(request: IncomingMessage, body: string | null, engine: Engine): boolean {
  const types = acceptedTypes(request.headers.accept);
  if (!types.includes('text/event-stream')) return false;
  if (!types.some((type) => type === 'application/json' || type === 'application/graphql-response+json')) return true;
  try {
    return engine.kindOf(wordedIn(request, body)) === 'subscription';
  } catch {
    return false;
  }
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { type DocumentNode, GraphQLError } from 'graphql';
import { createYoga, type GraphiQLOptions, type Plugin } from 'graphql-yoga';
import { Fault, statusOf } from '../event/faults.js';
import { refuse, selectedFields } from '../graphql/access.js';
import type { Engine } from '../graphql/engine.js';
import type { Executable, PubSub } from '../graphql/executable.js';
import { isDocument, kindOf, operationOf as operationNamed } from '../graphql/operation.js';
import { masked, toGraphQLError } from '../graphql/render.js';
import type { Viewer } from '../graphql/viewer.js';
import type { Source } from '../observe/audit.js';
import type { StreamSchema } from '../schema/stream-schema.js';
import type { Admit } from './admission.js';
import { bearer, withToken } from './authenticate.js';
import { answer, answerFault, jsonObject, readText, retryAfter } from './http-answer.js';
import { identify, urlOf } from './identify.js';
import { operationOf, refuseSingleConnection, type SseParts, serveEvents } from './sse.js';
import { ticketLife } from './tickets.js';
import type { KeyPair } from './tls-pair.js';
import { type Listener, type SecureServer, tlsServer } from './tls-server.js';

export interface HttpParts extends SseParts {
  readonly engine: Engine;
  readonly streams: StreamSchema;
  readonly executable: Executable;
  readonly pubsub: PubSub;
  /** Null: no GraphiQL. */
  readonly graphiql: GraphiQLOptions | null;
  /** Null when this replica can serve; else why not. */
  readonly unready: () => Promise<string | null>;
  /** Null: without TLS. */
  readonly pair: KeyPair | null;
}

interface YogaContext {
  readonly viewer: Viewer;
  readonly admit: Admit;
}

/** Every path of the gateway's port. What a Fault says becomes an answer; anything else is logged and masked. */
export function createHttpServer(parts: HttpParts): Server | SecureServer {
  const yoga = yogaOf(parts);
  const { identity, logger } = parts;
  const sourceOf = (request: IncomingMessage): Source => {
    const transport = urlOf(request).pathname === '/graphql/stream' ? 'sse' : 'http';
    return { transport, address: parts.admission.addressOf(request) };
  };

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = urlOf(request);
    if (pathname === '/healthz') return answer(response, 200, { status: 'ok' });
    if (pathname === '/readyz') {
      const why = parts.retiring() ? 'retiring' : await parts.unready();
      return answer(
        response,
        why === null ? 200 : 503,
        why === null ? { status: 'ready' } : { status: 'not ready', why },
      );
    }
    if (!pathname.startsWith('/graphql'))
      return answer(response, 404, { errors: [{ message: 'GraphQL is at /graphql' }] });
    if (!identity.origins.allows(request))
      throw new Fault('FORBIDDEN', { why: `pages of ${request.headers.origin} may not connect (TAILRACE_ORIGINS)` });
    allowOrigin(request, response);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    if (pathname === '/graphql/ticket') return ticket(request, response, parts);
    const body = request.method === 'POST' ? await readText(request, parts.limits) : null;
    if (pathname === '/graphql/renew') return renewal(response, parts, body);
    if (pathname === '/graphql/stream') {
      const reserves =
        request.method === 'PUT' || request.method === 'DELETE' || urlOf(request).searchParams.has('operationId');
      if (reserves || request.headers['x-graphql-event-stream-token']) return refuseSingleConnection(response);
      return serveEvents(request, response, parts, body);
    }
    if (pathname !== '/graphql') return answer(response, 404, { errors: [{ message: 'GraphQL is at /graphql' }] });
    if (wantsEvents(request, body, parts)) return serveEvents(request, response, parts, body);
    const isPage = request.method === 'GET' && parts.graphiql !== null && request.headers.accept?.includes('text/html');
    const viewer = isPage ? null : await identify(request, identity);
    const { method = 'GET', headers } = request;
    const asked = { method, headers: headers as Record<string, string>, ...(body === null ? {} : { body }) };
    const admit = viewer && parts.admission.admits(request, viewer);
    const answered = await yoga.fetch(`http://gateway${pathname}${search}`, asked, {
      viewer,
      admit,
      source: sourceOf(request),
    } as never);
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    response.end(Buffer.from(await answered.arrayBuffer()));
  }

  const listener: Listener = (request, response) => {
    route(request, response).catch((error: unknown) => {
      if (error instanceof Fault) {
        if (error.code === 'LIMIT_EXCEEDED') parts.metrics.limited(String(error.details.limit));
        parts.audit({ event: 'refused', claims: null, source: sourceOf(request), code: error.code });
        return answerFault(response, error);
      }
      logger.error({ error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
      answer(response, 500, {
        errors: [{ message: 'Something went wrong', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
      });
      response.destroy();
    });
  };
  const { requestTimeout } = parts.limits;
  const patience = { requestTimeout, headersTimeout: requestTimeout, connectionsCheckingInterval: requestTimeout / 4 };
  const server = parts.pair
    ? tlsServer(parts.pair, { ...patience, heartbeat: parts.heartbeat }, listener)
    : createServer(patience, listener);
  Object.assign(server, patience);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') parts.metrics.limited('requestTimeout');
    const status = brokenRequest[error.code ?? ''] ?? (error.code?.startsWith('HPE_') ? '400 Bad Request' : null);
    // Not into an answer that has begun, nor to one who has not come so far as to speak HTTP.
    if (status === null || !socket.writable || socket.bytesWritten > 0) return socket.destroy();
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
  });
  return server;
}

const brokenRequest: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** urql lists server-sent events for every operation, beside JSON: then the operation decides. */
function wantsEvents(request: IncomingMessage, body: string | null, { engine }: HttpParts): boolean {
  const types = (request.headers.accept ?? '').split(',').map((type) => type.split(';')[0]?.trim());
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
  response.setHeader('Access-Control-Expose-Headers', 'Tailrace-Stream');
  if (request.method !== 'OPTIONS') return;
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
  response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type, last-event-id');
  response.setHeader('Access-Control-Max-Age', '600');
}

/** `201 {ticket, expiresIn}` for whoever shows a token in the header. */
async function ticket(request: IncomingMessage, response: ServerResponse, { identity, tickets }: HttpParts) {
  if (request.method !== 'POST')
    return answer(response, 405, { errors: [{ message: 'POST only' }] }, { Allow: 'POST' });
  const token = bearer(request.headers.authorization);
  if (token === null)
    throw new Fault('UNAUTHENTICATED', { why: 'a ticket is given for a token in the Authorization header' });
  const { expiresAt } = await identity.authenticate(withToken(token, request));
  answer(response, 201, { ticket: await tickets.issue(token, expiresAt), expiresIn: ticketLife / 1000 });
}

/** `{"ok": true}` for `{id, token}`: the name of a stream, from its header `Tailrace-Stream`, and its holder's new token. */
async function renewal(response: ServerResponse, parts: HttpParts, body: string | null) {
  if (body === null) return answer(response, 405, { errors: [{ message: 'POST only' }] }, { Allow: 'POST' });
  const { id, token } = jsonObject(body, 'the body');
  if (typeof id !== 'string' || typeof token !== 'string') {
    throw new Fault('BAD_USER_INPUT', { why: 'the body must be {"id": …, "token": …}' });
  }
  const renewed = await parts.renewals.renew(id, token);
  if (renewed.ok) return answer(response, 200, renewed);
  const { code, message } = renewed;
  answer(response, statusOf({ code }), { errors: [{ message, extensions: { code } }] });
}

interface OnParams {
  readonly params: {
    readonly query?: unknown;
    readonly operationName?: unknown;
    readonly variables?: unknown;
    readonly extensions?: unknown;
    readonly documentId?: unknown;
  };
  readonly request: { readonly url: string };
  setParams(params: object): void;
  setResult(result: object): void;
}

/** What each request of Yoga's comes with. */
interface Asking {
  readonly viewer: Viewer | null;
  readonly source: Source;
}

interface OnResultProcess {
  readonly result: { readonly errors?: readonly GraphQLError[] };
  readonly serverContext: object;
  setResult(result: object): void;
}

const refusal = (message: string) =>
  new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });

/** Null when it went well. */
async function faultOf(work: Promise<void>): Promise<Fault | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/** The status of an operation that was not executed. `spec` is Yoga's word for "not for those who take only application/json". */
function withStatus(error: GraphQLError): GraphQLError {
  if (error.extensions.http) return error;
  const { message, nodes, source, positions, path, originalError } = error;
  const status = statusOf(error.extensions);
  const http = { status, spec: true, ...(status === 429 ? { headers: { 'Retry-After': retryAfter() } } : {}) };
  return new GraphQLError(message, {
    nodes,
    source,
    positions,
    path,
    originalError,
    extensions: { ...error.extensions, http },
  });
}

/** GraphiQL, queries and mutations over HTTP. Subscriptions never come here. */
function yogaOf(parts: HttpParts) {
  const { engine, executable, streams, pubsub, logger, metrics } = parts;
  const guard: Plugin<YogaContext> = {
    onParams({ params, request, setParams, setResult }: OnParams) {
      const { documentId = new URL(request.url).searchParams.get('documentId') ?? undefined, ...rest } = params;
      const { operationName, variables, extensions } = rest;
      const excess = engine.excessIn(variables, extensions);
      if (excess) return setResult({ errors: [excess] });
      // Without any of them, Yoga says so in the words of the specification.
      if (typeof rest.query !== 'string' && documentId === undefined && !extensions) return;
      if (typeof operationName !== 'string' && operationName !== undefined && operationName !== null) {
        return setResult({ errors: [refusal('operationName must be text')] });
      }
      let query: string;
      try {
        query = engine.textOf({ ...rest, documentId });
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        // Yoga looks at them still, and would miss a text.
        setParams({ ...rest, query: '' });
        return setResult({ errors: [toGraphQLError(error)] });
      }
      setParams({ ...rest, query });
      const parsed = engine.parse(query);
      if (!isDocument(parsed)) return setResult({ errors: parsed });
      const operation = operationNamed(parsed.ast, operationName);
      if (operation instanceof GraphQLError) setResult({ errors: [operation] });
    },
    async onExecute({ args, setResultAndStopExecution }) {
      const document = args.document as DocumentNode;
      const operation = operationNamed(document, args.operationName);
      if (operation instanceof GraphQLError) return setResultAndStopExecution({ errors: [operation] });
      const fields = selectedFields(executable.schema, document, operation);
      const { viewer, admit } = args.contextValue;
      const fault = refuse(streams, fields, viewer) ?? (await faultOf(admit(operation.operation)));
      if (fault) setResultAndStopExecution({ errors: [toGraphQLError(fault)] });
    },
    onSubscribe({ setResultAndStopExecution }: { setResultAndStopExecution(result: object): void }) {
      const message = 'Subscriptions come over WebSocket or with "Accept: text/event-stream".';
      setResultAndStopExecution({ errors: [refusal(message)] });
    },
    onResultProcess({ result, setResult, serverContext }: OnResultProcess) {
      if (!result.errors || 'data' in result) return;
      const { code, limit, paths } = result.errors[0]?.extensions ?? {};
      if (code === 'LIMIT_EXCEEDED') metrics.limited(String(limit));
      const { viewer, source } = serverContext as Asking;
      parts.audit({ event: 'refused', claims: viewer?.claims ?? null, source, code: String(code), paths });
      setResult({ ...result, errors: result.errors.map(withStatus) });
    },
  } as Plugin<YogaContext>;
  return createYoga<never, YogaContext>({
    schema: executable.schema as never,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    cors: false,
    multipart: false,
    logging: false,
    graphiql: parts.graphiql ?? false,
    renderGraphiQL,
    plugins: [guard as never],
    context: ({ viewer, admit }: never) =>
      ({ viewer, admit, claims: (viewer as Viewer | null)?.claims ?? {}, pubsub }) as never,
    maskedErrors: {
      maskError: (error) =>
        error instanceof GraphQLError
          ? masked(error, logger)
          : toGraphQLError(new Fault('INTERNAL_SERVER_ERROR', { id: '' })),
    },
  });
}

import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type DocumentNode, GraphQLError } from 'graphql';
import { createYoga, type GraphiQLOptions, type Plugin } from 'graphql-yoga';
import { Fault } from '../event/faults.js';
import type { Engine } from '../graphql/engine.js';
import type { Executable, PubSub } from '../graphql/executable.js';
import { refuse, selectedFields } from '../graphql/access.js';
import { isDocument } from '../graphql/operation.js';
import { masked, toGraphQLError } from '../graphql/render.js';
import type { Viewer } from '../graphql/viewer.js';
import type { StreamSchema } from '../schema/stream-schema.js';
import { answer, answerFault, } from './http-answer.js';
import { bearer } from './authenticate.js';
import { identify, urlOf } from './identify.js';
import { refuseSingleConnection, serveEvents, type SseParts } from './sse.js';
import { ticketLife } from './tickets.js';

export interface HttpParts extends SseParts {
  readonly engine: Engine;
  readonly streams: StreamSchema;
  readonly executable: Executable;
  readonly pubsub: PubSub;
  /** Null: no GraphiQL. */
  readonly graphiql: GraphiQLOptions | null;
  /** Null when this replica can serve; else why not. */
  readonly unready: () => Promise<string | null>;
}

interface YogaContext {
  readonly viewer: Viewer;
}

/** Every path of the gateway's port. What a Fault says becomes an answer; anything else is logged and masked. */
export function createHttpServer(parts: HttpParts): Server {
  const yoga = yogaOf(parts);
  const { identity, logger } = parts;

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = urlOf(request);
    if (pathname === '/healthz') return answer(response, 200, { status: 'ok' });
    if (pathname === '/readyz') {
      const why = parts.retiring() ? 'retiring' : await parts.unready();
      return answer(response, why === null ? 200 : 503, why === null ? { status: 'ready' } : { status: 'not ready', why });
    }
    if (!pathname.startsWith('/graphql')) return answer(response, 404, { errors: [{ message: 'GraphQL is at /graphql' }] });
    if (!identity.origins.allows(request)) throw new Fault('FORBIDDEN', { paths: `anything from ${request.headers.origin}` });
    allowOrigin(request, response);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    if (pathname === '/graphql/ticket') return ticket(request, response, parts);
    if (pathname === '/graphql/stream') {
      const reserves = request.method === 'PUT' || request.method === 'DELETE' || urlOf(request).searchParams.has('operationId');
      if (reserves || request.headers['x-graphql-event-stream-token']) return refuseSingleConnection(response);
      return serveEvents(request, response, parts);
    }
    if (pathname !== '/graphql') return answer(response, 404, { errors: [{ message: 'GraphQL is at /graphql' }] });
    if (wantsEvents(request)) return serveEvents(request, response, parts);
    const isPage = request.method === 'GET' && parts.graphiql !== null && request.headers.accept?.includes('text/html');
    const viewer = isPage ? null : await identify(request, identity);
    await yoga.handle(request, response, { viewer } as never);
  }

  return createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      if (error instanceof Fault) return answerFault(response, error);
      logger.error({ error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
      answer(response, 500, { errors: [{ message: 'Something went wrong', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] });
      response.destroy();
    });
  });
}

function wantsEvents({ headers: { accept = '' } }: IncomingMessage): boolean {
  return accept.split(',').some((type) => type.split(';')[0]?.trim() === 'text/event-stream');
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
  if (request.method !== 'POST') return answer(response, 405, { errors: [{ message: 'POST only' }] }, { Allow: 'POST' });
  const token = bearer(request.headers.authorization);
  if (token === null) throw new Fault('UNAUTHENTICATED', { why: 'a ticket is given for a token in the Authorization header' });
  const { expiresAt } = await identity.authenticate(token);
  answer(response, 201, { ticket: await tickets.issue(token, expiresAt), expiresIn: ticketLife / 1000 });
}

/** GraphiQL, queries and mutations over HTTP. Subscriptions never come here. */
function yogaOf(parts: HttpParts) {
  const { engine, executable, streams, pubsub, logger } = parts;
  const guard: Plugin<YogaContext> = {
    onParams({ params, setResult }: { params: { query?: string }; setResult(result: object): void }) {
      const parsed = params.query ? engine.parse(params.query) : null;
      if (parsed && !isDocument(parsed)) setResult({ errors: parsed });
    },
    onExecute({ args, setResultAndStopExecution }) {
      const fields = selectedFields(executable.schema, args.document as DocumentNode);
      const fault = refuse(streams, fields, args.contextValue.viewer);
      if (fault) setResultAndStopExecution({ errors: [toGraphQLError(fault)] });
    },
    onSubscribe({ setResultAndStopExecution }: { setResultAndStopExecution(result: object): void }) {
      const message = 'Subscriptions come over WebSocket or with "Accept: text/event-stream".';
      setResultAndStopExecution({ errors: [new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } })] });
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
    context: ({ viewer }: never) => ({ viewer, claims: (viewer as Viewer | null)?.claims ?? {}, pubsub }) as never,
    maskedErrors: {
      maskError: (error) => (error instanceof GraphQLError ? masked(error, logger) : toGraphQLError(new Fault('INTERNAL_SERVER_ERROR', { id: '' }))),
    },
  });
}

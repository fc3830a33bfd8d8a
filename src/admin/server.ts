import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Audit } from '../observe/audit.js';
import type { Exposition } from '../observe/prometheus.js';
import { pathOf } from '../serve/identity/identify.js';
import { defaultLimits } from '../serve/limits/limits.js';
import { refusal } from './access.js';
import type { AdminGraphQL } from './graphql.js';
import { type Handler, handle, tell } from './handler.js';
import { type Reply, send } from './reply.js';

export interface AdminParts {
  readonly host: string;
  /** The port to listen on; 0 takes any free one. */
  readonly port: number;
  /** The bearer token that all but health asks for; null lets everyone in who reaches the port. */
  readonly token: string | null;
  readonly metrics: Exposition;
  /** Null when this process can do its work, else the reason in a sentence. */
  ready(): Promise<string | null>;
  /** Milliseconds that a connection is kept on which nothing is asked. Default 75000. */
  readonly keepAlive?: number;
  /** What `/graphql` answers; without it there is none here. */
  readonly graphql?: AdminGraphQL;
  /** What `/send` takes, from this machine alone; without it there is none here. */
  readonly send?: Omit<Handler, 'isLocal'>;
  /** Is told of each call of those two, and of each other that was refused. Default: nobody is. */
  readonly audit?: Audit;
}

export interface Admin {
  readonly port: number;
  /** Ends open requests too. May be called twice. */
  close(): Promise<void>;
}

/**
 * Metrics and health of one process. Health needs no token: an orchestrator's probe rarely has one, and learns no more
 * than a sentence. Rejects with Node's error when it cannot listen, e.g. EADDRINUSE.
 */
export async function startAdmin(parts: AdminParts): Promise<Admin> {
  const handlers = handlersOf(parts);
  const server = createServer((request, response) => {
    answer(parts, handlers, request).then(
      (reply) => send(response, reply, request.method === 'HEAD'),
      (error: unknown) =>
        send(response, { status: 500, text: error instanceof Error ? error.message : 'failed' }, false),
    );
  });
  // A request is small and quick: whoever takes longer only holds a socket.
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = parts.keepAlive ?? 75_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(parts.port, parts.host, resolve);
  });
  let closed: Promise<void> | null = null;
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      closed ??= new Promise((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

/** Handlers by path, in the order in which a 404 tells them. */
type Handlers = ReadonlyMap<string, Handler>;

function handlersOf({ graphql, send: taking }: AdminParts): Handlers {
  const handlers = new Map<string, Handler>();
  const { messageBytes } = defaultLimits;
  if (graphql) handlers.set('/graphql', { answer: graphql, messageBytes, isLocal: false });
  if (taking) handlers.set('/send', { ...taking, isLocal: true });
  return handlers;
}

/** Where paths are that another process has: whoever asks here is told. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ['/graphql', "/graphql is on a gateway's admin port"],
  ['/send', '/send is on that of `tailrace dev`'],
]);

async function answer(parts: AdminParts, handlers: Handlers, request: IncomingMessage): Promise<Reply> {
  const path = pathOf(request);
  const here = `here are ${[...handlers.keys(), '/metrics'].join(', ')}, /healthz and /readyz`;
  const handler = handlers.get(path);
  if (handler) return handle(request, handler, parts);
  const where = elsewhere.get(path);
  if (where !== undefined) return { status: 404, text: `${where}; ${here}` };
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, text: 'GET only', headers: { Allow: 'GET, HEAD' } };
  switch (path) {
    case '/healthz':
      return { status: 200, text: 'ok' };
    case '/readyz': {
      const reason = await parts.ready();
      return reason === null ? { status: 200, text: 'ready' } : { status: 503, text: reason };
    }
    case '/metrics':
      return metricsFor(request, parts);
    default:
      return { status: 404, text: here };
  }
}

async function metricsFor(request: IncomingMessage, { token, audit, metrics }: AdminParts): Promise<Reply> {
  const refused = refusal(token, request);
  if (refused) {
    tell(audit, request, refused.status);
    return refused;
  }
  return { status: 200, text: await metrics.text(), headers: { 'Content-Type': metrics.contentType } };
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Fault } from '../../event/faults.js';
import { answer, answerFault } from '../answer.js';
import { urlOf } from '../identity/identify.js';
import { readable } from '../port/long-headers.js';
import { streamsAtOnce } from '../port/streams.js';
import type { KeyPair } from '../port/tls-pair.js';
import { type Listener, type SecureServer, tlsServer } from '../port/tls-server.js';
import { tellRefused } from '../refused.js';
import { refuseSingleConnection, serveEvents } from '../sse/sse.js';
import { bodyTypeOf } from './body-type.js';
import { answerNowhere, Entrance, type EntranceParts, type Route } from './entrance.js';
import { orUpgradeRequired } from './lost-upgrade.js';
import { type OperationsParts, operationsOf } from './operations.js';
import { giveTicket, renew, type SignInParts } from './sign-in.js';
import { answerUnreadable } from './unreadable.js';

export interface HttpParts extends OperationsParts, SignInParts, EntranceParts {
  readonly limits: OperationsParts['limits'] & EntranceParts['limits'] & Parameters<typeof streamsAtOnce>[0];
  /** Milliseconds. */
  readonly heartbeat: number;
  /** Milliseconds. */
  readonly keepAlive: number;
  /** Null when this replica can serve; else why not. */
  readonly unready: () => Promise<string | null>;
  /** Null: without TLS. */
  readonly pair: KeyPair | null;
}

/** Every path of the gateway's port, but for handshakes of WebSockets. */
function routesOf(parts: HttpParts): readonly Route[] {
  const { graphqlPath } = parts;
  return [
    ...probesOf(parts),
    {
      path: `${graphqlPath}/ticket`,
      methods: ['POST'],
      asks: 'header',
      handle: (request, response) => giveTicket(request, response, parts),
    },
    {
      path: `${graphqlPath}/renew`,
      methods: ['POST'],
      asks: 'body',
      handle: (request, response, body) => renew(request, response, parts, body ?? ''),
    },
    {
      path: `${graphqlPath}/stream`,
      asks: 'body',
      transport: 'sse',
      handle(request, response, body) {
        bodyTypeOf(request, body);
        if (reservesStream(request)) return refuseSingleConnection(response);
        return serveEvents(request, response, parts, body);
      },
    },
    {
      path: graphqlPath,
      methods: ['GET', 'POST'],
      asks: 'body',
      handle: orUpgradeRequired(parts.observers.logger, operationsOf(parts)),
    },
    { path: `${graphqlPath}/*`, asks: 'header', handle: (_, response) => answerNowhere(response, graphqlPath) },
  ];
}

/** With the base path and without it: a proxy asks by the one, Kubernetes, which asks the pod, need not know of it. */
function probesOf(parts: HttpParts): readonly Route[] {
  const bases = new Set(['', parts.graphqlPath.replace(/\/graphql$/, '')]);
  return [...bases].flatMap((base): readonly Route[] => [
    { path: `${base}/healthz`, asks: 'probe', handle: (_, response) => answer(response, 200, { status: 'ok' }) },
    { path: `${base}/readyz`, asks: 'probe', handle: (_, response) => answerReady(response, parts) },
  ]);
}

async function answerReady(response: ServerResponse, { retiring, unready }: HttpParts): Promise<void> {
  const why = retiring() ? 'retiring' : await unready();
  if (why === null) answer(response, 200, { status: 'ready' });
  else answer(response, 503, { status: 'not ready', why });
}

/** The server of the gateway's port. What a Fault says becomes an answer; anything else is logged and masked. */
export function createHttpServer(parts: HttpParts): Server | SecureServer {
  const entrance = new Entrance(routesOf(parts), parts);

  function answerFailure(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (error instanceof Fault) {
      tellRefused(parts.observers, entrance.peerOf(request), error);
      answerFault(response, error);
      return;
    }
    parts.observers.logger.error({ error: error instanceof Error ? error.stack : String(error) }, 'a request failed');
    answer(response, 500, {
      errors: [{ message: 'Something went wrong', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
    response.destroy();
  }

  const listener: Listener = (request, response) => {
    // A retiring replica's connections end with their next answer: kept, a proxy would bring the next request here too.
    if (parts.retiring() && request.httpVersionMajor < 2) response.shouldKeepAlive = false;
    entrance.serve(request, response).catch((error: unknown) => answerFailure(request, response, error));
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
    ? tlsServer(parts.pair, { ...patience, heartbeat: parts.heartbeat, streams: streamsAtOnce(parts.limits) }, listener)
    : createServer(patience, listener);
  Object.assign(server, patience);
  answerUnreadable(server, parts.limits, parts.observers.metrics);
  return server;
}

/** The single connection mode of graphql-sse. */
const reservesStream = (request: IncomingMessage): boolean =>
  request.method === 'PUT' ||
  request.method === 'DELETE' ||
  urlOf(request).searchParams.has('operationId') ||
  request.headers['x-graphql-event-stream-token'] !== undefined;

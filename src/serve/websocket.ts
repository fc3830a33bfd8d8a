import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols, makeServer } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Fault } from '../event/faults.js';
import type { Engine } from '../graphql/engine.js';
import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import { atExpiry } from './expiry.js';
import { type Identity, urlOf } from './identify.js';
import { backlogOf } from './outlet.js';
import { renew } from './renew.js';
import type { Connection } from './retire.js';
import { ping, type Session, type SessionLimits, sessionOf, sessionOptions, tokenIn } from './session.js';

export interface WebSocketParts {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly connections: Set<Connection>;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly heartbeat: number;
  readonly limits: SessionLimits & {
    readonly connections: number;
    readonly messageBytes: number;
    readonly socketBuffer: number;
  };
  /** True from the moment the replica retires. */
  readonly retiring: () => boolean;
}

/**
 * `graphql-transport-ws` on `/graphql`: sockets from upgrade to close. What is said on them is graphql-ws's (`session.ts`);
 * frames of streams go past it, straight to the socket.
 */
export function serveWebSockets(server: Server, parts: WebSocketParts): void {
  const { identity, connections, limits, logger } = parts;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  const protocol = makeServer<Record<string, unknown>, Session>(sessionOptions(parts));

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const refuse = (status: string) =>
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    if (urlOf(request).pathname !== '/graphql') return refuse('404 Not Found');
    if (!identity.origins.allows(request)) return refuse('403 Forbidden');
    if (parts.retiring()) return refuse('503 Service Unavailable');
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', (error) => logger.debug({ error: error.message }, 'a WebSocket failed'));
      if (connections.size >= limits.connections) webSocket.close(1013, 'connections');
      else open(webSocket, request, parts, protocol.opened);
    });
  });
}

type Opened = ReturnType<typeof makeServer<Record<string, unknown>, Session>>['opened'];

function open(webSocket: WebSocket, request: IncomingMessage, parts: WebSocketParts, opened: Opened): void {
  const { connections, metrics, logger } = parts;
  const backlog = backlogOf(request.socket, parts.limits.socketBuffer);
  const isOpen = () => webSocket.readyState === webSocket.OPEN;
  const expiry = atExpiry(() => webSocket.close(CloseCode.Forbidden, 'The token has expired'));
  const session = sessionOf({
    request,
    drained: backlog.drained,
    write: (text) => void (isOpen() && webSocket.send(text)),
    turnAway: (why) => webSocket.close(1013, shortened(why)),
    expires: expiry.set,
  });

  const closed = opened(
    {
      protocol: webSocket.protocol,
      send: (text) => new Promise<void>((done) => (isOpen() ? webSocket.send(text, () => done()) : done())),
      close: (code, reason) => close(webSocket, code, reason, session.refusal),
      onMessage: (handle) =>
        webSocket.on('message', (data) =>
          handle(String(data)).catch((error: unknown) => {
            logger.error({ error: error instanceof Error ? error.stack : String(error) }, 'a message failed');
            webSocket.close(1011, 'Internal server error');
          }),
        ),
      // A ping that brings a token asks for its renewal; any other gets its payload back.
      onPing: async (payload) => session.write(pong(await renewal(session, payload, parts.identity))),
      onPong: () => undefined,
    },
    session,
  );

  let alive = true;
  webSocket.on('message', () => {
    alive = true;
  });
  const beat = setInterval(() => {
    if (backlog.isStuck()) return webSocket.terminate();
    // A full socket has no room for a ping: as long as it drains, someone reads.
    if (backlog.drained()) return;
    if (!alive) return webSocket.terminate();
    alive = false;
    session.write(ping(session.live));
  }, parts.heartbeat);

  const connection: Connection = {
    retire: () => webSocket.close(1001, 'Going away'),
    terminate: () => webSocket.terminate(),
  };
  connections.add(connection);
  metrics.connected('websocket', 1);
  webSocket.on('close', (code, reason) => {
    clearInterval(beat);
    expiry.clear();
    connections.delete(connection);
    metrics.connected('websocket', -1);
    for (const operation of session.live.values()) {
      if (operation.kind === 'stream') operation.close();
      else void operation.return();
    }
    void closed(code, String(reason));
  });
}

type Payload = Readonly<Record<string, unknown>> | undefined;

async function renewal(session: Session, payload: Payload, { authenticate }: Identity): Promise<object | undefined> {
  if (payload?.Authorization === undefined && payload?.authorization === undefined) return payload;
  return renew(session, async () => authenticate(tokenIn(payload) ?? ''));
}

const pong = (payload: object | undefined) => JSON.stringify({ type: 'pong', payload });

function close(webSocket: WebSocket, code: number | undefined, reason: string | undefined, refusal: Fault | null) {
  if (refusal) webSocket.close(refusal.close ?? code, shortened(refusal.message));
  else webSocket.close(code, shortened(reason));
}

/** A close reason has room for 123 bytes (RFC 6455, section 5.5). */
function shortened(reason: string | undefined): string | undefined {
  if (reason === undefined || Buffer.byteLength(reason) <= 123) return reason;
  return Buffer.from(reason)
    .subarray(0, 120)
    .toString()
    .replace(/\uFFFD*$/, '');
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols, makeServer } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { Fault, limitExceeded } from '../event/faults.js';
import { isTooDeep } from '../graphql/bounds.js';
import type { Engine } from '../graphql/engine.js';
import type { Audit } from '../observe/audit.js';
import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import type { Admission, Place } from './admission.js';
import { atExpiry, expired } from './expiry.js';
import { nextMessages } from './frames.js';
import { Hearing } from './hearing.js';
import { retryAfter } from './http-answer.js';
import { authorizationIn, type Identity, urlOf } from './identify.js';
import { SocketOutlet } from './outlet.js';
import { renew } from './renew.js';
import type { Connection } from './retire.js';
import { ping, type Session, type SessionLimits, sessionOf, sessionOptions } from './session.js';

export interface WebSocketParts {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly connections: Set<Connection>;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly heartbeat: number;
  /** Offer permessage-deflate. */
  readonly compression: boolean;
  readonly admission: Admission;
  readonly limits: SessionLimits & {
    readonly messageBytes: number;
    readonly messageRate: number;
    readonly jsonDepth: number;
    readonly socketBuffer: number;
  };
  /** True from the moment the replica retires. */
  readonly retiring: () => boolean;
}

/** Of one message, as frames or as they came. */
const mostPieces = 1_024;
/** Milliseconds a peer may take to answer a close. */
const closeTimeout = 5_000;

/**
 * `graphql-transport-ws` on `/graphql`: sockets from upgrade to close. What is said on them is graphql-ws's (`session.ts`);
 * frames of streams go past it, straight to the socket.
 */
export function serveWebSockets(server: Server, parts: WebSocketParts): void {
  const { identity, admission, metrics, limits, logger } = parts;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    // A message in pieces of a byte each takes a hundred times its size.
    maxFragments: mostPieces,
    maxBufferedChunks: mostPieces,
    // Not in its types yet.
    ...({ closeTimeout } as object),
    // Without contexts, so that what one message was compressed to is good for all sockets, and none keeps any.
    perMessageDeflate: parts.compression && { serverNoContextTakeover: true, clientNoContextTakeover: true },
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  const protocol = makeServer<Record<string, unknown>, Session>(sessionOptions(parts));

  function placeFor(request: IncomingMessage): Place | Fault {
    try {
      return admission.enter(request);
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const refuse = (status: string, more = '') =>
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n${more}\r\n`);
    if (urlOf(request).pathname !== '/graphql') return refuse('404 Not Found');
    if (!identity.origins.allows(request)) return refuse('403 Forbidden');
    if (parts.retiring()) return refuse('503 Service Unavailable');
    // A smaller window than that of the shared blocks; and ws refuses offers that it cannot accept, with 400.
    if (/server_max_window_bits/.test(request.headers['sec-websocket-extensions'] ?? ''))
      delete request.headers['sec-websocket-extensions'];
    const place = placeFor(request);
    if (place instanceof Fault) metrics.limited(String(place.details.limit));
    else socket.on('close', place.leave);
    // Before the handshake, which is what there are too many of.
    if (place instanceof Fault && place.details.limit === 'connectRate')
      return refuse('503 Service Unavailable', `Retry-After: ${retryAfter()}\r\n`);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', (error: Error & { code?: string }) => {
        if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') metrics.limited('messageBytes');
        logger.debug({ error: error.message }, 'a WebSocket failed');
      });
      if (place instanceof Fault) webSocket.close(1013, place.message);
      else open(webSocket, request, place, parts, protocol.opened);
    });
  });
}

/** Milliseconds for a last word to get through. */
const lastWord = 1_000;

/** What goes through ws is little, and compressed by it would be written later than what comes after it. */
const uncompressed = { compress: false };

type Opened = ReturnType<typeof makeServer<Record<string, unknown>, Session>>['opened'];

function open(
  webSocket: WebSocket,
  request: IncomingMessage,
  place: Place,
  parts: WebSocketParts,
  opened: Opened,
): void {
  const { connections, metrics, logger } = parts;
  const isOpen = () => webSocket.readyState === webSocket.OPEN;
  const outlet = new SocketOutlet(request.socket, parts.limits.socketBuffer, isOpen);
  const compress = webSocket.extensions.includes('permessage-deflate');
  const write = (text: string, done?: () => void) => {
    if (isOpen()) outlet.aside(() => webSocket.send(text, uncompressed, done));
    else done?.();
  };
  const end = (code: number | undefined, reason: string | undefined) =>
    outlet.aside(() => webSocket.close(code, shortened(reason)));
  const expel = ({ close, message }: Fault) => end(close ?? CloseCode.Forbidden, message);
  const expiry = atExpiry(() => expel(expired()));
  const turnAway = ({ message, details }: Fault) => {
    metrics.limited(String(details.limit));
    end(1013, message);
    // Left open for a last word, but read no more: the flood goes on.
    webSocket.pause();
    setTimeout(() => webSocket.terminate(), lastWord).unref();
  };
  const { messageRate } = parts.limits;
  const hearing = new Hearing(webSocket, outlet, parts.limits);
  /** False for one message too many: nothing that comes after it is heard. */
  const mayCome = () => {
    if (!isOpen()) return false;
    if (hearing.take()) return true;
    turnAway(limitExceeded('messageRate', messageRate, messageRate + 1));
    return false;
  };
  webSocket.on('ping', mayCome);
  webSocket.on('pong', mayCome);
  const session = sessionOf({
    request,
    place,
    source: { transport: 'websocket', address: parts.admission.addressOf(request), stream: randomUUID() },
    drained: () => outlet.drained(),
    write,
    ping(text) {
      hearing.pinged();
      write(text);
    },
    writer: (id) => (frames) => outlet.write(nextMessages(frames, id.length, compress), id),
    turnAway: (why) => end(1013, why),
    expires: expiry.set,
  });

  let heard = false;
  const closed = opened(
    {
      protocol: webSocket.protocol,
      send: (text) => new Promise<void>((done) => write(text, done)),
      close(code, reason) {
        const now = () => end(session.refusal?.close ?? code, session.refusal?.message ?? reason);
        // Timers run before sockets are read: after a busy turn, when thousands come at once, an init that came in time
        // lies unread. At the end of this turn it has been read.
        if (code !== CloseCode.ConnectionInitialisationTimeout) return now();
        setImmediate(() => {
          if (heard) return;
          metrics.limited('initTimeout');
          now();
        });
      },
      onMessage: (handle) =>
        webSocket.on('message', (data) => {
          if (!mayCome()) return;
          handle(String(data)).catch((error: unknown) => {
            logger.error({ error: error instanceof Error ? error.stack : String(error) }, 'a message failed');
            end(1011, 'Internal server error');
          });
        }),
      // A ping that brings a token asks for its renewal; any other gets its payload back.
      async onPing(payload) {
        const { jsonDepth } = parts.limits;
        if (isTooDeep(payload, jsonDepth)) return turnAway(limitExceeded('jsonDepth', jsonDepth, jsonDepth + 1));
        session.write(pong(await renewal(session, payload, parts)));
      },
      onPong: () => hearing.ponged(),
    },
    session,
  );

  let alive = true;
  webSocket.on('message', () => {
    heard = true;
    alive = true;
  });
  const beat = setInterval(() => {
    if (outlet.isStuck()) return webSocket.terminate();
    // A full socket has no room for a ping: as long as it drains, someone reads.
    if (outlet.drained()) return;
    if (!alive) return webSocket.terminate();
    alive = false;
    session.ping(ping(session.live));
  }, parts.heartbeat);

  const connection: Connection = {
    viewer: () => session.viewer,
    source: session.source,
    waiting: () => outlet.waiting(),
    turnAway: (why) => end(1013, why),
    expel,
    retire: () => end(1001, 'Going away'),
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

/** A renewal is by its token alone. */
const nothing = { headers: {}, url: '', payload: null };

async function renewal(session: Session, payload: Payload, parts: WebSocketParts): Promise<object | undefined> {
  if (payload?.Authorization === undefined && payload?.authorization === undefined) return payload;
  const { identity, audit } = parts;
  const verify = async () => identity.authenticate({ ...nothing, authorization: authorizationIn(payload) });
  return renew(session, verify, audit);
}

const pong = (payload: object | undefined) => JSON.stringify({ type: 'pong', payload });

/** A close reason has room for 123 bytes (RFC 6455, section 5.5). */
function shortened(reason: string | undefined): string | undefined {
  if (reason === undefined || Buffer.byteLength(reason) <= 123) return reason;
  return Buffer.from(reason)
    .subarray(0, 120)
    .toString()
    .replace(/\uFFFD*$/, '');
}

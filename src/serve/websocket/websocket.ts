import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { handleProtocols, makeServer } from 'graphql-ws';
import { WebSocket, WebSocketServer } from 'ws';
import { Fault } from '../../event/faults.js';
import { nobody } from '../../graphql/viewer.js';
import { rawAnswer, retryAfter } from '../answer.js';
import type { Connections } from '../connection/connections.js';
import { pathOf } from '../identity/identify.js';
import type { Admission, Place } from '../limits/admission.js';
import { endWith } from '../port/last-word.js';
import { whyTooLong } from '../port/long-headers.js';
import { declineUpgrade, isOtherUpgrade } from '../port/other-upgrade.js';
import { tellRefused } from '../refused.js';
import { type ConversationParts, conversationOptions } from './conversation.js';
import { acceptableOffer } from './extensions.js';
import { WebSocketWire, type WireParts } from './wire.js';

export interface WebSocketParts extends WireParts, ConversationParts {
  readonly connections: Connections;
  readonly admission: Admission;
  /** `/graphql` below the base path. */
  readonly graphqlPath: string;
  /** Offer permessage-deflate. */
  readonly compression: boolean;
  readonly limits: WireParts['limits'] & ConversationParts['limits'] & { readonly headerBytes: number };
  /** True from the moment the replica retires. */
  readonly retiring: () => boolean;
}

/** Frames of one message, or chunks in which it came. */
const mostPieces = 1_024;
/** Milliseconds a peer may take to answer a close. */
const closeTimeout = 5_000;

/**
 * `graphql-transport-ws` on `/graphql`: handshakes. What is said on a socket is graphql-ws's (`conversation.ts`); frames of
 * streams go past it, straight to the socket (`wire.ts`).
 */
export function serveWebSockets(server: Server, parts: WebSocketParts): void {
  const { identity, admission, connections, limits, graphqlPath } = parts;
  const { metrics, logger } = parts.observers;
  const sockets = new WebSocketServer({
    noServer: true,
    WebSocket: Spoken,
    maxPayload: limits.messageBytes,
    // A message in pieces of a byte each takes a hundred times its size.
    maxFragments: mostPieces,
    maxBufferedChunks: mostPieces,
    // One message of a socket in each turn of the event loop: two hundred that came at once are 50 ms in which nobody
    // else's events leave.
    allowSynchronousEvents: false,
    // Not in its types yet.
    ...({ closeTimeout } as object),
    // No context is taken over: so a message is compressed once for all sockets, and none keeps one.
    perMessageDeflate: parts.compression && { serverNoContextTakeover: true, clientNoContextTakeover: true },
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  const protocol = makeServer<Record<string, unknown>, WebSocketWire>(conversationOptions(parts));

  function placeFor(request: IncomingMessage): Place | Fault {
    try {
      return admission.enter(request);
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
  }

  function failed(error: Error & { code?: string }): void {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') metrics.limited('messageBytes');
    logger.debug({ error: error.message }, 'a WebSocket failed');
  }

  function open(webSocket: Spoken, request: IncomingMessage, place: Place): void {
    const peer = { transport: 'websocket', address: admission.addressOf(request), stream: randomUUID() } as const;
    const wire = connections.attach(
      place,
      peer,
      nobody,
      (connection) => new WebSocketWire(connection, webSocket, request, parts),
    );
    webSocket.wire = wire;
    webSocket.ended = protocol.opened(wire, wire);
    webSocket.on('ping', heardFrame);
    webSocket.on('pong', heardFrame);
    webSocket.on('message', heard);
    webSocket.on('close', closed);
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isOtherUpgrade(request, socket)) return declineUpgrade(server, request, socket, head);
    socket.on('error', destroyed);
    const why = refusal(request);
    if (why !== null) return endWith(socket, rawAnswer(why));
    if (parts.retiring()) return endWith(socket, comeBack());
    const tooLong = whyTooLong(request, limits.headerBytes);
    if (tooLong) {
      metrics.limited('headerBytes');
      return endWith(socket, rawAnswer(tooLong));
    }
    const offer = acceptableOffer(request.headers['sec-websocket-extensions'] ?? '');
    if (offer === undefined) delete request.headers['sec-websocket-extensions'];
    else request.headers['sec-websocket-extensions'] = offer;
    const place = placeFor(request);
    if (place instanceof Fault) metrics.limited(String(place.details.limit));
    else socket.on('close', leave(place));
    // `connectRate` is told before the handshake: of those there are too many.
    if (place instanceof Fault && place.details.limit === 'connectRate') return endWith(socket, comeBack());
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', failed);
      if (place instanceof Fault) webSocket.close(1013, place.message);
      else open(webSocket, request, place);
    });
  });

  /** Why a handshake is refused whoever comes; null for any other. */
  function refusal(request: IncomingMessage): number | Fault | null {
    // The path is mostly just this, and parsing it is a twentieth of a handshake.
    if (request.url !== graphqlPath && pathOf(request) !== graphqlPath) return 404;
    const refused = identity.origins.refusalOf(request);
    if (refused)
      tellRefused(parts.observers, { transport: 'websocket', address: admission.addressOf(request) }, refused);
    return refused;
  }
}

/** A WebSocket that knows its wire, so that those who listen to it are functions of their own: as closures they are 200 bytes of each. */
class Spoken extends WebSocket {
  wire: WebSocketWire | null = null;
  ended: ((code: number, reason: string) => Promise<void>) | null = null;

  override close(code?: number, reason?: string | Buffer): void {
    const { _closeFrameSent: said, _closeFrameReceived: answered } = this as unknown as Record<string, boolean>;
    // Ended as ws does it, each socket is ended twice more by its other end's FIN, and each time Node makes an error that
    // nobody hears: half of what a close costs, where thousands are closed at once.
    if (this.readyState === this.CLOSING && said && answered) this.terminate();
    else super.close(code, reason);
  }
}

function heardFrame(this: WebSocket): void {
  (this as Spoken).wire?.heardFrame();
}

function heard(this: WebSocket, data: Buffer): void {
  (this as Spoken).wire?.heard(data);
}

function closed(this: WebSocket, code: number, reason: Buffer): void {
  const { wire, ended } = this as Spoken;
  wire?.connection.closed();
  void ended?.(code, String(reason));
}

const comeBack = (): string => rawAnswer(503, { 'Retry-After': retryAfter() });

/** A function of its own, for the same reason as `destroyed`: made where the request is, it would keep it. */
const leave = (place: Place) => () => place.leave();

/** A listener without a closure: as long as the socket, that would keep the request with all its headers. */
function destroyed(this: Duplex): void {
  this.destroy();
}

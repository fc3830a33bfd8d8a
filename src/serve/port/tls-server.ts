import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { Socket } from 'node:net';
import { boundResets, resetOptions } from './streams.js';
import type { KeyPair } from './tls-pair.js';

export type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** A port with TLS. To the gateway it is an HTTP server like any other, with a certificate that can be changed. */
export interface SecureServer extends Server, Pick<Http2SecureServer, 'setSecureContext'> {
  /**
   * Tells who speaks HTTP/2 to come by another connection; what runs goes on. Who comes anew is answered, and told too.
   *
   * What is on its way at that moment is refused, and may be asked again. A GOAWAY before it that refuses nothing (RFC 9113,
   * section 6.8) would make it wait for nothing: after any GOAWAY nghttp2 takes no stream more, and without streams it does
   * not even read.
   */
  goAway(): void;
}

export interface Patience {
  /** Streams of one connection at once. */
  readonly streams: number;
  /** Milliseconds. */
  readonly heartbeat: number;
  /** Milliseconds in which a request must have come whole. */
  readonly requestTimeout: number;
  /** Milliseconds that a connection is kept on which nothing is asked. Default 75000. */
  readonly keepAliveTimeout?: number;
  /** Bytes of headers that are read of a request. Default: Node's. */
  readonly maxHeaderSize?: number;
}

/** Heartbeats that may pass without a byte from a client that is asked for one at each of them. */
const patience = 5;

/** Node's own. */
const usualListSize = 65_535;

/** Milliseconds. */
const handshakeTimeout = 10_000;

/**
 * One port that speaks HTTP/2 and, with whoever does not, HTTP/1.1: WebSockets, older clients. All of its streams of
 * HTTP/2 go to `listener` as requests of HTTP/1.1 would. `setSecureContext` changes the certificate for whoever
 * connects from then on.
 */
export function tlsServer(
  pair: KeyPair,
  { streams, heartbeat, requestTimeout, keepAliveTimeout = 75_000, maxHeaderSize = 0 }: Patience,
  listener: Listener,
): SecureServer {
  // Which clients keep to themselves: what is longer they do not send.
  const settings = { maxConcurrentStreams: streams, maxHeaderListSize: Math.max(maxHeaderSize, usualListSize) };
  const bounds = resetOptions(streams);
  const server = createSecureServer({ ...pair, allowHTTP1: true, handshakeTimeout, settings, ...bounds });
  // http.Server's own default, which an HTTP/2 server does not give to its older clients.
  Object.assign(server, { requireHostHeader: true });
  server.on('request', (request, response) => {
    if (request.httpVersionMajor === 2) {
      likeHttp1(request, response);
      endsWithin(requestTimeout, request);
    }
    listener(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });

  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const sessions = new Set<ServerHttp2Session>();
  let goesAway = false;
  server.on('session', (session) => {
    sessions.add(session);
    if (goesAway) session.once('stream', () => session.close());
    const stops = [watch(session, heartbeat), closeWhenIdle(session, keepAliveTimeout)];
    boundResets(session, streams);
    session.on('close', () => {
      sessions.delete(session);
      for (const stop of stops) stop();
    });
  });

  const close = server.close.bind(server);
  return Object.assign(server, {
    goAway() {
      goesAway = true;
      for (const session of sessions) session.close();
    },
    /** Takes no new requests, on old connections either; what runs goes on. */
    close(done?: () => void) {
      for (const session of sessions) session.close();
      return close(done);
    },
    closeAllConnections() {
      for (const socket of sockets) socket.destroy();
    },
  }) as unknown as SecureServer;
}

/** A session without streams is kept for so many milliseconds, as HTTP/1.1 does: its pings would else keep it for ever. */
function closeWhenIdle(session: ServerHttp2Session, keepAliveTimeout: number): () => void {
  let running = 0;
  const wait = () => setTimeout(() => session.close(), keepAliveTimeout);
  let waiting = wait();
  session.on('stream', (stream) => {
    if (running++ === 0) clearTimeout(waiting);
    stream.on('close', () => {
      // With the session they all close: a timer of it would keep the process.
      if (--running === 0 && !session.destroyed) waiting = wait();
    });
  });
  return () => clearTimeout(waiting);
}

/** To TCP, a peer that has vanished is alive for minutes. */
function watch(session: ServerHttp2Session, heartbeat: number): () => void {
  let before = -1;
  let beats = 0;
  const beat = setInterval(() => {
    // Its 'close' comes only with that of its socket.
    if (session.destroyed) return;
    const { bytesRead } = session.socket;
    beats = bytesRead === before ? beats + 1 : 0;
    before = bytesRead;
    if (beats >= patience) return session.destroy();
    session.ping(() => undefined);
  }, heartbeat);
  return () => clearInterval(beat);
}

/**
 * Node has this for HTTP/1.1 only: a body that never ends would hold its stream as long as its connection lives. Whoever reads it
 * has answered that it came too late.
 */
function endsWithin(requestTimeout: number, request: Http2ServerRequest): void {
  const { stream } = request;
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 2 * requestTimeout);
  for (const event of ['end', 'close']) request.on(event, () => clearTimeout(timer));
}

/**
 * Node's HTTP/2 requests are HTTP/1.1's but for a few things. Made alike here, nobody behind has to know: the headers
 * have a host and no pseudo-headers, which are no names to `Headers`; and a response says whether it is gone.
 */
function likeHttp1(request: Http2ServerRequest, response: Http2ServerResponse): void {
  const regular = Object.entries(request.headers).filter(([name]) => !name.startsWith(':'));
  // Where both are there, RFC 9113 (8.3.1) goes by the authority, and so must everybody: a page's own origin is compared with it.
  const headers = Object.fromEntries([...regular, ['host', request.authority]]);
  Object.defineProperty(request, 'headers', { value: headers });
  const { stream } = response;
  Object.defineProperty(response, 'destroyed', { get: () => stream.destroyed });
}

import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { execute, type ExecutionArgs, GraphQLError, parse } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type ServerOptions, type SubscribePayload } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { Fault, limitExceeded } from '../event/faults.js';
import type { Engine, Opened } from '../graphql/engine.js';
import { nobody, type Viewer } from '../graphql/viewer.js';
import type { Frame } from '../hub/frame.js';
import type { Subscription } from '../hub/subscription.js';
import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import { bearer } from './authenticate.js';
import { Ending } from './ending.js';
import { nextMessage } from './frames.js';
import { type Identity, identify, urlOf } from './identify.js';
import { backlogOf } from './outlet.js';
import type { Connection } from './retire.js';
import { atExpiry } from './expiry.js';

export interface WebSocketParts {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly connections: Set<Connection>;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly heartbeat: number;
  readonly limits: {
    readonly subscriptionsPerSocket: number;
    readonly connections: number;
    readonly messageBytes: number;
    readonly socketBuffer: number;
    readonly initTimeout: number;
  };
  /** True from the moment the replica retires. */
  readonly retiring: () => boolean;
}

/** What belongs to one socket beside the library's own state. */
interface Extra {
  readonly request: IncomingMessage;
  readonly live: Map<string, Subscription>;
  viewer: Viewer;
  /** Why the socket must close instead of being acknowledged. */
  refusal: Fault | null;
}

/** A ping's payload stays below this: clients echo it in their pong. */
const maxPingBytes = 32 * 1024;

/** `graphql-transport-ws` on `/graphql`. The protocol is graphql-ws's; frames of streams go past it, straight to the socket. */
export function serveWebSockets(server: Server, parts: WebSocketParts): void {
  const { identity, connections, limits, logger, metrics } = parts;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });
  const protocol = makeServer<Record<string, unknown>, Extra>(protocolOptions(parts));

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const refuse = (status: string) => socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    if (urlOf(request).pathname !== '/graphql') return refuse('404 Not Found');
    if (!identity.origins.allows(request)) return refuse('403 Forbidden');
    if (parts.retiring()) return refuse('503 Service Unavailable');
    sockets.handleUpgrade(request, socket, head, (webSocket) => opened(webSocket, request, socket));
  });

  function opened(webSocket: WebSocket, request: IncomingMessage, socket: Duplex) {
    webSocket.on('error', (error) => logger.debug({ error: error.message }, 'a WebSocket failed'));
    if (connections.size >= limits.connections) return webSocket.close(1013, 'connections');
    const extra: Extra = { request, live: new Map(), viewer: nobody, refusal: null };
    const backlog = backlogOf(socket, limits.socketBuffer);
    const send = (text: string) =>
      new Promise<void>((resolve) => (webSocket.readyState === webSocket.OPEN ? webSocket.send(text, () => resolve()) : resolve()));
    outlets.set(extra, {
      write: (id, frame) => {
        if (webSocket.readyState === webSocket.OPEN) webSocket.send(nextMessage(id, frame));
      },
      drained: backlog.drained,
    });
    const closed = protocol.opened(
      {
        protocol: webSocket.protocol,
        send,
        close: (code, reason) => {
          const { refusal } = extra;
          if (refusal) webSocket.close(refusal.close ?? code, shortened(refusal.message));
          else webSocket.close(code, shortened(reason));
        },
        onMessage: (handle) =>
          webSocket.on('message', (data) =>
            handle(String(data)).catch((error: unknown) => {
              logger.error({ error: error instanceof Error ? error.stack : String(error) }, 'a message failed');
              webSocket.close(1011, 'Internal server error');
            }),
          ),
        onPong: () => undefined,
      },
      extra,
    );
    let alive = true;
    const beat = setInterval(() => {
      if (!alive || backlog.drained()) return alive ? undefined : webSocket.terminate();
      alive = false;
      if (webSocket.readyState === webSocket.OPEN) webSocket.send(ping(extra));
    }, parts.heartbeat);
    webSocket.on('message', () => {
      alive = true;
    });
    const expiry = atExpiry(() => webSocket.close(CloseCode.Forbidden, 'The token has expired'));
    expiries.set(extra, expiry.set);
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
      for (const subscription of extra.live.values()) subscription.close();
      void closed(code, String(reason));
    });
  }
}

/** Per socket, what its streams write to and what its token's end calls. */
const outlets = new WeakMap<Extra, { write(id: string, frame: Frame): void; drained(): Promise<void> | null }>();
const expiries = new WeakMap<Extra, (at: number | null) => void>();

function protocolOptions({ engine, identity, limits }: WebSocketParts): ServerOptions<Record<string, unknown>, Extra> {
  /** What `onSubscribe` opened, until `subscribe` or `execute` is asked for it. */
  const opened = new WeakMap<object, Opened>();

  return {
    schema: engine.schema,
    connectionInitWaitTimeout: limits.initTimeout,
    async onConnect({ connectionParams, extra }) {
      try {
        const given = connectionParams?.['Authorization'] ?? connectionParams?.['authorization'];
        const token = bearer(given);
        extra.viewer = token ? await identity.authenticate(token) : await identify(extra.request, identity);
        expiries.get(extra)?.(extra.viewer.expiresAt);
        return true;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        extra.refusal = error;
        return false;
      }
    },
    async onSubscribe({ extra, subscriptions }, id, payload) {
      const count = Object.keys(subscriptions).length;
      if (count > limits.subscriptionsPerSocket) {
        const fault = limitExceeded('subscriptionsPerSocket', limits.subscriptionsPerSocket, count);
        return [new GraphQLError(fault.message, { extensions: fault.extensions })];
      }
      const request = requestOf(payload);
      if (request instanceof GraphQLError) return [request];
      const result = await engine.open({ ...request, viewer: extra.viewer });
      if (result.kind === 'errors') return [...result.errors];
      const args: ExecutionArgs & { id: string } = {
        schema: engine.schema,
        document: parse(payload.query),
        operationName: payload.operationName,
        contextValue: extra,
        id,
      };
      opened.set(args, result);
      return args;
    },
    subscribe(args) {
      const result = opened.get(args);
      const { id, contextValue: extra } = args as unknown as { id: string; contextValue: Extra };
      if (result?.kind === 'iterable') return result.results;
      if (result?.kind === 'result') return result.result;
      if (result?.kind !== 'stream') throw new Error('an operation was subscribed that was not opened');
      const ending = new Ending(() => {
        extra.live.get(id)?.close();
        extra.live.delete(id);
      });
      const outlet = outlets.get(extra);
      const subscription = result.start({
        write: (frame) => outlet?.write(id, frame),
        drained: () => outlet?.drained() ?? null,
        fail(fault) {
          extra.live.delete(id);
          ending.fail(fault);
        },
      });
      extra.live.set(id, subscription);
      return ending;
    },
    execute(args) {
      const result = opened.get(args);
      return result?.kind === 'result' ? result.result : execute(args);
    },
  };
}

function requestOf(payload: SubscribePayload) {
  const { query, operationName, variables, extensions } = payload;
  if (typeof query !== 'string') return new GraphQLError('The payload needs a query.', { extensions: { code: 'BAD_REQUEST' } });
  return { query, operationName, variables, extensions };
}

/** Every heartbeat brings each stream a cursor, so that also a quiet one resumes where it is. */
function ping({ live }: Extra): string {
  const cursors: Record<string, string> = {};
  const gaps: Record<string, unknown> = {};
  let bytes = 0;
  for (const [id, subscription] of live) {
    const cursor = subscription.cursor();
    bytes += id.length + cursor.length + 8;
    if (bytes > maxPingBytes) break;
    cursors[id] = cursor;
    if (subscription.gap) gaps[id] = subscription.gap;
  }
  if (live.size === 0) return '{"type":"ping"}';
  return JSON.stringify({ type: 'ping', payload: { cursors, ...(Object.keys(gaps).length > 0 ? { gaps } : {}) } });
}

/** A close reason has room for 123 bytes (RFC 6455, section 5.5). */
function shortened(reason: string | undefined): string | undefined {
  if (reason === undefined || Buffer.byteLength(reason) <= 123) return reason;
  return Buffer.from(reason).subarray(0, 120).toString().replace(/\uFFFD*$/, '');
}

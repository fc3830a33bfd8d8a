import {
  type Asked,
  defaultSilence,
  type Failure,
  Operation,
  type Result,
  type Resuming,
  type Told,
} from './operation.js';
import { authorizationIn, renewing } from './renewal.js';

/** The options of graphql-ws's `createClient` that this place adds to. */
interface WebSocketOptions {
  readonly url: unknown;
  readonly connectionParams?: unknown;
  readonly on?:
    | {
        connected?(socket: unknown, payload: unknown, wasRetry: boolean): void;
        opened?(socket: unknown): void;
        message?(message: unknown): void;
        closed?(event: unknown): void;
      }
    | undefined;
  jsonMessageReplacer?(this: unknown, key: string, value: unknown): unknown;
  shouldRetry?(errorOrCloseEvent: unknown): boolean;
}

/** A browser's WebSocket, as far as it is used here. */
interface Socket {
  onmessage: unknown;
  onerror: unknown;
  onclose: ((event: object) => void) | null;
  close(code: number, reason: string): void;
  send(text: string): void;
}

type Message =
  | { readonly type: 'subscribe'; readonly id: string; readonly payload: Asked }
  | { readonly type: 'next'; readonly id: string; readonly payload: Result }
  | { readonly type: 'error'; readonly id: string; readonly payload: readonly Failure[] }
  | { readonly type: 'complete'; readonly id: string }
  | { readonly type: 'ping'; readonly payload?: Heartbeat }
  | { readonly type: 'connection_init' | 'connection_ack' | 'pong' };

interface Heartbeat {
  readonly cursors?: Readonly<Record<string, string>>;
  readonly gaps?: Readonly<Record<string, Told>>;
}

/**
 * Options for graphql-ws's `createClient`, with which every operation of that client goes on where it was after a
 * disconnect, on any replica: no event is lost, none is shown twice, and whoever uses the client sees nothing of it.
 *
 *     const client = createClient(resumingWebSocket({ url, connectionParams: async () => ({ Authorization: … }) }));
 *
 * When `connectionParams` is a function, it is asked for a new token before the old one ends, and nothing has to connect
 * again. For one client: make new options for another. Options that are given stay; only `shouldRetry` gets another default,
 * for graphql-ws takes the first refused connection for the end.
 */
export function resumingWebSocket<Options extends WebSocketOptions>(
  options: Options,
  resuming: Resuming = {},
): Options {
  const { on, connectionParams: given, jsonMessageReplacer: replace } = options;
  const operations = new Map<string, { operation: Operation; socket: Socket | null }>();
  let socket: Socket | null = null;
  /** The socket that the newest operation was sent on. */
  let carrying: Socket | null = null;
  let watch: ReturnType<typeof setTimeout> | undefined;
  let authorization: unknown;
  let stopRenewing = () => {};

  function alive() {
    clearTimeout(watch);
    watch = setTimeout(abandon, resuming.silence ?? defaultSilence);
  }

  /** Nobody answers on a dead connection, so waiting for its close would take as long again. */
  function abandon() {
    if (!socket) return;
    const reason = 'Silent for too long';
    const { onclose } = socket;
    socket.onclose = null;
    socket.onerror = null;
    socket.close(4499, reason);
    onclose?.({ code: 4499, reason, wasClean: false });
  }

  /** What a dead socket still brings must not come between: its successor brings it again. */
  function fence() {
    clearTimeout(watch);
    stopRenewing();
    if (socket) socket.onmessage = null;
    socket = null;
  }

  function sending(message: Message): Message {
    if (message.type === 'subscribe') {
      const { id, payload } = message;
      // graphql-ws serializes an operation anew, under the same id, on each connection.
      const operation = operations.get(id)?.operation ?? new Operation(payload, resuming);
      operations.set(id, { operation, socket });
      carrying = socket;
      return { ...message, payload: operation.request() };
    }
    if (message.type === 'complete') operations.delete(message.id);
    return message;
  }

  function received(message: Message) {
    alive();
    if (message.type === 'ping') return heartbeat(message.payload ?? {});
    if (!('id' in message)) return;
    const operation = operations.get(message.id)?.operation;
    if (message.type === 'next') return operation?.shown(message.payload);
    if (message.type === 'error') operation?.failed(message.payload);
    operations.delete(message.id);
  }

  function heartbeat({ cursors = {}, gaps = {} }: Heartbeat) {
    for (const [id, known] of operations) {
      // An operation that was left while there was no connection, so that no `complete` was sent, is forgotten here. On a socket
      // without any operation yet all are still to come: graphql-ws sends them in one go, once the connection is acknowledged.
      if (known.socket !== socket && socket === carrying) operations.delete(id);
      else known.operation.heartbeat(cursors[id], gaps[id]);
    }
  }

  /** Before the token ends: a `ping` that brings its successor keeps the connection, and all that runs on it. */
  function renew(connected: Socket) {
    if (typeof given !== 'function') return;
    const bring = (next: string) => connected.send(JSON.stringify({ type: 'ping', payload: { Authorization: next } }));
    stopRenewing = renewing(authorization, () => authorizationIn(given), bring);
  }

  return {
    shouldRetry: () => true,
    ...options,
    ...(typeof given === 'function'
      ? {
          async connectionParams() {
            const params = await given();
            authorization = await authorizationIn(params);
            return params;
          },
        }
      : {}),
    jsonMessageReplacer(this: unknown, key: string, value: unknown) {
      const sent = key === '' && isMessage(value) ? sending(value) : value;
      return replace ? replace.call(this, key, sent) : sent;
    },
    on: {
      ...on,
      opened(opened: unknown) {
        fence();
        socket = opened as Socket;
        alive();
        on?.opened?.(opened);
      },
      connected(connected: unknown, payload: unknown, wasRetry: boolean) {
        renew(connected as Socket);
        on?.connected?.(connected, payload, wasRetry);
      },
      message(message: unknown) {
        received(message as Message);
        on?.message?.(message);
      },
      closed(event: unknown) {
        fence();
        on?.closed?.(event);
      },
    },
  };
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'type' in value;
}

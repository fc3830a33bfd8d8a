import {
  type Asked,
  defaultSilence,
  type Failure,
  type Operation,
  operationOf,
  passes,
  type Result,
  type Resuming,
  type Told,
} from './operation.js';
import { type Limits, type Outbox, outboxOf } from './outbox.js';
import { authorizationIn, type Refusable, renewing } from './renewal.js';
import { type Closed, type Conversation, type Socket, type SocketClass, socketOver, unreadable } from './socket.js';
import type { Line } from './status.js';
import { pause } from './waking.js';

/** The options of graphql-ws's `createClient` that this place adds to. */
interface WebSocketOptions {
  readonly url: unknown;
  readonly connectionParams?: unknown;
  readonly webSocketImpl?: unknown;
  jsonMessageReplacer?(this: unknown, key: string, value: unknown): unknown;
  jsonMessageReviver?(this: unknown, key: string, value: unknown): unknown;
  shouldRetry?(errorOrCloseEvent: unknown): boolean;
  retryWait?(retries: number): Promise<void>;
  readonly retryAttempts?: number;
  readonly on?: { connecting?: ((isRetry: boolean) => void) | undefined } | undefined;
}

type Sent = { readonly type: 'subscribe' | 'complete'; readonly id: string; readonly payload: Asked };

/** What a server says, as far as it is read here. */
type Message = { readonly id: string } & (
  | { readonly type: 'next'; readonly payload: Result }
  | { readonly type: 'error'; readonly payload: readonly Failure[] }
  | { readonly type: 'complete'; readonly payload?: undefined }
  | { readonly type: 'ping'; readonly payload?: Heartbeat }
  | { readonly type: 'connection_ack'; readonly payload?: { readonly limits?: Limits } }
);

interface Heartbeat {
  readonly cursors?: Readonly<Record<string, string>>;
  readonly gaps?: Readonly<Record<string, Told>>;
}

/**
 * Options for graphql-ws's `createClient`, with which every operation of that client goes on where it was after a
 * disconnect, on any replica: no event is lost, none is shown twice, and whoever uses the client sees nothing of it.
 *
 *     const client = createClient(resumingWebSocket({ url, connectionParams: tokenSource(…).headers }));
 *
 * It comes back for as long as it is wanted, after at most 10 s, and sooner when the network or the page is back. What the
 * socket has no room for waits, and what a server turns away for now is asked for again. When `connectionParams` is a
 * function, it is asked for a new token before the old one ends, and nothing has to connect again; a token that was
 * refused is not sent again. For one client: make new options for another. Options that are given stay.
 */
export function resumingWebSocket<Options extends WebSocketOptions>(
  options: Options,
  resuming: Resuming = {},
): Options {
  const { connectionParams: given, jsonMessageReplacer: replace, jsonMessageReviver: revive } = options;
  const Impl = options.webSocketImpl ?? globalThis.WebSocket;
  const asks = typeof given === 'function';
  /** By id, those of the last socket that had any. */
  let operations = new Map<string, Operation>();
  /** What graphql-ws is about to send. */
  let outgoing: Sent | undefined;
  let authorization: unknown;
  let refused: unknown;
  let shown: Line | undefined;
  /** Attempts since something came. */
  let failed = 0;
  let atOnce = false;
  /** How often graphql-ws has begun to wait, or to connect: only by that it is known that somebody is subscribed. */
  let begun = 0;

  function over() {
    shown?.over();
    shown = undefined;
  }

  /** Where graphql-ws does not go on within the turn: it has given up, or all subscriptions were left. */
  function overUnlessBegun(since: number) {
    setTimeout(() => since === begun && over());
  }

  function converse(socket: Socket): Conversation {
    const before = operations;
    const here = new Map<string, Operation>();
    const attempt = begun;
    let came = false;
    /** From the acknowledgement to the end. */
    let outbox: Outbox | undefined;
    let stopRenewing: (() => void) | undefined;
    shown ??= resuming.connection?.line();

    const write = (text: string) => socket.send(text);
    const begin = (id: string, operation: Operation) =>
      outbox?.begin(id, () => JSON.stringify({ id, type: 'subscribe', payload: operation.request() }, replace));

    return {
      send(text) {
        const message = outgoing;
        outgoing = undefined;
        if (!message) return write(text);
        const { id, type, payload } = message;
        if (type === 'complete') {
          here.delete(id);
          return outbox?.end(id, text);
        }
        // graphql-ws sends the same payload under the same id on each connection; a user may give an id again.
        const known = before.get(id);
        const operation = known?.asked === payload ? known : operationOf(payload, resuming);
        operations = here.set(id, operation);
        begin(id, operation);
      },

      received({ id, type, payload }: Message) {
        const operation = here.get(id);
        if (type === 'ping' || type === 'next') came = true;
        if (type === 'connection_ack') {
          outbox = outboxOf(write, payload?.limits);
          shown?.live();
          // Before the token ends: a `ping` that brings its successor keeps the connection, and all that runs on it.
          if (asks)
            stopRenewing = renewing(authorization, given as () => unknown, (next) => {
              authorization = next;
              write(JSON.stringify({ type: 'ping', payload: { Authorization: next } }));
            });
        } else if (type === 'next') operation?.shown(payload);
        else if (type === 'ping') {
          for (const [id, operation] of here) operation.heartbeat(payload?.cursors?.[id], payload?.gaps?.[id]);
        } else if (operation) {
          outbox?.end(id);
          if (payload?.every(passes))
            return pause(operation.failed++).then(() => here.get(id) === operation && begin(id, operation));
          here.delete(id);
          operation.shown({ errors: payload });
        }
      },

      closed({ code, reason }) {
        // What cannot be read may come from each that follows, behind a heartbeat: short waits would have no end.
        if (came && code !== unreadable) failed = 0;
        // One that retires, or fell silent, says nothing of how the next will fare, but where it has brought nothing either.
        atOnce = came && !!outbox && /1001|4499/.test(`${code}`);
        stopRenewing?.();
        outbox?.stop();
        outbox = undefined;
        if (code === 4403) {
          refused = authorization;
          (given as Refusable | undefined)?.refused?.(authorization);
        }
        // Left, or at fault for good.
        if (/1000|44(0[0169]|29)/.test(`${code}`)) over();
        else shown?.lost(reason || `${code}`);
        overUnlessBegun(attempt);
      },
    };
  }

  return {
    retryAttempts: 1 / 0,
    shouldRetry: (event: Partial<Closed>) => asks || event.code !== 4403,
    ...options,
    async retryWait(retries: number) {
      begun++;
      if (options.retryWait) await options.retryWait(retries);
      else if (!atOnce) await pause(failed++);
      atOnce = false;
      overUnlessBegun(begun);
    },
    on: {
      ...options.on,
      connecting(isRetry: boolean) {
        begun++;
        options.on?.connecting?.(isRetry);
      },
    },
    // Where there is none, graphql-ws says so.
    webSocketImpl: Impl && socketOver(Impl as SocketClass, resuming.silence ?? defaultSilence, converse, revive),
    connectionParams: asks
      ? async () => {
          const params = await given();
          authorization = authorizationIn(params);
          if (authorization && authorization === refused) throw new Error('Token refused');
          return params;
        }
      : given,
    jsonMessageReplacer(this: unknown, key: string, value: Sent) {
      // Of what is sent only these two have one.
      if (key === '' && value.id && value.type) outgoing = value;
      // This one is written when its turn has come.
      if (value === outgoing && value.payload) return;
      return replace ? replace.call(this, key, value) : value;
    },
  };
}

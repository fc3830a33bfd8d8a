import { type ClientOptions, createClient } from 'graphql-ws';
import type { Resuming } from '../operation.js';
import { type ConnectionStatus, connectionStatus } from '../status.js';
import type { TokenSource } from '../token-source.js';
import { resumingWebSocket } from '../web-socket.js';
import { complete, type LiveClient, type Sink, type Subscriber } from './subscriber.js';

/** The options of graphql-ws's `createClient` and of `resumingWebSocket`, and a token. */
export interface LiveOptions extends ClientOptions, Resuming {
  /** Gives the token, without `Bearer`: asked for each connection, and before the old one ends. Without it nobody is signed in. */
  readonly token?: TokenSource | (() => Promise<string> | string) | undefined;
}

/**
 * A client of graphql-ws that goes on where it was, for as long as the page is open, and tells each subscription's own
 * sink of its gaps, cursors and readiness.
 *
 *     const client = liveClient({ url: 'wss://events.example.com/graphql', token: tokenSource(fetchToken) });
 */
export function liveClient({ token, ...given }: LiveOptions): LiveClient {
  /** By request: graphql-ws sends what it was asked, the same object, on each connection. */
  const sinks = new WeakMap<object, Sink>();
  const own = given.connection ? null : connectionStatus();
  const { onGap, onCursor, onReady, connection = own as ConnectionStatus, silence, ...options } = given;
  let isDisposed = false;
  const client = createClient(
    resumingWebSocket(
      {
        ...(token ? { connectionParams: headersOf(token) } : {}),
        ...options,
      },
      {
        ...(silence === undefined ? {} : { silence }),
        connection,
        onGap(gap, asked) {
          sinks.get(asked)?.gap?.(gap);
          onGap?.(gap, asked);
        },
        onCursor(cursor, asked) {
          sinks.get(asked)?.cursor?.(cursor);
          onCursor?.(cursor, asked);
        },
        onReady(cursor, asked) {
          sinks.get(asked)?.ready?.();
          onReady?.(cursor, asked);
        },
      },
    ),
  );

  return {
    connection,
    subscribe(request, sink) {
      // graphql-ws would connect, and not come back when that is cut off.
      if (isDisposed) return complete(sink);
      const asked = { ...request };
      sinks.set(asked, sink);
      const leave = client.subscribe(asked, sink as never);
      return () => {
        sinks.delete(asked);
        leave();
      };
    },
    dispose() {
      isDisposed = true;
      own?.dispose();
      // It rejects where no connection could be made, which nobody asks for any more.
      Promise.resolve(client.dispose()).catch(() => undefined);
    },
  };
}

/** A client, or one of these options. */
export function clientOf(given: Subscriber | LiveOptions): Subscriber {
  return 'subscribe' in given ? given : liveClient(given);
}

/** A source's own, where it is one: it is then told which tokens were refused. */
function headersOf(token: TokenSource | (() => Promise<string> | string)) {
  return 'headers' in token ? token.headers : async () => ({ authorization: `Bearer ${await token()}` });
}

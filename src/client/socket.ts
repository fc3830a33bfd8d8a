import { onWake } from './waking.js';

/** A WebSocket of a browser, or of `ws`, as far as it is used here. */
export interface Socket {
  readonly readyState: number;
  onopen: unknown;
  onmessage: unknown;
  onerror: unknown;
  onclose: unknown;
  close(code?: number, reason?: string): void;
  send(text: string): void;
}

export type SocketClass = new (url: string, protocol: string) => Socket;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** What is said on one socket. */
export interface Conversation {
  send(text: string): void;
  /** Gives something when nobody else is to hear it. */
  received(message: never): unknown;
  /** Once, whoever ended it. */
  closed(event: Closed): void;
}

interface Upper {
  readonly readyState: number;
  onopen?(event: unknown): void;
  onmessage?(event: { data: unknown }): void;
  onerror?(event: unknown): void;
  onclose?: ((event: Closed) => void) | undefined;
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** Milliseconds in which a socket must show that it is alive, once the page was asleep or without network. */
const proof = 2_000;

/** With it graphql-ws closes what says something that is no message, and takes it for the end of everything. */
const badResponse = 4004;
/** Told in its place: another gateway, or another way to it, may say it as it was meant. */
export const unreadable = 4422;

/**
 * The WebSocket for graphql-ws, over another. It ends once, and at once: what the one below still brings after that is
 * dropped, for its successor brings it again, and a second end would be taken for the successor's. After so many
 * milliseconds of silence it ends by itself, because nobody answers on a dead connection.
 */
export function socketOver(
  Impl: SocketClass,
  silence: number,
  converse: (socket: Socket) => Conversation,
  revive?: (this: unknown, key: string, value: unknown) => unknown,
) {
  function connect(url: string, protocol: string): Upper {
    const socket = new Impl(url, protocol);
    const { send, received, closed } = converse(socket);
    let over = false;
    let watch: ReturnType<typeof setTimeout> | undefined;

    const upper: Upper = {
      get readyState() {
        return over ? 3 : socket.readyState;
      },
      send,
      close(code, reason) {
        end(code === badResponse ? unreadable : code, reason);
        socket.close(code, reason);
      },
    };

    function end(code: number, reason = '') {
      if (over) return;
      over = true;
      clearTimeout(watch);
      stopWaking();
      const event = { code, reason };
      // Together, and before anything connects again: who leaves when told of one must not be in between. graphql-ws does
      // not listen any more where it has terminated, and knows of it.
      queueMicrotask(() => {
        closed(event);
        upper.onclose?.(event);
      });
    }

    function speaksWithin(milliseconds: number) {
      clearTimeout(watch);
      watch = setTimeout(() => {
        end(4499, 'Silence');
        socket.close();
      }, milliseconds);
    }

    const stopWaking = onWake(() => {
      if (socket.readyState === 1) socket.send('{"type":"ping"}');
      speaksWithin(proof);
    });
    socket.onopen = (event: unknown) => over || upper.onopen?.(event);
    socket.onmessage = ({ data }: { data: string }) => {
      if (over) return;
      speaksWithin(silence);
      let message: unknown = data;
      try {
        message = JSON.parse(data, revive) ?? {};
      } catch {}
      // graphql-ws takes it parsed as well. What is no message it reports, and closes the socket.
      if (!received(message as never)) upper.onmessage?.({ data: message });
    };
    // Never null: `ws` throws what nobody listens for.
    socket.onerror = (event: { message?: string }) => {
      if (over) return;
      upper.onerror?.(event);
      end(1006, event.message);
    };
    // graphql-ws takes 1011 for the end of everything; a gateway that failed is to be asked again.
    socket.onclose = ({ code, reason }: Closed) => end(code === 1011 ? 1013 : code, reason);
    speaksWithin(silence);
    return upper;
  }
  // With its OPEN and CLOSED.
  return Object.setPrototypeOf(connect, Impl);
}

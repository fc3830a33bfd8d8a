import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import type { Frame } from '../../hub/frame.js';
import { nextBytes, nextChunk, nextEvents } from '../connection/frames.js';
import { type OutletOwner, type Sink, SocketOutlet } from '../connection/socket-outlet.js';

/** The way of one stream of server-sent events to its client. After its end everything is dropped. */
export interface EventsOut {
  /** Together with all else of this turn of the event loop. */
  next(frames: readonly Frame[]): void;
  write(text: string): void;
  /** From now on both of these drop what they are given. */
  silence(): void;
  /** `then` is called when the last has been handed to the system. */
  end(last: string, then?: () => void): void;
  /** Ends it and lets nothing more come on its connection: a browser would come back on it. */
  leave(last?: string): void;
  /** As `SocketOutlet` has them. */
  drained(): Promise<void> | null;
  isStuck(): boolean;
  waiting(): number;
}

/** A server-sent event names no operation. */
const nobody = new Uint8Array(0);

/** Null where it is HTTP/1. */
export function http2StreamOf(response: ServerResponse): ServerHttp2Stream | null {
  return response.req.httpVersionMajor === 2 ? (response as unknown as Http2ServerResponse).stream : null;
}

/** What begins every stream. HTTP/2 has no word for connections in its headers. */
export function eventHeaders(response: ServerResponse, connection: 'keep-alive' | 'close'): Record<string, string> {
  return {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
    ...(http2StreamOf(response) ? {} : { Connection: connection }),
  };
}

/** For a response whose head is written. `limit` is bytes: what may wait for the client. */
export function eventsOut(response: ServerResponse, limit: number, owner: OutletOwner): EventsOut {
  const stream = http2StreamOf(response);
  return stream ? overHttp2(stream, response, limit, owner) : overHttp1(response, limit, owner);
}

/** Past the HTTP server, straight to the socket. */
function overHttp1(response: ServerResponse, limit: number, owner: OutletOwner): EventsOut {
  const { socket, httpVersion } = response.req;
  const outlet = new SocketOutlet(socket, limit, owner);
  const write = (text: string) => outlet.isSilent() || outlet.aside(() => response.write(text));
  const end = (last: string, then = () => {}) => outlet.aside(() => response.end(last, then));
  /** HTTP/1.0 knows no chunks. */
  const isChunked = httpVersion === '1.1';
  return {
    write,
    end,
    next: (frames) => (isChunked ? outlet.write(nextChunk(frames), nobody) : write(nextEvents(frames))),
    leave: (last = '') => end(last, () => socket.destroySoon()),
    silence: () => outlet.silence(),
    drained: () => outlet.drained(),
    isStuck: () => outlet.isStuck(),
    waiting: () => outlet.waiting(),
  };
}

/** Its socket is also that of other streams, so each has a limit of its own: a tab that hangs must not park the others. */
function overHttp2(stream: ServerHttp2Stream, response: ServerResponse, limit: number, owner: OutletOwner): EventsOut {
  const sink = new StreamSink(stream);
  const outlet = new SocketOutlet(sink, limit, owner);
  const end = (last: string, then = () => {}) => outlet.aside(() => response.end(last, then));
  return {
    end,
    write: (text) => outlet.isSilent() || outlet.aside(() => sink.write(text)),
    next: (frames) => outlet.write(nextBytes(frames), nobody),
    // The other streams of the session go on until their own ends.
    leave(last = '') {
      end(last);
      stream.session?.close();
    },
    silence: () => outlet.silence(),
    drained: () => outlet.drained(),
    isStuck: () => outlet.isStuck(),
    waiting: () => outlet.waiting(),
  };
}

/** A stream does not count what it was given, as sockets do. */
class StreamSink implements Sink {
  bytesWritten = 0;
  constructor(private readonly stream: ServerHttp2Stream) {}
  get writable() {
    return this.stream.writable;
  }
  get writableLength() {
    return this.stream.writableLength;
  }
  write(bytes: Uint8Array | string, done?: () => void) {
    this.bytesWritten += bytes.length;
    return this.stream.write(bytes, done);
  }
}

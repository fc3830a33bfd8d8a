import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import type { Frame } from '../../hub/frame.js';
import { type OutletOwner, type Sink, SocketOutlet } from '../connection/socket-outlet.js';
import { nextBytes, nextChunk, nextEvents } from './events.js';

/** Who receives a stream of server-sent events: an event names no operation. */
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
  return stream ? new OverHttp2(stream, response, limit, owner) : new OverHttp1(response, limit, owner);
}

/** The way of one stream of server-sent events to its client. After its end everything is dropped. */
export abstract class EventsOut {
  protected readonly outlet: SocketOutlet;

  constructor(
    sink: Sink,
    protected readonly response: ServerResponse,
    limit: number,
    owner: OutletOwner,
    /** What takes text, past which frames go. */
    private readonly text: { write(text: string): unknown },
  ) {
    this.outlet = new SocketOutlet(sink, limit, owner);
  }

  /** Together with all else of this turn of the event loop. */
  abstract next(frames: readonly Frame[]): void;
  /** Ends it and lets nothing more come on its connection: a browser would come back on it. */
  abstract leave(): void;

  /** Behind all that was written before, now. */
  write(text: string): void {
    if (!this.outlet.isSilent()) this.outlet.aside(() => void this.text.write(text));
  }

  end(last: string): void {
    this.outlet.aside(() => this.response.end(last));
  }

  /** From now on `next` and `write` drop what they are given. */
  silence(): void {
    this.outlet.silence();
  }

  // As `SocketOutlet` has them.

  drained(): Promise<void> | null {
    return this.outlet.drained();
  }

  isStuck(): boolean {
    return this.outlet.isStuck();
  }

  waiting(): number {
    return this.outlet.waiting();
  }
}

/** Past the HTTP server, straight to the socket. */
class OverHttp1 extends EventsOut {
  constructor(response: ServerResponse, limit: number, owner: OutletOwner) {
    super(response.req.socket, response, limit, owner, response);
  }

  next(frames: readonly Frame[]): void {
    // HTTP/1.0 knows no chunks.
    if (this.response.req.httpVersion === '1.1') this.outlet.write(nextChunk(frames), nobody);
    else this.write(nextEvents(frames));
  }

  leave(): void {
    const { socket } = this.response.req;
    // When the last has been handed to the system.
    this.outlet.aside(() => this.response.end(() => socket.destroySoon()));
  }
}

/** Its socket is also that of other streams, so each has a limit of its own: a tab that hangs must not park the others. */
class OverHttp2 extends EventsOut {
  constructor(
    private readonly stream: ServerHttp2Stream,
    response: ServerResponse,
    limit: number,
    owner: OutletOwner,
  ) {
    const sink = new StreamSink(stream);
    super(sink, response, limit, owner, sink);
  }

  next(frames: readonly Frame[]): void {
    this.outlet.write(nextBytes(frames), nobody);
  }

  /** The other streams of the connection go on until their own ends. */
  leave(): void {
    this.end('');
    this.stream.session?.close();
  }
}

/** An HTTP/2 stream as a sink: it does not count what it was given, as sockets do. */
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

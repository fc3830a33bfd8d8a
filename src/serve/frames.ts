import { constants, deflateRawSync } from 'node:zlib';
import type { Frame } from '../hub/frame.js';
import type { Prepared } from './outlet.js';

/**
 * What a transport makes of a frame, made once: a group hands the same frame to all its seats, one right after the
 * other, so the last one is all there is to remember.
 */
function once<T>(make: (frame: Frame) => T): (frame: Frame) => T {
  let last: Frame | null = null;
  let made: T;
  return (frame) => {
    if (frame !== last) made = make(frame);
    last = frame;
    return made;
  };
}

/** An operation's id as it stands in its messages. */
export const idBytes = (id: string): Uint8Array => Buffer.from(JSON.stringify(id));

const before = Buffer.from('{"id":');
const after = once((frame) => Buffer.from(`,"type":"next","payload":${frame.payload}}`));
/** Ends on a whole byte with four that permessage-deflate leaves out (RFC 7692, section 7.2.1). */
const afterDeflated = once((frame) =>
  deflateRawSync(after(frame), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4),
);
const messages = once(() => new Map<number, Prepared>());
const deflatedMessages = once(() => new Map<number, Prepared>());

/**
 * A graphql-transport-ws `next` message as a whole WebSocket frame, with a hole for an id of so many bytes. `compress`
 * only where permessage-deflate was agreed on, without context takeover.
 */
export function nextMessage(frame: Frame, idLength: number, compress: boolean): Prepared {
  const known = (compress ? deflatedMessages : messages)(frame);
  let prepared = known.get(idLength);
  if (!prepared) {
    const hole = Buffer.alloc(idLength);
    prepared = (compress && inDeflated(hole, frame)) || webSocketFrame([before, hole, after(frame)], 0);
    known.set(idLength, prepared);
  }
  return prepared;
}

/**
 * The id in a stored block, which is its bytes as they are, and the rest in a block that is the same for all. Null when
 * that saves nothing.
 */
function inDeflated(hole: Buffer, frame: Frame): Prepared | null {
  const stored = before.length + hole.length;
  const rest = afterDeflated(frame);
  if (stored > 0xffff || 5 + rest.length >= after(frame).length) return null;
  const block = Buffer.alloc(5);
  block.writeUInt16LE(stored, 1);
  block.writeUInt16LE(0xffff - stored, 3);
  return webSocketFrame([block, before, hole, rest], 0x40);
}

/** The id's hole is the last but one of the parts. */
function webSocketFrame(parts: readonly Uint8Array[], rsv1: number): Prepared {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(length < 126 ? 2 : length < 0x10000 ? 4 : 10);
  head[0] = 0x81 | rsv1;
  head[1] = length;
  if (head.length === 4) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else if (head.length === 10) {
    head[1] = 127;
    head.writeUIntBE(length, 4, 6);
  }
  const [hole, last] = parts.slice(-2) as [Uint8Array, Uint8Array];
  return { bytes: Buffer.concat([head, ...parts]), hole: head.length + length - last.length - hole.length };
}

/** The same event over SSE. JSON holds no line break, so one data line is enough. */
export const nextEvent = once((frame) => `id: ${frame.cursor}\nevent: next\ndata: ${frame.payload}\n\n`);

/** Its bytes. It names nobody. */
export const nextBytes = once((frame): Prepared => ({ bytes: Buffer.from(nextEvent(frame)), hole: 0 }));

/** The event as a chunk of HTTP/1.1's chunked encoding. It names nobody. */
export const nextChunk = once((frame): Prepared => {
  const event = Buffer.from(nextEvent(frame));
  const bytes = Buffer.concat([Buffer.from(`${event.length.toString(16)}\r\n`), event, Buffer.from('\r\n')]);
  return { bytes, hole: 0 };
});

/** An event that a resolver made, not the log: it has no cursor. */
export function resultEvent(result: object): string {
  return `event: next\ndata: ${JSON.stringify(result)}\n\n`;
}

/** Browsers take an `id` that stands alone as their Last-Event-ID, and show nothing. */
export function cursorEvent(cursor: string): string {
  return `id: ${cursor}\n\n`;
}

/** graphql-sse's client wants the data line, empty or not. */
export const completeEvent = 'event: complete\ndata: \n\n';

/** Keeps proxies from closing a quiet stream. */
export const commentEvent = ':\n\n';

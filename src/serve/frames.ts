import { constants, deflateRawSync } from 'node:zlib';
import type { Frame } from '../hub/frame.js';
import type { Prepared } from './outlet.js';

/**
 * What a transport makes of frames, made once: a group hands the same list to all its seats, one right after the other,
 * so the last one is all there is to remember.
 */
function once<F, T>(make: (frames: F) => T): (frames: F) => T {
  let last: F | null = null;
  let made: T;
  return (frames) => {
    if (frames !== last) made = make(frames);
    last = frames;
    return made;
  };
}

type Frames = readonly Frame[];

function joined(all: readonly Prepared[]): Prepared {
  if (all.length === 1) return all[0] as Prepared;
  const holes: number[] = [];
  let length = 0;
  for (const prepared of all) {
    for (const hole of prepared.holes) holes.push(length + hole);
    length += prepared.bytes.length;
  }
  return { bytes: Buffer.concat(all.map(({ bytes }) => bytes)), holes };
}

/**
 * An operation's id as it stands in its messages. Not a Buffer, which is cut from a slab of 8 KiB: it lives as long as the
 * operation, and would keep the whole slab with what else was written in that moment.
 */
export const idBytes = (id: string): Uint8Array => Uint8Array.from(Buffer.from(JSON.stringify(id)));

const before = Buffer.from('{"id":');
const after = once((frame: Frame) => Buffer.from(`,"type":"next","payload":${frame.payload}}`));
/** Ends on a whole byte with four that permessage-deflate leaves out (RFC 7692, section 7.2.1). */
const afterDeflated = once((frame: Frame) =>
  deflateRawSync(after(frame), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4),
);
const messages = once((_: Frames) => new Map<number, Prepared>());
const deflatedMessages = once((_: Frames) => new Map<number, Prepared>());

/**
 * Each frame as a graphql-transport-ws `next` message in a WebSocket frame of its own, with a hole for an id of so many
 * bytes. `compress` only where permessage-deflate was agreed on, without context takeover.
 */
export function nextMessages(frames: Frames, idLength: number, compress: boolean): Prepared {
  const known = (compress ? deflatedMessages : messages)(frames);
  let prepared = known.get(idLength);
  if (!prepared) {
    prepared = joined(frames.map((frame) => nextMessage(frame, Buffer.alloc(idLength), compress)));
    known.set(idLength, prepared);
  }
  return prepared;
}

function nextMessage(frame: Frame, hole: Buffer, compress: boolean): Prepared {
  return (compress && inDeflated(hole, frame)) || webSocketFrame([before, hole, after(frame)], 0);
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

/** A message of its own, as it is. */
export function textMessage(text: string): Prepared {
  const payload = Buffer.from(text);
  return { bytes: Buffer.concat([frameHead(payload.length, 0), payload]), holes: [] };
}

/** The id's hole is the last but one of the parts. */
function webSocketFrame(parts: readonly Uint8Array[], rsv1: number): Prepared {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = frameHead(length, rsv1);
  const [hole, last] = parts.slice(-2) as [Uint8Array, Uint8Array];
  return { bytes: Buffer.concat([head, ...parts]), holes: [head.length + length - last.length - hole.length] };
}

/** Of a whole text message (RFC 6455, section 5.2). */
function frameHead(length: number, rsv1: number): Buffer {
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
  return head;
}

/** The same events over SSE. JSON holds no line break, so one data line is enough. */
export const nextEvents = once((frames: Frames) => frames.map(nextEvent).join(''));

const nextEvent = (frame: Frame) => `id: ${frame.cursor}\nevent: next\ndata: ${frame.payload}\n\n`;

/** Their bytes. They name nobody. */
export const nextBytes = once((frames: Frames): Prepared => ({ bytes: Buffer.from(nextEvents(frames)), holes: [] }));

/** The events as a chunk of HTTP/1.1's chunked encoding. They name nobody. */
export const nextChunk = once((frames: Frames): Prepared => {
  const events = Buffer.from(nextEvents(frames));
  const bytes = Buffer.concat([Buffer.from(`${events.length.toString(16)}\r\n`), events, Buffer.from('\r\n')]);
  return { bytes, holes: [] };
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

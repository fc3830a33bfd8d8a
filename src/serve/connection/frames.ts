import { constants, deflateRawSync } from 'node:zlib';
import { writeForClients } from '../../event/write-json.js';
import type { Frame } from '../../hub/frame.js';
import type { Prepared } from './socket-outlet.js';

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

/** An execution result of GraphQL, with the frame's cursor and gap among its extensions. */
export function payloadOf({ rendered: { key, value, errors }, cursor, gap }: Frame): string {
  const wrong = errors === null ? '' : `"errors":${errors},`;
  const data = value === null ? 'null' : `{${key}:${value}}`;
  const told = gap === null ? '' : `,"gap":${JSON.stringify(gap)}`;
  const extensions = cursor === null ? '' : `,"extensions":{"cursor":"${cursor}"${told}}`;
  return `{${wrong}"data":${data}${extensions}}`;
}

/** Made once for all transports and both of a socket's ways. */
const payloads = once((frames: Frames): readonly string[] => frames.map(payloadOf));

const before = Buffer.from('{"id":');
const afterId = (payload: string) => `,"type":"next","payload":${payload}}`;
/** The part behind the id, deflated. A flush ends on a whole byte with four that permessage-deflate leaves out (RFC 7692, section 7.2.1). */
const deflated = once((payload: string) =>
  deflateRawSync(afterId(payload), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4),
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
    prepared = joined(payloads(frames).map((payload) => nextMessage(payload, idLength, compress)));
    known.set(idLength, prepared);
  }
  return prepared;
}

function nextMessage(payload: string, idLength: number, compress: boolean): Prepared {
  const text = afterId(payload);
  const length = Buffer.byteLength(text);
  const short = compress ? inDeflated(payload, idLength, length) : null;
  if (short) return short;
  const { bytes, start } = textFrame(before.length + idLength + length, 0);
  const hole = start + before.copy(bytes, start);
  bytes.write(text, hole + idLength);
  return { bytes, holes: [hole] };
}

/**
 * The id in a stored block, which is its bytes as they are, and the rest in a block that is the same for all. Null when
 * that saves nothing.
 */
function inDeflated(payload: string, idLength: number, length: number): Prepared | null {
  const stored = before.length + idLength;
  const rest = deflated(payload);
  if (stored > 0xffff || 5 + rest.length >= length) return null;
  const { bytes, start } = textFrame(5 + stored + rest.length, 0x40);
  bytes[start] = 0;
  bytes.writeUInt16LE(stored, start + 1);
  bytes.writeUInt16LE(0xffff - stored, start + 3);
  const hole = start + 5 + before.copy(bytes, start + 5);
  rest.copy(bytes, hole + idLength);
  return { bytes, holes: [hole] };
}

/** A text as one WebSocket message, uncompressed. */
export function textMessage(text: string): Prepared {
  const { bytes, start } = textFrame(Buffer.byteLength(text), 0);
  bytes.write(text, start);
  return { bytes, holes: [] };
}

/** A whole text message (RFC 6455, section 5.2) whose payload is still to be written from `start` on. */
function textFrame(length: number, rsv1: number): { readonly bytes: Buffer; readonly start: number } {
  const start = length < 126 ? 2 : length < 0x10000 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(start + length);
  bytes[0] = 0x81 | rsv1;
  bytes[1] = start === 2 ? length : start === 4 ? 126 : 127;
  if (start === 4) bytes.writeUInt16BE(length, 2);
  if (start === 10) bytes.writeBigUInt64BE(BigInt(length), 2);
  return { bytes, start };
}

/** Frames as server-sent events. JSON holds no line break, so one data line is enough. */
export const nextEvents = once((frames: Frames) =>
  frames.map(({ cursor }, at) => nextEvent(cursor, payloads(frames)[at] as string)).join(''),
);

const nextEvent = (cursor: string | null, payload: string) =>
  `${cursor === null ? '' : `id: ${cursor}\n`}event: next\ndata: ${payload}\n\n`;

/** The events as bytes. They name no receiver, so they have no holes. */
export const nextBytes = once((frames: Frames): Prepared => ({ bytes: Buffer.from(nextEvents(frames)), holes: [] }));

/** The events as a chunk of HTTP/1.1's chunked encoding, without holes too. */
export const nextChunk = once((frames: Frames): Prepared => {
  const events = Buffer.from(nextEvents(frames));
  const bytes = Buffer.concat([Buffer.from(`${events.length.toString(16)}\r\n`), events, Buffer.from('\r\n')]);
  return { bytes, holes: [] };
});

/** A whole result without a cursor: of a query or a mutation, or the errors of what is refused or ends. */
export function resultEvent(result: object): string {
  return `event: next\ndata: ${writeForClients(result)}\n\n`;
}

/** A cursor without an event: browsers take an `id` that stands alone as their Last-Event-ID, and show nothing. */
export function cursorEvent(cursor: string): string {
  return `id: ${cursor}\n\n`;
}

/** The end of an operation. graphql-sse's client wants the data line, empty or not. */
export const completeEvent = 'event: complete\ndata: \n\n';

/** A comment, which clients pass over: it keeps proxies from closing a quiet stream. */
export const commentEvent = ':\n\n';

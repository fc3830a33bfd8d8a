import { createHash, hash, timingSafeEqual } from 'node:crypto';
import { originBytes } from './origin.js';
import type { Moment } from './position.js';
import { sourceKeyOf, sourceOf } from './source-key.js';

/** How far a subscription has come: everything its channels carried up to here was shown, judged or skipped. */
export interface Cursor {
  /** Per shard of the log. */
  readonly positions: readonly Moment[];
  /** The newest coordinates carried, by `sourceKey`; they outlive an epoch. At most `maxOffsets`. */
  readonly offsets: ReadonlyMap<number, Coordinate>;
  /** Names the routes by which its field went: four characters of base64url. */
  readonly routes: string;
  /** By the log's clock, up to when it lacks nothing of what the log has lost since; null when it lacks nothing. */
  readonly late: number | null;
}

/** How far a partition of an origin went by. */
export interface Coordinate {
  readonly offset: number;
  readonly index: number;
}

/** An index behind every event of a record. */
export const wholeRecord = 2 ** 31;

export const maxOffsets = 16;
const version = 3;
const signatureBytes = 12;
const epochBytes = 6;
const routesBytes = 3;

/**
 * Turns cursors into text and back. The text is opaque and signed; it is bound to the field, and to no route, replica
 * or token: what it lets one see is judged anew each time. Layout before base64url: version, routes, how late, the newest time, shards with
 * epoch, number and how much older than the newest their time is, then, where there are any, the origins, and partitions
 * with offset and index (LEB128 numbers), then 12 bytes of HMAC-SHA256 over field and content.
 *
 * A partition and the place of its origin are one number, `partition * origins + place`: there is hardly ever more than
 * one origin, and then its place costs nothing.
 *
 * The first secret signs, all verify.
 */
export function cursorCodec(secrets: readonly string[]) {
  const keys = secrets.map((secret) => hmac(createHash('sha256').update(`tailrace cursor ${secret}`).digest()));
  const [signing] = keys;
  if (!signing) throw new RangeError('a cursor needs a secret');

  const sign = (key: ReturnType<typeof hmac>, field: string, content: Uint8Array) =>
    key(field, content).subarray(0, signatureBytes);

  const written = (field: string, cursor: Cursor): string => {
    const end = write(cursor);
    scratch.set(sign(signing, field, scratch.subarray(0, end)), end);
    return scratch.toString('base64url', 0, end + signatureBytes);
  };
  let newest: { readonly field: string; readonly cursor: Cursor; readonly text: string } | null = null;

  return {
    encode(field: string, cursor: Cursor): string {
      // Whoever comes, and whoever is idle at a heartbeat, stands where the log does: a thousand of them have one text.
      if (cursor.offsets.size > 0) return written(field, cursor);
      const isSame =
        newest?.field === field &&
        newest.cursor.positions === cursor.positions &&
        newest.cursor.routes === cursor.routes &&
        newest.cursor.late === cursor.late;
      if (!newest || !isSame) newest = { field, cursor, text: written(field, cursor) };
      return newest.text;
    },

    /** Null when it is forged, mangled, of another field or of an unknown version. Never throws. */
    decode(field: string, text: string): Cursor | null {
      if (!/^[\w-]{20,2048}$/.test(text)) return null;
      const bytes = Buffer.from(text, 'base64url');
      const content = bytes.subarray(0, -signatureBytes);
      const signature = bytes.subarray(-signatureBytes);
      // Base64url leaves bits of its last character unused: one content must have one text.
      if (bytes.length <= signatureBytes || bytes.toString('base64url') !== text) return null;
      if (!keys.some((key) => timingSafeEqual(sign(key, field, content), signature))) return null;
      return read(content);
    },
  };
}

/**
 * HMAC-SHA256 (RFC 2104) of `field`, a zero byte and `content`, by a key of up to 64 bytes. Every frame of a replay is
 * signed, and Node's own `createHmac`, which makes two objects a call, takes five times as long as two plain hashes.
 */
export function hmac(key: Uint8Array): (field: string, content: Uint8Array) => Buffer {
  const padded = (byte: number) => Buffer.from(Array.from({ length: 64 }, (_, i) => (key[i] ?? 0) ^ byte));
  const outer = Buffer.concat([padded(0x5c), Buffer.alloc(32)]);
  let inner = Buffer.concat([padded(0x36), Buffer.alloc(512)]);
  return (field, content) => {
    const most = 64 + 3 * field.length + 1 + content.length;
    if (most > inner.length) inner = Buffer.concat([inner.subarray(0, 64), Buffer.alloc(most)]);
    let end = 64 + inner.write(field, 64);
    inner[end++] = 0;
    inner.set(content, end);
    outer.set(hash('sha256', inner.subarray(0, end + content.length), 'buffer'), 64);
    return hash('sha256', outer, 'buffer');
  };
}

export type CursorCodec = ReturnType<typeof cursorCodec>;

/** Every event has a cursor of its own: it is written here, and read out before the next one. */
let scratch = Buffer.alloc(1_024);

/** Writes the content into `scratch`, with room behind it for the signature. Returns its end. */
function write({ positions, offsets, routes, late }: Cursor): number {
  // No number takes more than eight bytes.
  const most = 32 + positions.length * (epochBytes + 16) + offsets.size * (24 + originBytes) + signatureBytes;
  if (most > scratch.length) scratch = Buffer.alloc(2 * most);
  let newest = 0;
  for (const { time } of positions) newest = Math.max(newest, time);
  scratch[0] = version;
  let at = number(name(1, routes, routesBytes), late === null ? 0 : late + 1);
  at = number(at, newest);
  at = number(at, positions.length);
  for (const position of positions) {
    at = name(at, position.epoch, epochBytes);
    at = number(at, position.number);
    at = number(at, newest - position.time);
  }
  return offsets.size === 0 ? at : coordinates(at, offsets);
}

function coordinates(start: number, offsets: Cursor['offsets']): number {
  const origins: number[] = [];
  for (const key of offsets.keys()) {
    const { bits } = sourceOf(key);
    if (!origins.includes(bits)) origins.push(bits);
  }
  let at = number(start, origins.length);
  for (const bits of origins) at = scratch.writeUInt32BE(bits, at);
  for (const [key, { offset, index }] of offsets) {
    const { bits, partition } = sourceOf(key);
    at = number(at, partition * origins.length + origins.indexOf(bits));
    at = number(at, offset);
    at = number(at, index);
  }
  return at;
}

/** So many bytes, by their base64url. None is written as zeros. */
function name(at: number, text: string, bytes: number): number {
  const written = scratch.write(text, at, bytes, 'base64url');
  scratch.fill(0, at + written, at + bytes);
  return at + bytes;
}

function read(bytes: Buffer): Cursor | null {
  let at = 0;
  const next = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  if (bytes[at++] !== version) return null;
  const routes = Buffer.from(bytes.subarray(at, at + routesBytes)).toString('base64url');
  at += routesBytes;
  const late = next() - 1;
  const newest = next();
  const positions = Array.from({ length: next() }, () => {
    const epoch = Buffer.from(bytes.subarray(at, at + epochBytes));
    at += epochBytes;
    const name = epoch.every((byte) => byte === 0) ? '' : epoch.toString('base64url');
    return { epoch: name, number: next(), time: newest - next() };
  });
  const offsets = new Map<number, Coordinate>();
  if (at < bytes.length) {
    const count = next();
    const origins = at;
    at += count * originBytes;
    while (at < bytes.length) {
      const source = next();
      const bits = bytes.readUInt32BE(origins + (source % count) * originBytes);
      const key = sourceKeyOf(bits, Math.floor(source / count));
      offsets.set(key, { offset: next(), index: next() });
    }
  }
  return { positions, offsets, routes, late: late < 0 ? null : late };
}

/** LEB128 into `scratch` at `at`; returns its end. Shifts would cut at 32 bits; times and offsets are longer. */
function number(at: number, value: number): number {
  let end = at;
  let rest = value;
  while (rest >= 128) {
    scratch[end++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  scratch[end++] = rest;
  return end;
}

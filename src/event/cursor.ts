import { createHash, hash, timingSafeEqual } from 'node:crypto';
import { originBytes } from './origin.js';
import { type Coordinate, noOffsets, type Place } from './place.js';
import { sourceKeyOf, sourceOf } from './source-key.js';

const version = 3;
const signatureBytes = 12;
const epochBytes = 6;
const routesBytes = 3;

/**
 * Turns places into cursors, which are text, and back. A cursor is opaque and signed; it is bound to the field, and to no
 * route, replica or token: what it lets one see is judged anew each time. Layout before base64url: version, routes, how late, the newest time, shards with
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

  const written = (field: string, place: Place): string => {
    const end = write(place);
    scratch.set(sign(signing, field, scratch.subarray(0, end)), end);
    return scratch.toString('base64url', 0, end + signatureBytes);
  };
  let newest: { readonly field: string; readonly place: Place; readonly text: string } | null = null;

  return {
    /** Asked for the place of the call before, it answers at once. */
    encode(field: string, place: Place): string {
      // Whoever comes, and whoever is idle at a heartbeat, stands where the log does: a thousand of them have one text.
      if (newest === null || newest.field !== field || !isSame(newest.place, place))
        newest = { field, place, text: written(field, place) };
      return newest.text;
    },

    /** Null when it is forged, mangled, of another field or of an unknown version. Never throws. */
    decode(field: string, text: string): Place | null {
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

/** Made of the same parts: what is equal by chance only is not found. */
const isSame = (one: Place, other: Place): boolean =>
  one === other ||
  (one.positions === other.positions &&
    one.offsets === other.offsets &&
    one.routes === other.routes &&
    one.late === other.late);

/** Every event has a cursor of its own: it is written here, and read out before the next one. */
let scratch = Buffer.alloc(1_024);

/** Writes the content into `scratch`, with room behind it for the signature. Returns its end. */
function write({ positions, offsets, routes, late }: Place): number {
  // No number takes more than eight bytes.
  const most = 32 + positions.length * (epochBytes + 16) + offsets.length * (24 + originBytes) + signatureBytes;
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
  return offsets.length === 0 ? at : coordinates(at, offsets);
}

function coordinates(start: number, offsets: readonly Coordinate[]): number {
  const origins: number[] = [];
  for (const { key } of offsets) {
    const { bits } = sourceOf(key);
    if (!origins.includes(bits)) origins.push(bits);
  }
  let at = number(start, origins.length);
  for (const bits of origins) at = scratch.writeUInt32BE(bits, at);
  for (const { key, offset, index } of offsets) {
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

function read(bytes: Buffer): Place | null {
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
  const offsets: Coordinate[] = [];
  if (at < bytes.length) {
    const count = next();
    const origins = at;
    at += count * originBytes;
    while (at < bytes.length) {
      const source = next();
      const bits = bytes.readUInt32BE(origins + (source % count) * originBytes);
      const key = sourceKeyOf(bits, Math.floor(source / count));
      offsets.push({ key, offset: next(), index: next() });
    }
  }
  return { positions, offsets: offsets.length === 0 ? noOffsets : offsets, routes, late: late < 0 ? null : late };
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

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Moment } from './position.js';

/** How far a subscription has come: everything its channels carried up to here was shown, judged or skipped. */
export interface Cursor {
  /** Per shard of the log. */
  readonly positions: readonly Moment[];
  /** The newest coordinates carried, per source partition; they outlive an epoch. At most `maxOffsets`. */
  readonly offsets: ReadonlyMap<number, Coordinate>;
}

export interface Coordinate {
  readonly offset: number;
  readonly index: number;
}

export const maxOffsets = 16;
const version = 1;
const signatureBytes = 12;
const epochBytes = 6;

/**
 * Turns cursors into text and back. The text is opaque and signed; it is bound to the field, and to no route, replica
 * or token: what it lets one see is judged anew each time. Layout before base64url: version, the newest time, shards with
 * epoch, number and how much older than the newest their time is, partitions with offset and index (LEB128 numbers),
 * then 12 bytes of HMAC-SHA256 over field and content.
 *
 * The first secret signs, all verify.
 */
export function cursorCodec(secrets: readonly string[]) {
  const keys = secrets.map((secret) => createHash('sha256').update(`tailrace cursor ${secret}`).digest());
  const [signing] = keys;
  if (!signing) throw new RangeError('a cursor needs a secret');

  const sign = (key: Buffer, field: string, content: Uint8Array) =>
    createHmac('sha256', key).update(field).update('\0').update(content).digest().subarray(0, signatureBytes);

  return {
    encode(field: string, cursor: Cursor): string {
      const bytes = write(cursor);
      return Buffer.concat([bytes, sign(signing, field, bytes)]).toString('base64url');
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

export type CursorCodec = ReturnType<typeof cursorCodec>;

function write({ positions, offsets }: Cursor): Uint8Array {
  const out: number[] = [version];
  const newest = Math.max(0, ...positions.map(({ time }) => time));
  number(out, newest);
  number(out, positions.length);
  for (const position of positions) {
    const epoch = Buffer.from(position.epoch, 'base64url');
    for (let i = 0; i < epochBytes; i++) out.push(epoch[i] ?? 0);
    number(out, position.number);
    number(out, newest - position.time);
  }
  for (const [partition, { offset, index }] of offsets) {
    number(out, partition);
    number(out, offset);
    number(out, index);
  }
  return Uint8Array.from(out);
}

function read(bytes: Uint8Array): Cursor | null {
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
  const newest = next();
  const positions = Array.from({ length: next() }, () => {
    const epoch = Buffer.from(bytes.subarray(at, at + epochBytes));
    at += epochBytes;
    const name = epoch.every((byte) => byte === 0) ? '' : epoch.toString('base64url');
    return { epoch: name, number: next(), time: newest - next() };
  });
  const offsets = new Map<number, Coordinate>();
  while (at < bytes.length) offsets.set(next(), { offset: next(), index: next() });
  return { positions, offsets };
}

/** LEB128. Shifts would cut at 32 bits; times and offsets are longer. */
function number(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

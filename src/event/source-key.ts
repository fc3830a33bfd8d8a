import { originBytes } from './origin.js';

/** One partition of one origin. */
export interface KeyedSource {
  /** Empty for what a former version wrote. */
  readonly origin: string;
  /** The bytes that `origin` is the text of, as a number: cursors hold them. */
  readonly bits: number;
  readonly partition: number;
}

/** The keys of one origin, by partition. */
interface Known {
  readonly origin: string;
  readonly bits: number;
  readonly keys: number[];
}

/**
 * Small whole numbers, by which coordinates are kept: a text made of origin and partition would be made and hashed again
 * for every event and everybody who hears it. They hold in this process only, and are never given back: there are as
 * many as partitions that were ever heard of.
 */
export const sourceKey = (origin: string, partition: number): number =>
  keyIn(byOrigin.get(origin) ?? heardOf(origin, bitsOf(origin)), partition);

/** The same, by what a cursor holds. */
export const sourceKeyOf = (bits: number, partition: number): number =>
  keyIn(byBits.get(bits) ?? heardOf(originIn(bits), bits), partition);

/** What a key stands for. */
export const sourceOf = (key: number): KeyedSource => sources[key] as KeyedSource;

const byOrigin = new Map<string, Known>();
const byBits = new Map<number, Known>();
const sources: KeyedSource[] = [];

function keyIn({ origin, bits, keys }: Known, partition: number): number {
  const key = keys[partition];
  if (key !== undefined) return key;
  keys[partition] = sources.length;
  return sources.push({ origin, bits, partition }) - 1;
}

function heardOf(origin: string, bits: number): Known {
  const known = { origin, bits, keys: [] };
  byOrigin.set(origin, known);
  byBits.set(bits, known);
  return known;
}

function bitsOf(origin: string): number {
  const bytes = Buffer.alloc(originBytes);
  bytes.write(origin, 'base64url');
  return bytes.readUInt32BE();
}

function originIn(bits: number): string {
  const bytes = Buffer.alloc(originBytes);
  bytes.writeUInt32BE(bits);
  return bits === 0 ? '' : bytes.toString('base64url');
}

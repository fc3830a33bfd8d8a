import { originBytes } from './origin.js';

/** One partition of one origin. */
export interface KeyedSource {
  /** Empty for what a former version wrote. */
  readonly origin: string;
  /** The bytes that `origin` is the text of, as a number: cursors hold them. */
  readonly bits: number;
  readonly partition: number;
}

/**
 * Small whole numbers, by which coordinates are kept: a text made of origin and partition would be made and hashed again
 * for every event and everybody who hears it. They hold in this process only, and are never given back: there are as
 * many as partitions that were ever heard of.
 */
const keys = new Map<string, number[]>();
const sources: KeyedSource[] = [];

export function sourceKey(origin: string, partition: number): number {
  const known = keys.get(origin) ?? heardOf(origin);
  const key = known[partition];
  if (key !== undefined) return key;
  known[partition] = sources.length;
  return sources.push({ origin, bits: bitsOf(origin), partition }) - 1;
}

/** What a key stands for. */
export const sourceOf = (key: number): KeyedSource => sources[key] as KeyedSource;

function heardOf(origin: string): number[] {
  const none: number[] = [];
  keys.set(origin, none);
  return none;
}

function bitsOf(origin: string): number {
  const bytes = Buffer.alloc(originBytes);
  bytes.write(origin, 'base64url');
  return bytes.readUInt32BE();
}

import { i8, i16, i32, i64 } from './bytes.js';

export interface BatchOptions {
  readonly offset: number;
  readonly epoch: number;
  readonly values?: readonly string[];
  /** One control record instead of values. */
  readonly marker?: 'commit' | 'abort';
}

/** A record batch of format 2, as it lies in Kafka's log. */
export function batch({ offset, epoch, values = [], marker }: BatchOptions): Buffer {
  const records = marker === undefined ? values.map((value, i) => record(i, null, Buffer.from(value))) : [end(marker)];
  const attributes = marker === undefined ? 0 : 0x30;
  const body = Buffer.concat([
    ...[i32(epoch), i8(2), i32(0), i16(attributes), i32(records.length - 1), i64(1_000), i64(1_000)],
    ...[i64(5), i16(0), i32(0), i32(records.length), ...records],
  ]);
  return Buffer.concat([i64(offset), i32(body.length), body]);
}

const end = (marker: 'commit' | 'abort') =>
  record(0, Buffer.concat([i16(0), i16(marker === 'commit' ? 1 : 0)]), Buffer.concat([i16(0), i32(0)]));

function record(delta: number, key: Buffer | null, value: Buffer): Buffer {
  const keyed = key === null ? [zigzag(-1)] : [zigzag(key.length), key];
  const body = Buffer.concat([i8(0), zigzag(0), zigzag(delta), ...keyed, zigzag(value.length), value, zigzag(0)]);
  return Buffer.concat([zigzag(body.length), body]);
}

/** Small numbers only: one byte. */
const zigzag = (value: number): Buffer => Buffer.from([value < 0 ? -2 * value - 1 : 2 * value]);

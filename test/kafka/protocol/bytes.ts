/** Kafka's types as bytes, written by hand: not by the code under test. */
export const i8 = (value: number): Buffer => {
  const bytes = Buffer.alloc(1);
  bytes.writeInt8(value);
  return bytes;
};

export const i16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};

export const i32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

export const i64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
};

export const text = (value: string): Buffer => Buffer.concat([i16(Buffer.byteLength(value)), Buffer.from(value)]);

export const uuid = (hex: string): Buffer => Buffer.from(hex, 'hex');

/** No tagged fields. */
export const tags = Buffer.from([0]);

/** Kafka's compact types, of flexible requests. */
export const compact = {
  /** An unsigned varint. */
  count(value: number): Buffer {
    const bytes: number[] = [];
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) + 0x80);
    return Buffer.from([...bytes, left]);
  },
  /** Of an array or of bytes; they follow. */
  length: (value: number): Buffer => compact.count(value + 1),
  text: (value: string): Buffer => Buffer.concat([compact.length(Buffer.byteLength(value)), Buffer.from(value)]),
  /** A string or an array that is null. */
  none: Buffer.from([0]),
};

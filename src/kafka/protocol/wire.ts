import { Decoder, Encoder } from './internals.js';

/**
 * Kafka's requests are *flexible* from a version of their own on: lengths become varints, each structure ends with
 * tagged fields. kafkajs writes and reads the headers of the versions before, so the tagged fields of a flexible
 * header stand at the beginning of what we write and read.
 */
export interface Wire {
  /** Begins a request. */
  encoder(): Encoder;
  /** Begins to read an answer. */
  decoder(bytes: Buffer): Decoder;
  writeString(encoder: Encoder, text: string): void;
  writeArray<T>(encoder: Encoder, items: readonly T[], write: (item: T) => void): void;
  writeTags(encoder: Encoder): void;
  readString(decoder: Decoder): string | null;
  readArray<T>(decoder: Decoder, read: () => T): T[];
  /** Passes over them. */
  readTags(decoder: Decoder): void;
}

export const plain: Wire = {
  encoder: () => new Encoder(),
  decoder: (bytes) => new Decoder(bytes),
  writeString: (encoder, text) => void encoder.writeString(text),
  writeArray(encoder, items, write) {
    encoder.writeInt32(items.length);
    for (const item of items) write(item);
  },
  writeTags: () => {},
  readString: (decoder) => decoder.readString(),
  readArray: (decoder, read) => Array.from({ length: Math.max(0, decoder.readInt32()) }, read),
  readTags: () => {},
};

export const flexible: Wire = {
  encoder: () => new Encoder().writeUVarInt(0),
  decoder(bytes) {
    const decoder = new Decoder(bytes);
    flexible.readTags(decoder);
    return decoder;
  },
  writeString: (encoder, text) => void encoder.writeUVarIntString(text),
  writeArray(encoder, items, write) {
    encoder.writeUVarInt(items.length + 1);
    for (const item of items) write(item);
  },
  writeTags: (encoder) => void encoder.writeUVarInt(0),
  readString: (decoder) => decoder.readUVarIntString(),
  readArray: (decoder, read) => Array.from({ length: Math.max(0, decoder.readUVarInt() - 1) }, read),
  // kafkajs' own `readTaggedFields` takes the size of a field for one more than it is.
  readTags(decoder) {
    for (let left = decoder.readUVarInt(); left > 0; left -= 1) {
      decoder.readUVarInt();
      decoder.forward(decoder.readUVarInt());
    }
  },
};

const uuidBytes = 16;
const noUuid = Buffer.alloc(uuidBytes);

/** As Kafka itself prints it: base64url without padding. Null for the zero UUID, which means none. */
export function readUuid(decoder: Decoder): string | null {
  const bytes = decoder.readBytes(uuidBytes);
  return bytes.equals(noUuid) ? null : bytes.toString('base64url');
}

export function writeUuid(encoder: Encoder, uuid: string | null): void {
  encoder.writeBuffer(uuid === null ? noUuid : Buffer.from(uuid, 'base64url'));
}

import { decompress as unzstd } from 'fzstd';
import kafkajs from 'kafkajs';
import lz4 from 'lz4js';
import snappy from 'snappyjs';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** kafkajs hands over an encoder whose `buffer` is to be compressed. */
interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeader = xerialMagic.length + 8;

/** Java's producers frame snappy (xerial: magic, two versions, then blocks with their length); others send it bare. */
export function decompressSnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return snappy.uncompress(bytes);
  const blocks: Buffer[] = [];
  for (let at = xerialHeader; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    at += 4;
    if (at + length > bytes.length) throw new RangeError('A snappy block ends too early.');
    blocks.push(snappy.uncompress(bytes.subarray(at, at + length)));
    at += length;
  }
  return Buffer.concat(blocks);
}

const lz4Magic = 0x184d2204;
const lz4BlockSizes = [0, 0, 0, 0, 65_536, 262_144, 1_048_576, 4_194_304];

/**
 * An LZ4 frame. The frame is read here and only its blocks by lz4js, whose own reader takes a block's checksum to stand
 * before the block (it stands after it) and the content's size for larger than it may be.
 */
export function decompressLz4(bytes: Buffer): Buffer {
  if (bytes.readUInt32LE(0) !== lz4Magic) throw new RangeError('Not an LZ4 frame.');
  const flags = bytes.readUInt8(4);
  const blockSize = lz4BlockSizes[(bytes.readUInt8(5) >> 4) & 7] as number;
  const [hasBlockChecksums, hasContentSize, hasDictionary] = [flags & 0x10, flags & 0x08, flags & 0x01];
  let at = 7 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0);

  const blocks: { readonly start: number; readonly length: number; readonly plain: boolean }[] = [];
  for (;;) {
    const head = bytes.readUInt32LE(at);
    at += 4;
    if (head === 0) break;
    const length = head & 0x7fffffff;
    blocks.push({ start: at, length, plain: head >= 0x80000000 });
    at += length + (hasBlockChecksums ? 4 : 0);
    if (at > bytes.length) throw new RangeError('An LZ4 block ends too early.');
  }

  // One buffer for all blocks: a block may refer to bytes of those before it.
  const out = Buffer.allocUnsafe(blocks.reduce((sum, { length, plain }) => sum + (plain ? length : blockSize), 0));
  let end = 0;
  for (const { start, length, plain } of blocks) {
    end = plain
      ? end + bytes.copy(out, end, start, start + length)
      : lz4.decompressBlock(bytes, out, start, length, end);
  }
  return out.subarray(0, end);
}

const decompressZstd = (bytes: Buffer): Buffer => {
  const { buffer, byteOffset, byteLength } = unzstd(bytes);
  return Buffer.from(buffer, byteOffset, byteLength);
};

const cannot = (name: string) => async (): Promise<Buffer> => {
  throw new Error(`Tailrace reads ${name} but does not write it.`);
};

/**
 * Teaches kafkajs snappy, LZ4 and zstd, once per process. Without them the first compressed batch kills the consumer,
 * for good: it would meet the same batch after every restart.
 */
export function registerCodecs(): void {
  const codecs: readonly (readonly [keyof typeof CompressionCodecs, Codec])[] = [
    [CompressionTypes.Snappy, codec(decompressSnappy, async ({ buffer }) => snappy.compress(buffer))],
    [CompressionTypes.LZ4, codec(decompressLz4, async ({ buffer }) => Buffer.from(lz4.compress(buffer)))],
    [CompressionTypes.ZSTD, codec(decompressZstd, cannot('zstd'))],
  ];
  for (const [type, made] of codecs) CompressionCodecs[type] = () => made;
}

const codec = (decompress: (bytes: Buffer) => Buffer, compress: Codec['compress']): Codec => ({
  compress,
  decompress: async (bytes) => decompress(bytes),
});

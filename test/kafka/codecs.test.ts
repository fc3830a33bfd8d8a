import fc from 'fast-check';
import kafkajs from 'kafkajs';
import lz4 from 'lz4js';
import snappy from 'snappyjs';
import { expect, test } from 'vitest';
import { decompressLz4, decompressSnappy, registerCodecs } from '../../src/kafka/codecs.js';

/** Text that repeats, and bytes that do not. */
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 5_000 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 5_000 })).map(([s, n]) => Buffer.from(s.repeat(n))),
);

const uint32 = (value: number, endian: 'BE' | 'LE') => {
  const bytes = Buffer.alloc(4);
  if (endian === 'BE') bytes.writeUInt32BE(value);
  else bytes.writeUInt32LE(value);
  return bytes;
};

test('snappy is read bare, and in the blocks of Java’s producers', () => {
  fc.assert(
    fc.property(fc.array(contents, { maxLength: 4 }), (blocks) => {
      const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
      const framed = blocks.map((block) => snappy.compress(block)).flatMap((b) => [uint32(b.length, 'BE'), b]);
      expect(decompressSnappy(Buffer.concat([header, ...framed])).equals(Buffer.concat(blocks))).toBe(true);
      const [first = Buffer.from('x')] = blocks;
      expect(decompressSnappy(snappy.compress(first)).equals(first)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

/** Two blocks as they are, with everything a frame may carry beside them: content size, checksums of blocks and content. */
function plainFrame(blocks: readonly Buffer[]): Buffer {
  const version = 0x40;
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(Buffer.concat(blocks).length));
  const header = Buffer.from([version | 0x20 | 0x10 | 0x08 | 0x04, 0x40]);
  const framed = blocks.flatMap((block) => [
    uint32((block.length | 0x80000000) >>> 0, 'LE'),
    block,
    Buffer.alloc(4, 0xee),
  ]);
  return Buffer.concat([uint32(0x184d2204, 'LE'), header, size, Buffer.from([0]), ...framed, Buffer.alloc(8)]);
}

test('LZ4 frames are read with and without the sizes and checksums they may carry', () => {
  fc.assert(
    fc.property(contents, (content) => {
      expect(decompressLz4(Buffer.from(lz4.compress(content))).equals(content)).toBe(true);
      expect(
        decompressLz4(plainFrame([content.subarray(0, 10), content.subarray(10)].filter((b) => b.length > 0))).equals(
          content,
        ),
      ).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('content of several LZ4 blocks, larger than one, is read whole', () => {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => `${i * 7919}`).join(','));
  expect(content.length).toBeGreaterThan(2_000_000);
  expect(decompressLz4(Buffer.from(lz4.compress(content))).equals(content)).toBe(true);
});

test('what is cut short or is no frame is an error, never half a batch', () => {
  const whole = Buffer.from(lz4.compress(Buffer.from('some text that is long enough '.repeat(100))));
  for (let end = 0; end < whole.length - 8; end++) expect(() => decompressLz4(whole.subarray(0, end))).toThrow();
  expect(() => decompressLz4(Buffer.from('no frame at all'))).toThrow(RangeError);
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  expect(() => decompressSnappy(Buffer.concat([header, uint32(100, 'BE'), Buffer.alloc(5)]))).toThrow();
});

test('kafkajs knows all codecs once they are registered; zstd is read only, and says so', async () => {
  registerCodecs();
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  for (const type of [CompressionTypes.Snappy, CompressionTypes.LZ4] as const) {
    const codec = CompressionCodecs[type]();
    const content = Buffer.from('text '.repeat(100));
    expect(await codec.decompress(await codec.compress({ buffer: content }))).toEqual(content);
  }
  await expect(CompressionCodecs[CompressionTypes.ZSTD]().compress({ buffer: Buffer.from('x') })).rejects.toThrow(
    'Tailrace reads zstd but does not write it.',
  );
});

/** The parts we use of libraries that bring no types. */
declare module 'snappyjs' {
  const snappy: {
    uncompress(bytes: Buffer): Buffer;
    compress(bytes: Buffer): Buffer;
  };
  export default snappy;
}

declare module 'lz4js' {
  const lz4: {
    compress(bytes: Uint8Array): Uint8Array;
    /** Writes one block into `out` from `outStart` on; answers the end of what it wrote. */
    decompressBlock(bytes: Uint8Array, out: Uint8Array, start: number, length: number, outStart: number): number;
  };
  export default lz4;
}

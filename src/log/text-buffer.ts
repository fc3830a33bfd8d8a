/**
 * Text written into one buffer, piece by piece. Added up as a string it would be a rope of its pieces, which is copied twice
 * before it is bytes, and leaves the collector an object for each piece.
 */
export class TextBuffer {
  #bytes: Buffer;
  #length = 0;

  /** `expected` bytes; it grows when there are more. */
  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafe(expected);
  }

  add(text: string): void {
    // No character of a string takes more than three bytes of UTF-8.
    const most = this.#length + 3 * text.length;
    if (most > this.#bytes.length) this.#grow(most);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** All that was added; the buffer is not written to again. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(least: number): void {
    const larger = Buffer.allocUnsafe(Math.max(least, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Bytes before each message, which tell its length. */
const head = 4;
/** Bytes of the first room. */
const least = 1_024;

/**
 * Messages that wait to be heard, in order. What a client sends in one piece is thousands of messages where they are a few
 * bytes long, and as an object each would take a hundred more: here it takes four.
 */
export class Backlog {
  #held: Buffer = Buffer.alloc(0);
  #begin = 0;
  #end = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#end - this.#begin;
  }

  push(message: Uint8Array): void {
    this.#makeRoom(head + message.length);
    this.#end = this.#held.writeUInt32LE(message.length, this.#end);
    this.#held.set(message, this.#end);
    this.#end += message.length;
  }

  /** The oldest message; null when none is left. */
  shift(): Buffer | null {
    if (this.bytes === 0) return null;
    const from = this.#begin + head;
    this.#begin = from + this.#held.readUInt32LE(this.#begin);
    // A copy: what lies here moves.
    return Buffer.from(this.#held.subarray(from, this.#begin));
  }

  #makeRoom(more: number): void {
    if (this.#end + more <= this.#held.length) return;
    const { bytes } = this;
    const room =
      bytes + more > this.#held.length / 2 ? Buffer.allocUnsafeSlow(Math.max(least, 2 * (bytes + more))) : this.#held;
    this.#held.copy(room, 0, this.#begin, this.#end);
    this.#held = room;
    this.#begin = 0;
    this.#end = bytes;
  }
}

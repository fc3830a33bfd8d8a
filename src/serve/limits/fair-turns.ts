/** Milliseconds of one turn of the event loop in which clients are heard. */
const most = 5;

/** Resolves when all promises that are due by then are settled, before the loop turns. */
const settled = () => new Promise<void>((resolve) => process.nextTick(resolve));

/**
 * Decides whose message is heard now. A socket's own rate bounds one socket; a thousand of them with a message each were one turn
 * of 300 ms, in which nobody's events left. So a turn hears no more than a few milliseconds' worth, and what waits is
 * heard address by address: whoever has more sockets has longer queues, and no more turns.
 */
export class FairTurns {
  readonly #waiting = new Map<string, (() => void)[]>();
  /** When the first one of this turn was heard; null before. */
  #began: number | null = null;

  /** `now` is milliseconds, from anywhere. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Null when it may be heard at once; else resolves when its turn has come. */
  wait(address: string): Promise<void> | null {
    this.#begin();
    // Whoever comes while others wait goes behind them, and so behind the messages of its own socket.
    if (this.#waiting.size === 0 && !this.#isOver()) return null;
    return new Promise((resolve) => {
      const queue = this.#waiting.get(address);
      if (queue) queue.push(resolve);
      else this.#waiting.set(address, [resolve]);
    });
  }

  #begin(): void {
    if (this.#began !== null) return;
    this.#began = this.now();
    setImmediate(() => void this.#turn());
  }

  #isOver(): boolean {
    return this.now() - (this.#began as number) >= most;
  }

  async #turn(): Promise<void> {
    this.#began = null;
    if (this.#waiting.size === 0) return;
    this.#begin();
    for (const [address, queue] of this.#waiting) {
      const next = queue.shift();
      // The address goes to the end: the map is gone through in the order of insertion.
      this.#waiting.delete(address);
      if (queue.length > 0) this.#waiting.set(address, queue);
      next?.();
      await settled();
      if (this.#isOver()) return;
    }
  }
}

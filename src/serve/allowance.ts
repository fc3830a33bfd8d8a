/** Lets so many through a second, and `burst` at once after a rest. */
export class Allowance {
  #left: number;
  #at: number;

  constructor(
    private readonly perSecond: number,
    private readonly burst = perSecond,
    /** Milliseconds, from anywhere. */
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#left = burst;
    this.#at = now();
  }

  /** False when there is none left now. */
  take(): boolean {
    const now = this.now();
    this.#left = Math.min(this.burst, this.#left + ((now - this.#at) / 1_000) * this.perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** Gives one back that was taken for what does not count. */
  giveBack(): void {
    this.#left++;
  }
}

/** One clock for all: as a default of each it would be a closure for each socket. */
const clock = () => performance.now();

/** A rate: lets so many through a second, and `burst` at once after a rest. */
export class Allowance {
  #left: number;
  #at: number;

  constructor(
    private readonly perSecond: number,
    private readonly burst = perSecond,
    /** Milliseconds, from anywhere. */
    private readonly now: () => number = clock,
  ) {
    this.#left = burst;
    this.#at = now();
  }

  /** Takes so many; false when fewer are left now, and then none is taken. */
  take(count = 1): boolean {
    this.#refill();
    if (this.#left < count) return false;
    this.#left -= count;
    return true;
  }

  /** Takes so many, whether they are left or not: what is not is owed. */
  owe(count = 1): void {
    this.#refill();
    this.#left -= count;
  }

  /** Milliseconds until so many are left: 0 when they are, and of 0 when nothing is owed. */
  until(count = 1): number {
    this.#refill();
    return Math.max(0, ((count - this.#left) / this.perSecond) * 1_000);
  }

  /** Gives one back, taken for what turned out not to count. */
  giveBack(): void {
    this.#left++;
  }

  #refill(): void {
    const now = this.now();
    this.#left = Math.min(this.burst, this.#left + ((now - this.#at) / 1_000) * this.perSecond);
    this.#at = now;
  }
}

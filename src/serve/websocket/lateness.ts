/** One clock for all, as in `allowance.ts`. */
const clock = () => performance.now();

/**
 * Tells for how long somebody has been late without making up for it: time in which they are not late counts against it, so that
 * who is late now and then never comes to much.
 */
export class Lateness {
  #isLate = false;
  #sum = 0;
  #at: number;

  /** `now` is milliseconds, from anywhere. */
  constructor(private readonly now: () => number = clock) {
    this.#at = now();
  }

  set(isLate: boolean): void {
    this.#sum = this.sum();
    this.#at = this.now();
    this.#isLate = isLate;
  }

  /** Milliseconds of lateness that were not made up for. */
  sum(): number {
    const passed = this.now() - this.#at;
    return this.#isLate ? this.#sum + passed : Math.max(0, this.#sum - passed);
  }
}

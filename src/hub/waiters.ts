import { LogUnavailable } from '../log/channel-log.js';

/** Those who wait for the same thing, each for `patience` milliseconds at most. */
export class Waiters {
  readonly #waiting = new Set<() => void>();

  /** `why` says in the error what did not come. */
  constructor(
    private readonly patience: number,
    private readonly why: string,
  ) {}

  /** Resolves at the next `release`. Throws LogUnavailable when that takes too long. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(done);
        reject(new LogUnavailable(this.why));
      }, this.patience);
      this.#waiting.add(done);
    });
  }

  release(): void {
    for (const done of this.#waiting) done();
    this.#waiting.clear();
  }
}

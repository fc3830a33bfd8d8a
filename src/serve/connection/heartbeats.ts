/** Something that must be heard of now and then. */
export interface Beating {
  /** Called once in every period. May remove itself. */
  beat(): void;
}

/** Parts of a period, at the most: connections that came within one part are beaten together. */
const most = 120;
/** Milliseconds of a part, at the least: finer timers would only turn the loop. */
const finest = 10;

/**
 * A wheel for the heartbeats of all connections: each is beaten a period after it came, and so on, as spread over it as
 * they came. A timer for each would take 200 bytes of each, and with ten thousand of them the loop turns for every one.
 */
export class Heartbeats {
  readonly #slots: Set<Beating>[];
  readonly #timer: NodeJS.Timeout;
  #at = 0;

  /** `period` is in milliseconds. */
  constructor(period: number) {
    const slots = Math.max(1, Math.min(most, Math.floor(period / finest)));
    this.#slots = Array.from({ length: slots }, () => new Set<Beating>());
    this.#timer = setInterval(() => this.#turn(), period / slots).unref();
  }

  /** Gives the slot, by which `remove` finds it. */
  add(one: Beating): number {
    this.#slots[this.#at]?.add(one);
    return this.#at;
  }

  /** Idempotent. */
  remove(one: Beating, slot: number): void {
    this.#slots[slot]?.delete(one);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #turn(): void {
    this.#at = (this.#at + 1) % this.#slots.length;
    for (const one of this.#slots[this.#at] as Set<Beating>) one.beat();
  }
}

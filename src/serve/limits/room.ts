import { type Fault, limitExceeded } from '../../event/faults.js';
import type { GatewayLimits } from './limits.js';

/** Who stands in line for a room. */
export interface Guest {
  /** A place in the room has become this guest's. */
  enter(): void;
}

/**
 * Room for as many at once as a limit says. Who finds it full stands in line, and enters when somebody leaves, those who came
 * first before all others. While anybody stands in line the room is full: a place that was free beside them would be lost, and
 * whoever came next would pass them by.
 */
export class Room {
  #taken = 0;
  /** Most rooms are never full: the line of each would be more than all else of an idle socket's room. */
  #line: Set<Guest> | null = null;

  constructor(
    readonly limit: keyof GatewayLimits,
    private readonly most: number,
  ) {}

  get taken(): number {
    return this.#taken;
  }

  /** Why whoever finds it full is refused. */
  exceeded(): Fault {
    return limitExceeded(this.limit, this.most, this.#taken + 1);
  }

  /** Takes a place, where one is free. */
  take(): boolean {
    if (this.#taken >= this.most) return false;
    this.#taken++;
    return true;
  }

  /** Stands in line; to be called where nothing was free. */
  wait(guest: Guest): void {
    this.#line ??= new Set();
    this.#line.add(guest);
  }

  /** Out of the line. Whoever was not in it stays what they are. */
  giveUp(guest: Guest): void {
    this.#line?.delete(guest);
  }

  /** Gives so many places back, which are those of the first in line from this moment on. */
  leave(count = 1): void {
    this.#taken -= count;
    for (const guest of this.#line ?? []) {
      if (!this.take()) return;
      this.#line?.delete(guest);
      guest.enter();
    }
  }
}

import type { Guest, Room } from './room.js';

/**
 *     outside ── take: all rooms are free ──▶ inside ── leave ──▶ left
 *        │                                      ▲                  ▲
 *        │ take: one is full                    │ enter: the last  │
 *        └──────────────▶ waiting ──────────────┘                  │
 *                            └──────────────── leave ──────────────┘
 */
type VisitState = 'outside' | 'waiting' | 'inside' | 'left';

/** An operation on its way through rooms, one after the other: it stands in the line of one while it has a place in those before. */
export class Visit implements Guest {
  #state: VisitState = 'outside';
  /** Rooms that it has a place in. */
  #has = 0;

  constructor(
    private readonly rooms: readonly Room[],
    /** Called when it is inside, unless it was so at once. */
    private readonly entered: () => void,
  ) {}

  get state(): VisitState {
    return this.#state;
  }

  /** The room in whose line it stands; undefined of one that waits for none. */
  get before(): Room | undefined {
    return this.rooms[this.#has];
  }

  /** True when it is inside at once. */
  take(): boolean {
    this.#state = 'waiting';
    return this.#goOn();
  }

  enter(): void {
    this.#has++;
    if (this.#goOn()) this.entered();
  }

  /** Out of the line, and out of every room. Idempotent. */
  leave(): void {
    if (this.#state === 'left') return;
    if (this.#state === 'waiting') this.before?.giveUp(this);
    this.#state = 'left';
    for (const room of this.rooms.slice(0, this.#has)) room.leave();
  }

  #goOn(): boolean {
    for (; this.before; this.#has++) {
      if (this.before.take()) continue;
      this.before.wait(this);
      return false;
    }
    this.#state = 'inside';
    return true;
  }
}

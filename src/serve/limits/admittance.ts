import type { Fault } from '../../event/faults.js';
import type { Admit } from './admission.js';
import type { Room } from './room.js';
import { Visit } from './visit.js';

/** What a connection does for the operations that want to begin on it. */
export interface Doorkeeper {
  /** The rooms that an operation of this kind needs, in the order in which it goes through them. */
  roomsFor(kind: Parameters<Admit>[0]): readonly Room[];
  /** Milliseconds for which this one may wait; 0 where it may not. */
  patience(admittance: Admittance): number;
  /** From now on it waits, for this room. */
  waits(admittance: Admittance, room: Room): void;
  /** It waits no longer. */
  waited(admittance: Admittance): void;
  /** The turn of one that has waited: room for a thousand at once would else be one long turn of the event loop. */
  turn(): Promise<void> | null;
  /** It has no room, and wants none. */
  left(admittance: Admittance): void;
  /** Counts root fields of a mutation. Throws Fault LIMIT_EXCEEDED. */
  spend(roots: number): Promise<void>;
}

/** One operation's way in, on a connection that may have several. */
export class Admittance {
  #visit: Visit | null = null;
  #waiting: { resolve(): void; reject(fault: Fault): void; readonly timer: NodeJS.Timeout } | null = null;

  constructor(
    private readonly door: Doorkeeper,
    /** How much of its message is kept while it waits. */
    readonly bytes: number,
  ) {}

  /**
   * Resolves when the operation may begin: now, or when there is room. Throws Fault LIMIT_EXCEEDED where it has waited for too long, or
   * may not wait. Asked once more, because a token was renewed meanwhile, it keeps the room that it has. It never settles where
   * the operation was given up meanwhile: nobody is to hear of it.
   */
  async admit(...[kind, roots]: Parameters<Admit>): Promise<void> {
    if (this.#visit?.state !== 'inside') {
      const waited = this.#enter(kind);
      if (waited) await waited.then(() => this.door.turn());
    }
    if (kind === 'mutation') await this.door.spend(roots);
  }

  /** Nobody wants the operation any more: one that waits for room takes none. */
  giveUp(): void {
    if (this.#waiting) this.leave();
  }

  /** Gives back what room it has, or wants none any more. Idempotent. */
  leave(): void {
    this.#stopWaiting();
    this.#visit?.leave();
    this.door.left(this);
  }

  #enter(kind: Parameters<Admit>[0]): Promise<void> | undefined {
    const visit = new Visit(this.door.roomsFor(kind), () => {
      const { resolve } = this.#stopWaiting() ?? {};
      resolve?.();
    });
    this.#visit = visit;
    if (visit.take()) return;
    const patience = this.door.patience(this);
    if (patience === 0) throw this.#refused(visit);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#tooLate(visit), patience).unref();
      this.#waiting = { resolve, reject, timer };
      this.door.waits(this, visit.before as Room);
    });
  }

  #tooLate(visit: Visit): void {
    const fault = this.#refused(visit);
    this.#stopWaiting()?.reject(fault);
  }

  #refused(visit: Visit): Fault {
    const fault = (visit.before as Room).exceeded();
    visit.leave();
    return fault;
  }

  #stopWaiting() {
    const waiting = this.#waiting;
    if (!waiting) return null;
    this.#waiting = null;
    clearTimeout(waiting.timer);
    this.door.waited(this);
    return waiting;
  }
}

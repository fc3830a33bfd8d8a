import { Fault } from '../../event/faults.js';
import type { Place } from '../../event/place.js';
import { type Gap, withLoss } from '../../event/position.js';
import type { Observers } from '../../observe/observers.js';
import type { Frame } from '../frame.js';
import type { Outlet } from '../outlet.js';
import type { OnGap } from './start.js';

export interface ToldParts {
  readonly outlet: Outlet;
  readonly observers: Pick<Observers, 'metrics'>;
  readonly onGap: OnGap;
}

/** The subscription, which ends when its client cannot be told any more. */
export interface Teller {
  readonly isClosed: boolean;
  fail(fault: Fault): void;
  /** Called with an error that nobody expected. */
  broke(error: unknown): void;
}

/** What the client of one subscription was told, and what of its losses it is still to be told. */
export class Told {
  /** Everything up to here was told. Null for a rewind that has not found its beginning yet. */
  place: Place | null = null;
  /**
   * It came with a cursor by other routes, and has not been told so yet. A cursor of its own names the routes of now: back
   * with that one, it would be told nothing.
   */
  changed: Gap | null = null;
  /** The gap that the next frame tells. */
  gap: Gap | null = null;

  constructor(
    private readonly field: string,
    private readonly parts: ToldParts,
    private readonly teller: Teller,
  ) {}

  /** The first of the frames tells the gap. False when they cannot be written. */
  write(frames: readonly Frame[]): boolean {
    const [first] = frames as readonly [Frame];
    this.place = (frames.at(-1) as Frame).place;
    try {
      this.parts.outlet.write(this.gap ? frames.with(0, first.withGap(this.gap)) : frames);
      this.gap = null;
      return true;
    } catch (error) {
      this.teller.broke(error);
      return false;
    }
  }

  /** Ends the operation or waits for the next event to tell it, as the client wished. */
  lack(gap: Gap): void {
    if (this.teller.isClosed) return;
    this.#count(gap);
    if (this.parts.onGap === 'FAIL') this.teller.fail(new Fault('EVENTS_LOST', { why: gap.reason }, { gap }));
    else this.gap = withLoss(this.gap, gap);
  }

  /**
   * To be called for an event that was written again, of a partition of which nobody knows what went by: it may have been
   * shown before its cursor was given out. Its record's time does not tell: the event of a producer that is a second ahead of
   * the log would be shown twice without a word. Nothing is missing, so it ends nothing.
   */
  mayRepeat(): void {
    const gap: Gap = { reason: 'LOG_REFILLED', missed: 0 };
    this.#count(gap);
    this.gap ??= gap;
  }

  #count({ reason }: Gap): void {
    this.parts.observers.metrics.gapTold(this.field, reason);
  }
}

import type { Place } from '../event/place.js';
import type { Gap } from '../event/position.js';
import type { Publication, Voided } from '../event/publication.js';
import type { Frame } from './frame.js';
import type { Reach } from './listener.js';

/** An event as it is offered to the seats of a group. */
export interface Offer {
  readonly frame: Frame;
  /** It alone: the same list for every seat. */
  readonly alone: readonly Frame[];
  readonly publication: Publication;
  /** The group's count of what it heard at this one: a seat taken later must not show it. */
  readonly turn: number;
  /** True when the group has heard these coordinates before: for seats that may still lack them. */
  readonly repeat: boolean;
  /** True when it was written again, and the group had heard nothing of its partition before. */
  readonly isFirst: boolean;
  /**
   * The oldest of what goes with it, itself where it goes alone: right before that one a seat stands that was shown nothing of
   * all that. Null when some of it went before.
   */
  readonly oldest: Heard | null;
}

/** What the seats of a group are offered at once, in order: never empty. */
export interface Batch {
  readonly offers: readonly Offer[];
  /** Theirs, and the same list for every seat: what a transport makes of it is made once. */
  readonly frames: readonly Frame[];
  /** True when every seat that was there before takes all of them: no repeat, and nothing refilled. */
  readonly isPlain: boolean;
}

/** A publication that was heard and may be seen, and what was true at that moment. */
export interface Heard extends Omit<Offer, 'frame' | 'alone' | 'oldest'> {
  /** Where somebody stands who was shown this and all before it. */
  readonly place: Place;
}

/** One subscription's place in its group. Its calls must not throw. */
export interface Seat {
  /** True while it may lack what the group has heard before. */
  readonly wantsRepeats: boolean;
  /** Live events in their turn. True when all were written; of what else it writes of them it tells `delivered`. */
  offer(batch: Batch): boolean;
  /** Tells of a hole that nobody can fill, in its turn, and what it makes void. */
  lost(gap: Gap, voided: Voided | null, turn: number, reach?: Reach): void;
  /** Events that were to be offered were dropped: it goes on from the log. */
  outrun(): void;
}

import type { Place } from '../../event/place.js';
import type { Gap, Position } from '../../event/position.js';

/** Where a subscription begins. */
export type Start =
  | { readonly kind: 'now' }
  | {
      readonly kind: 'rewind';
      readonly count: number;
      /** The last of them lies here; where it begins when not given. */
      readonly upTo?: readonly Position[];
      /** `Shown.since`; when it begins, when not given. */
      readonly since?: readonly number[];
    }
  | { readonly kind: 'after'; readonly place: Place }
  | Handover;

/** The place of a subscription that another one takes: made by `handOver`. */
export interface Handover {
  readonly kind: 'handover';
  readonly place: Place;
  /** `Shown.since` of the first one, and so of its successor. */
  readonly since: readonly number[];
  /** What the first one had still to tell. */
  readonly gap: Gap | null;
}

/** FAIL ends the operation at a gap that cannot be filled; CONTINUE tells it on the next event. */
export type OnGap = 'FAIL' | 'CONTINUE';

/**
 * A cursor goes by its number into other channels than it was made for, and what they hold of before may be less. The log
 * tells so where its relays were changed after the cursor was given out; a gateway of the old schema gives out newer
 * ones all the same, while nothing comes to its channels any more.
 */
export const changedSince = ({ routes }: Place, now: string): Gap | null =>
  routes === now ? null : { reason: 'SCHEMA_CHANGED', missed: null };

import type { Limit, Line } from './lines.js';
import type { Outcome, Tally } from './outcome.js';

/** Where `tailrace send` hands its records. */
export interface Destination {
  readonly most: Limit;
  /** Throws Refusal when it takes no records, or none of this topic. To be called once, before all else. */
  open(): Promise<void>;
  /** Hands over lines, in order, and tells of each what became of it. Throws Refusal, or LineFault. */
  send(lines: readonly Line[], told: (line: Line, outcome: Outcome) => void): Promise<void>;
  /** The place of a record, in the destination's words: `offset 7`. */
  placeOf(outcome: Outcome): string;
  /** What became of all, in a sentence. */
  sum(tally: Tally): string;
  close(): Promise<void>;
}

import type { Loss } from '../../event/publication.js';
import type { Reached } from '../record-batch.js';

/** What a relay remembers of a partition from one place to the next. */
export class Memory {
  /** The newest append; after another history began, what of it is left there. */
  reached: Reached | null = null;
  /** What was committed of a history that is over, as `committedIn` has it. */
  voided: string | null = null;
  /** What the log was told that it lacks. */
  lost: Loss | null = null;
}

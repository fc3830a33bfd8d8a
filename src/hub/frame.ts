import type { Gap } from '../event/position.js';

/**
 * One event as its viewers get it, rendered once per group. Transports put their own few bytes around `payload`.
 * Frames are shared between members: nobody changes one.
 */
export class Frame {
  #payload: string | undefined;

  constructor(
    /** An execution result as JSON, without its closing brace: `{"data":{…}` or `{"errors":[…],"data":null`. */
    readonly result: string,
    /** Null of what cannot be resumed: what a resolver made, and not the log. */
    readonly cursor: string | null,
    readonly gap: Gap | null = null,
  ) {}

  /** The execution result with `extensions.cursor`, and `extensions.gap` when something before it was lost. */
  get payload(): string {
    if (this.cursor === null) return `${this.result}}`;
    const gap = this.gap ? `,"gap":${JSON.stringify(this.gap)}` : '';
    this.#payload ??= `${this.result},"extensions":{"cursor":"${this.cursor}"${gap}}}`;
    return this.#payload;
  }

  withGap(gap: Gap): Frame {
    return new Frame(this.result, this.cursor, gap);
  }

  withCursor(cursor: string): Frame {
    return new Frame(this.result, cursor, this.gap);
  }
}

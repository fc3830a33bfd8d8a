import type { Place } from '../event/place.js';
import type { Gap } from '../event/position.js';

/** An event as all of its viewers are to see it, in parts: what is put around them is a transport's own affair. */
export interface Rendered {
  /** The name under which the operation asked for it, as JSON text. */
  readonly key: string;
  /** JSON text of the value; null where errors left nothing of the whole result. */
  readonly value: string | null;
  /** JSON text of the list of GraphQL errors; null without any. */
  readonly errors: string | null;
}

/** Whoever writes a place as a cursor: a group. */
export interface CursorWriter {
  cursorOf(place: Place): string;
}

/**
 * One event as its viewers get it, rendered once per group. Frames are shared between members: nobody changes one.
 * What a resolver made, and not the log, has no place.
 */
export class Frame {
  #cursor: string | null = null;

  constructor(
    readonly rendered: Rendered,
    /** Where somebody stands who was shown this and all before it. */
    readonly place: Place | null = null,
    private readonly writer: CursorWriter | null = null,
    /** What was lost before it. */
    readonly gap: Gap | null = null,
  ) {}

  /** The place as text; null without one. Written at the first call: a frame that nobody is sent is never signed. */
  get cursor(): string | null {
    if (this.place && this.writer) this.#cursor ??= this.writer.cursorOf(this.place);
    return this.#cursor;
  }

  /** Characters of what was rendered. */
  get length(): number {
    const { key, value, errors } = this.rendered;
    return key.length + (value?.length ?? 0) + (errors?.length ?? 0);
  }

  withGap(gap: Gap): Frame {
    return new Frame(this.rendered, this.place, this.writer, gap);
  }

  at(place: Place): Frame {
    return new Frame(this.rendered, place, this.writer, this.gap);
  }
}

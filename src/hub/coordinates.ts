import { type Coordinate, maxOffsets, wholeRecord } from '../event/cursor.js';
import type { Publication, Voided } from '../event/publication.js';
import type { SourceEvent } from '../event/source-event.js';
import { sourceKey, sourceOf } from '../event/source-key.js';

/**
 * The newest coordinates of each partition of each origin that went by, by `sourceKey`. Within one of these events come in
 * the order of their coordinates, so what is not newer is a repeat: the log lost it and was filled again under new numbers.
 */
export class Coordinates {
  /** What was heard last stands last. */
  readonly #newest = new Map<number, Coordinate>();
  /** The end of `#newest`, where that is more than a cursor holds. */
  #recent: Map<number, Coordinate> | null = null;
  #last = -1;

  /**
   * Whose partitions the cursor had to leave out that they come from, if any: those were heard before all that it has. What came
   * after the oldest of that, as a topic that was made again, had room.
   */
  readonly leftOut: string | null;

  constructor(offsets: ReadonlyMap<number, Coordinate> = new Map()) {
    const [oldest] = offsets.keys();
    this.leftOut = oldest === undefined || offsets.size < maxOffsets ? null : sourceOf(oldest).origin;
    this.add(offsets);
  }

  /** Of what was heard last, for cursors: at most `maxOffsets`. */
  get recent(): ReadonlyMap<number, Coordinate> {
    return this.#recent ?? this.#newest;
  }

  /** Remembers the event. False when it, or a later one of its partition, has gone by before. */
  advance({ source: { origin, record, index } }: Publication): boolean {
    return this.#carry(sourceKey(origin, record.partition), { offset: record.offset, index });
  }

  /** Something of the event's partition has gone by. */
  knows({ origin, record }: SourceEvent): boolean {
    return this.#newest.has(sourceKey(origin, record.partition));
  }

  /** Written again, of a partition for which there was no room in a cursor: nobody knows whether it has gone by. */
  isUnknown({ refilled, source }: Publication): boolean {
    return refilled && this.leftOut === source.origin && !this.knows(source);
  }

  add(offsets: ReadonlyMap<number, Coordinate>): void {
    for (const [key, coordinate] of offsets) this.#carry(key, coordinate);
  }

  equals(recent: ReadonlyMap<number, Coordinate>): boolean {
    const own = this.recent;
    if (recent.size !== own.size) return false;
    for (const [key, { offset, index }] of recent) {
      const known = own.get(key);
      if (known?.offset !== offset || known.index !== index) return false;
    }
    return true;
  }

  /**
   * Other records come from here on: held against what is known of the old ones, they would look like repeats. What lies
   * before a cut is as it was: forgotten too, it would be shown again where it is written again.
   */
  setBack({ partition, cut }: Voided): void {
    if (cut) this.#setBack(sourceKey(cut.origin, partition), cut.offset);
    else for (const key of this.#newest.keys()) if (sourceOf(key).partition === partition) this.#setBack(key, 0);
  }

  #setBack(key: number, offset: number): void {
    const known = this.#newest.get(key);
    if (!known || known.offset < offset) return;
    for (const held of [this.#newest, this.#recent]) {
      if (offset === 0) held?.delete(key);
      else if (held?.has(key)) held.set(key, { offset: offset - 1, index: wholeRecord });
    }
  }

  #carry(key: number, coordinate: Coordinate): boolean {
    const known = this.#newest.get(key);
    const { offset, index } = coordinate;
    if (known && (offset < known.offset || (offset === known.offset && index <= known.index))) return false;
    // Deleted first, so that the map's order tells which was heard longest ago.
    if (key !== this.#last) this.#newest.delete(key);
    this.#newest.set(key, coordinate);
    this.#last = key;
    if (this.#recent) this.#keep(this.#recent, key, coordinate);
    else if (this.#newest.size > maxOffsets) this.#recent = new Map([...this.#newest].slice(-maxOffsets));
    return true;
  }

  #keep(recent: Map<number, Coordinate>, key: number, coordinate: Coordinate): void {
    recent.delete(key);
    recent.set(key, coordinate);
    if (recent.size > maxOffsets) recent.delete(recent.keys().next().value as number);
  }
}

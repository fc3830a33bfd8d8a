import { type Coordinate, maxOffsets } from '../event/cursor.js';
import type { Publication } from '../event/publication.js';

/**
 * The newest coordinates of each source partition that went by. Within a partition events come in the order of their
 * coordinates, so what is not newer than these is a repeat: the log lost it and was filled again under new numbers.
 */
export class Coordinates {
  readonly #newest = new Map<number, Coordinate>();
  readonly #recent = new Map<number, Coordinate>();

  constructor(offsets: ReadonlyMap<number, Coordinate> = new Map()) {
    this.add(offsets);
  }

  /** Of the partitions heard last, for cursors: at most `maxOffsets`. */
  get recent(): ReadonlyMap<number, Coordinate> {
    return this.#recent;
  }

  /** Remembers the event. False when it, or a later one of its partition, has gone by before. */
  pass({ source: { record, index } }: Publication): boolean {
    return this.#carry(record.partition, { offset: record.offset, index });
  }

  add(offsets: ReadonlyMap<number, Coordinate>): void {
    for (const [partition, coordinate] of offsets) this.#carry(partition, coordinate);
  }

  equals(recent: ReadonlyMap<number, Coordinate>): boolean {
    if (recent.size !== this.#recent.size) return false;
    for (const [partition, { offset, index }] of recent) {
      const known = this.#recent.get(partition);
      if (known?.offset !== offset || known.index !== index) return false;
    }
    return true;
  }

  /** The partition begins anew: held against its old offsets, everything new would look like a repeat. */
  forget(partition: number): void {
    this.#newest.delete(partition);
    this.#recent.delete(partition);
  }

  #carry(partition: number, coordinate: Coordinate): boolean {
    const known = this.#newest.get(partition);
    const { offset, index } = coordinate;
    if (known && (offset < known.offset || (offset === known.offset && index <= known.index))) return false;
    this.#newest.set(partition, coordinate);
    // Deleted first, so that the map's order tells which partition was heard longest ago.
    this.#recent.delete(partition);
    this.#recent.set(partition, coordinate);
    if (this.#recent.size > maxOffsets) this.#recent.delete(this.#recent.keys().next().value as number);
    return true;
  }
}

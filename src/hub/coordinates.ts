import { type Coordinate, maxOffsets } from '../event/cursor.js';
import type { Publication } from '../event/publication.js';

/**
 * The newest coordinates of each source partition that went by. Within a partition events come in the order of their
 * coordinates, so what is not newer than these is a repeat: the log lost it and was filled again under new numbers.
 */
export class Coordinates {
  /** The partition heard last stands last. */
  readonly #newest = new Map<number, Coordinate>();
  /** The end of `#newest`, where that is more than a cursor holds. */
  #recent: Map<number, Coordinate> | null = null;
  #last = -1;

  /** True when they come from a cursor that may have had to leave partitions out. */
  readonly #isFull: boolean;

  constructor(offsets: ReadonlyMap<number, Coordinate> = new Map()) {
    this.#isFull = offsets.size >= maxOffsets;
    this.add(offsets);
  }

  /** Of the partitions heard last, for cursors: at most `maxOffsets`. */
  get recent(): ReadonlyMap<number, Coordinate> {
    return this.#recent ?? this.#newest;
  }

  /** Remembers the event. False when it, or a later one of its partition, has gone by before. */
  pass({ source: { record, index } }: Publication): boolean {
    return this.#carry(record.partition, { offset: record.offset, index });
  }

  /** Nobody knows what went by of this partition: there was no room for it in a cursor. */
  isUnknown(partition: number): boolean {
    return this.#isFull && !this.#newest.has(partition);
  }

  add(offsets: ReadonlyMap<number, Coordinate>): void {
    for (const [partition, coordinate] of offsets) this.#carry(partition, coordinate);
  }

  equals(recent: ReadonlyMap<number, Coordinate>): boolean {
    const own = this.recent;
    if (recent.size !== own.size) return false;
    for (const [partition, { offset, index }] of recent) {
      const known = own.get(partition);
      if (known?.offset !== offset || known.index !== index) return false;
    }
    return true;
  }

  /** The partition begins anew: held against its old offsets, everything new would look like a repeat. */
  forget(partition: number): void {
    this.#newest.delete(partition);
    this.#recent?.delete(partition);
  }

  #carry(partition: number, coordinate: Coordinate): boolean {
    const known = this.#newest.get(partition);
    const { offset, index } = coordinate;
    if (known && (offset < known.offset || (offset === known.offset && index <= known.index))) return false;
    // Deleted first, so that the map's order tells which partition was heard longest ago.
    if (partition !== this.#last) this.#newest.delete(partition);
    this.#newest.set(partition, coordinate);
    this.#last = partition;
    if (this.#recent) this.#keep(this.#recent, partition, coordinate);
    else if (this.#newest.size > maxOffsets) this.#recent = new Map([...this.#newest].slice(-maxOffsets));
    return true;
  }

  #keep(recent: Map<number, Coordinate>, partition: number, coordinate: Coordinate): void {
    recent.delete(partition);
    recent.set(partition, coordinate);
    if (recent.size > maxOffsets) recent.delete(recent.keys().next().value as number);
  }
}

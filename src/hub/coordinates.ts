import { type Coordinate, maxOffsets, noOffsets, wholeRecord } from '../event/place.js';
import type { Publication, Voided } from '../event/publication.js';
import type { SourceEvent } from '../event/source-event.js';
import { sourceKey, sourceOf } from '../event/source-key.js';

/**
 * The newest coordinates of each partition of each origin that went by. Within one of these events come in the order of
 * their coordinates, so what is not newer is a repeat: the log lost it and was filled again under new numbers.
 */
export class Coordinates {
  /** Of the partitions heard last, as a place has them. The list is replaced and never changed: places hold it. */
  #recent: readonly Coordinate[];
  /** Of those for which it has no room, by `sourceKey`. */
  #older: Map<number, Coordinate> | null = null;

  /**
   * The origin whose partitions a full place had to leave out: those were heard before all that it has. Null where it had room;
   * what came after its oldest, as a topic that was made again, had room too.
   */
  readonly leftOut: string | null;

  /** Begins with those of a place. */
  constructor(offsets: readonly Coordinate[] = noOffsets) {
    const [oldest] = offsets;
    this.leftOut = oldest === undefined || offsets.length < maxOffsets ? null : sourceOf(oldest.key).origin;
    this.#recent = offsets;
  }

  /** Those that a place takes. */
  get recent(): readonly Coordinate[] {
    return this.#recent;
  }

  /** Remembers the event. False when it, or a later one of its partition, has gone by before. */
  advance({ source: { origin, record, index } }: Publication): boolean {
    return this.#advance({ key: sourceKey(origin, record.partition), offset: record.offset, index });
  }

  /** Something of the event's partition has gone by. */
  knows({ origin, record }: SourceEvent): boolean {
    const key = sourceKey(origin, record.partition);
    return indexOf(this.#recent, key) >= 0 || this.#older?.has(key) === true;
  }

  /** An event that was written again, of a partition that a full place may have left out: nobody knows whether it has gone by. */
  isUnknown({ refilled, source }: Publication): boolean {
    return refilled && this.leftOut === source.origin && !this.knows(source);
  }

  add(offsets: readonly Coordinate[]): void {
    for (const coordinate of offsets) this.#advance(coordinate);
  }

  /** True when a place of these coordinates has the same, in whatever order. */
  equals(offsets: readonly Coordinate[]): boolean {
    const own = this.#recent;
    if (own === offsets) return true;
    if (own.length !== offsets.length) return false;
    return offsets.every(({ key, offset, index }) => {
      const known = own[indexOf(own, key)];
      return known?.offset === offset && known.index === index;
    });
  }

  /**
   * Other records come from here on: held against what is known of the old ones, they would look like repeats. What lies
   * before a cut is as it was: forgotten too, it would be shown again where it is written again.
   */
  setBack({ partition, cut }: Voided): void {
    if (cut) this.#setBack(sourceKey(cut.origin, partition), cut.offset);
    else
      for (const { key } of [...this.#recent, ...(this.#older?.values() ?? [])])
        if (sourceOf(key).partition === partition) this.#setBack(key, 0);
  }

  #setBack(key: number, end: number): void {
    const at = indexOf(this.#recent, key);
    const known = at < 0 ? this.#older?.get(key) : this.#recent[at];
    if (!known || known.offset < end) return;
    const before = { key, offset: end - 1, index: wholeRecord };
    if (at >= 0) this.#recent = end === 0 ? this.#recent.toSpliced(at, 1) : this.#recent.with(at, before);
    else if (end === 0) this.#older?.delete(key);
    else this.#older?.set(key, before);
  }

  #advance(coordinate: Coordinate): boolean {
    const { key, offset, index } = coordinate;
    const at = indexOf(this.#recent, key);
    const known = at < 0 ? this.#older?.get(key) : this.#recent[at];
    if (known && (offset < known.offset || (offset === known.offset && index <= known.index))) return false;
    const recent = this.#recent.slice();
    if (at === recent.length - 1 && at >= 0) recent[at] = coordinate;
    else {
      if (at >= 0) recent.splice(at, 1);
      else if (known) this.#older?.delete(key);
      recent.push(coordinate);
      if (recent.length > maxOffsets) this.#leaveOut(recent.shift() as Coordinate);
    }
    this.#recent = recent;
    return true;
  }

  #leaveOut(oldest: Coordinate): void {
    this.#older ??= new Map();
    this.#older.set(oldest.key, oldest);
  }
}

/** From the end: the partition that was heard last is mostly heard again. */
function indexOf(offsets: readonly Coordinate[], key: number): number {
  for (let at = offsets.length - 1; at >= 0; at--) if ((offsets[at] as Coordinate).key === key) return at;
  return -1;
}

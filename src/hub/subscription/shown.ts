import { type Coordinate, offsetsBefore, type Place, positionBefore } from '../../event/place.js';
import type { Position } from '../../event/position.js';
import { isSince, type Publication, type Voided } from '../../event/publication.js';
import { Coordinates } from '../coordinates.js';
import type { Frame } from '../frame.js';
import type { Group, Heard, Offer } from '../group.js';
import type { Hub } from '../hub.js';
import { isOver, type Late, lateAt } from '../late.js';
import type { Reach } from '../listener.js';

const untilEqual = Number.POSITIVE_INFINITY;

/**
 * What one subscription was shown. It has coordinates of its own while the group's frames do not tell them: those were made
 * before its replay was through, or the group has heard more than this one was shown, or less. After a loss of the log,
 * what is written again is a repeat to those who were shown it, and to no one else.
 */
export class Shown {
  /**
   * Per shard, by its clock: refilled events older than this are history. Those of before that it was to see, it has seen.
   * Empty where none is.
   */
  since: readonly number[] = [];
  #own: Coordinates | null = null;
  /** The last turn of the group that needs `#own`. */
  #until = 0;
  #late: Late = null;
  /** `Coordinates.leftOut` of what it came with: of those of which its group knows nothing, nobody knows. */
  #leftOut: string | null = null;
  /** By performance.now(), when it came to the place from which it is live. */
  #came = 0;

  constructor(
    private readonly group: Group,
    private readonly hub: Pick<Hub, 'heads'>,
  ) {}

  /** False when the group's frames tell all. */
  get isApart(): boolean {
    return this.#own !== null;
  }

  /** Not null: its places are its own. */
  get late(): Late {
    if (isOver(this.#late, this.hub.heads(), this.group.retain)) {
      this.#late = null;
      this.#teach();
    }
    return this.#late;
  }

  /** It came with a cursor that was late already. */
  cameLate(late: Late): void {
    this.#late = late;
  }

  /** It begins here, and nothing of before is its business. */
  begins(): void {
    this.#came = performance.now();
  }

  /** It goes from one place of the log to another. */
  goes(from: Place['positions'], to: readonly Position[]): void {
    this.#late = lateAt(this.#late, from, to);
    this.#came = performance.now();
  }

  /** A replay is through, and `shown` is what it and all before it showed. */
  caughtUp(shown: Coordinates): void {
    this.#own = shown;
    this.#leftOut = shown.leftOut;
    this.#teach();
  }

  /**
   * The group learns what was shown. Not from one that is late: a mark that is still to come may make void what that one knows,
   * and to others of the group new events would be repeats.
   */
  #teach(): void {
    this.#until = untilEqual;
    if (this.#own === null || this.#late !== null) return;
    this.group.remember(this.#own.recent);
    if (this.group.hasHeard(this.#own.recent)) this.#until = this.group.turn;
  }

  /** The group's frames tell all from the turn on from which the group knows all that was shown. */
  settle(turn: number): void {
    if (this.#own !== null && turn > this.#until && this.late === null) this.#own = null;
  }

  /** False for what was shown before. */
  advance({ publication, repeat }: Offer): boolean {
    return this.#own ? this.#own.advance(publication) : !repeat;
  }

  /** By the record's time alone, one that is older than its own partition would be passed over by who lacks it. */
  isHistory({ refilled, firstBy, source, position }: Publication): boolean {
    return refilled && (firstBy ?? source.record.timestamp) < (this.since[position.shard] ?? 0);
  }

  /** An event that was written again, while nobody knows what went by of its partition. */
  isUnknown({ publication, isFirst }: Offer): boolean {
    return this.#own?.isUnknown(publication) ?? (isFirst && this.#leftOut === publication.source.origin);
  }

  setBack(voided: Voided): void {
    this.#own?.setBack(voided);
  }

  /** What was lost since may have been for it. */
  isReached({ since, heard, stayed, before }: Reach): boolean {
    if (stayed && this.#came < stayed.until) return isSince({ since }, stayed.heard);
    const known = before.find(({ until }) => this.#came < until)?.heard ?? heard;
    return isSince({ since }, Math.min(known, this.#late ?? known));
  }

  /** What was shown, for a replay that goes on from this place. */
  upTo(place: Place): Coordinates {
    return this.#own ?? new Coordinates(place.offsets);
  }

  /** The frame of an offer, with a place of its own where it needs one. */
  frames({ frame, alone }: Offer): readonly Frame[] {
    if (!this.#own) return alone;
    const { positions } = frame.place as Place;
    return [frame.at(this.placeAt(positions, this.#own.recent))];
  }

  /** Where it stands that was shown all that the group has heard. */
  place(): Place {
    if (this.#own && this.late === null && this.group.hasHeard(this.#own.recent)) this.#own = null;
    const here = this.group.place();
    const { late } = this;
    if (!this.#own && late === null) return here;
    return this.placeAt(here.positions, this.#own?.recent ?? here.offsets);
  }

  /** Where it stands that was shown nothing of an offer whose oldest is this one, and all before it. */
  before({ publication: { position, source }, place }: Heard): Place {
    const positions = place.positions.with(position.shard, positionBefore(position));
    return this.placeAt(positions, this.#own?.recent ?? offsetsBefore(place.offsets, source));
  }

  placeAt(positions: Place['positions'], offsets: readonly Coordinate[]): Place {
    return this.group.placeAt(positions, offsets, this.late);
  }
}

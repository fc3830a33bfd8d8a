import { hasPassed, type Moment, type Position } from '../event/position.js';

interface Left {
  readonly head: Position;
  /** By performance.now(). */
  readonly at: number;
}

/** The epochs that this replica has left, and how far it had heard each of them. */
export class LeftEpochs {
  readonly #left = new Map<string, Left>();

  add(head: Position): void {
    this.#left.set(keyOf(head), { head, at: performance.now() });
  }

  /** By performance.now(), when it was left; undefined for one that was not. */
  at(epoch: Pick<Position, 'shard' | 'epoch'>): number | undefined {
    return this.#left.get(keyOf(epoch))?.at;
  }

  /**
   * Until when a place was passed by everybody who was there then, on a replica that stands at `head`: by performance.now(),
   * Infinity where they pass it still, -Infinity where nobody knows that they did.
   */
  passed(place: Moment, head: Position): number {
    const left = this.#left.get(keyOf({ ...head, epoch: place.epoch }));
    if (hasPassed(head, place)) return Number.POSITIVE_INFINITY;
    return left && hasPassed(left.head, place) ? left.at : Number.NEGATIVE_INFINITY;
  }
}

const keyOf = ({ shard, epoch }: Pick<Position, 'shard' | 'epoch'>): string => `${shard} ${epoch}`;

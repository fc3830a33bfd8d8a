import { hasPassed, type Moment, type Position } from '../../event/position.js';
import type { Stay } from '../listener.js';

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

  /** Of those who were at a place of an epoch or passed it, on a replica that stands at `head`; null where nobody has. */
  stay(place: Moment, head: Position): Stay | null {
    if (hasPassed(head, place)) return { until: Number.POSITIVE_INFINITY, heard: head.time };
    const left = this.#left.get(keyOf({ ...head, epoch: place.epoch }));
    return left && hasPassed(left.head, place) ? stayUntil(left) : null;
  }

  /** Of those who were there before an epoch of a shard that was left in the last `within` milliseconds, the oldest first. */
  before(shard: number, within: number): readonly Stay[] {
    const since = performance.now() - within;
    return [...this.#left.values()].filter(({ head, at }) => head.shard === shard && at >= since).map(stayUntil);
  }
}

const stayUntil = ({ at, head }: Left): Stay => ({ until: at, heard: head.time });

const keyOf = ({ shard, epoch }: Pick<Position, 'shard' | 'epoch'>): string => `${shard} ${epoch}`;

import { isGivenAgain, type Moment, type Position } from '../../event/position.js';
import type { ChannelLogReader } from '../../log/channel-log.js';
import type { Logger } from '../../observe/logger.js';
import type { LeftEpochs } from './left-epochs.js';

/** Milliseconds for which an epoch that was left may still be read, and relays be waited for: no replica lags by more. */
const lag = 60_000;
/** Milliseconds that a clock of the log may be behind: as much as a server's is corrected by. */
const slack = 1_000;
/** Milliseconds between two times that relays are told of a shard: thousands of clients may have come with the same doubt. */
const pause = 100;

/**
 * What this replica knows better than the log it reads. Either that is a replica of Redis which lags, and will catch up; or
 * Redis has gone back to an older copy of itself under the same epoch, and numbers will be given out twice. Only relays can
 * tell, and put it right by another epoch.
 */
export class Doubts {
  /** Per shard, the epoch of which it is certain that numbers were given out twice. */
  readonly #twice = new Map<number, string>();
  /** Per shard, since when another epoch is waited for, or a replica. */
  readonly #since = new Map<number, number>();
  readonly #told = new Map<number, number>();
  /** Per shard, the newest time of the log that was known. */
  readonly #clock = new Map<number, number>();

  constructor(
    private readonly log: Pick<ChannelLogReader, 'doubt'>,
    private readonly logger: Logger,
    private readonly epochs: LeftEpochs,
  ) {}

  /** True while nobody may read by numbers of this epoch, and another one is waited for. */
  isUnreadable(position: Position): boolean {
    return this.isTwice(position) && this.#isWaiting(position.shard);
  }

  /** True when it is certain that numbers of the position's epoch were given out twice. */
  isTwice({ shard, epoch }: Position): boolean {
    return this.#twice.get(shard) === epoch;
  }

  /** Waiting ends after a while: relays of an older version never open an epoch, and times then tell what numbers cannot. */
  #isWaiting(shard: number): boolean {
    const since = this.#since.get(shard) ?? performance.now();
    this.#since.set(shard, since);
    return performance.now() - since < lag;
  }

  /** To be called with an entry or a commit that shows that numbers of its epoch were given out twice. */
  twice(position: Position): void {
    const { shard, epoch } = position;
    if (!this.isTwice(position)) {
      this.logger.warn({ shard, epoch }, 'Redis went back to older data and gave out numbers twice; relays are told');
      this.#told.delete(shard);
      this.#since.delete(shard);
    }
    this.#twice.set(shard, epoch);
    this.#tell(position, true);
  }

  /** The log went on to another epoch. */
  over(shard: number): void {
    this.#since.delete(shard);
  }

  /** `known` was there before the log was asked, which then stood at `found`: that is an older state of it. */
  isOlder(known: Moment, found: Position): boolean {
    if (found.epoch === known.epoch) return found.number < known.number && !isGivenAgain(known, found);
    return this.isOver(found);
  }

  /** True when the log has lately gone on from the position's epoch to another one. */
  isOver(position: Position): boolean {
    const left = this.epochs.at(position);
    return left !== undefined && performance.now() - left < lag;
  }

  /**
   * Tells relays where that is so, and tells them again what they have not put right. True where it is so. `clocks` are the
   * log's: behind what was known, they have begun anew, and no relay remembers.
   */
  compare(known: readonly Position[], found: readonly Position[], clocks: readonly number[]): boolean {
    let older = false;
    for (const [shard, now] of found.entries()) {
      const before = known[shard] as Position;
      if (this.isOlder(before, now)) older = true;
      const newest = Math.max(before.time, this.#clock.get(shard) ?? 0);
      this.#clock.set(shard, newest);
      // An empty log has no epoch, and no relay has seen it yet: the first one opens an epoch.
      if (now.epoch === '') continue;
      if (isGivenAgain(before, now) || this.isTwice(now)) this.twice(now);
      else if (now.epoch === before.epoch && now.number < before.number) this.#tell(before, false);
      // An epoch that was left is back, with an older copy of the log: relays that are still at it are to leave it.
      else if (this.epochs.at(now) !== undefined) this.#tell(now, true);
      else if ((clocks[shard] as number) < newest - slack) this.#tell({ ...now, number: 0, time: newest }, false);
    }
    return older;
  }

  /** Tells relays that the log has less than is `known`. True while it is to be waited for. */
  lacks(known: Position): boolean {
    this.#tell(known, this.isTwice(known));
    return this.#isWaiting(known.shard);
  }

  #tell(known: Position, certain: boolean): void {
    const { shard } = known;
    const now = performance.now();
    if (now - (this.#told.get(shard) ?? Number.NEGATIVE_INFINITY) < pause) return;
    this.#told.set(shard, now);
    this.log.doubt(known, certain).catch((error: Error) => {
      this.logger.warn({ shard, error: error.message }, 'relays cannot be told that Redis lost data');
    });
  }
}

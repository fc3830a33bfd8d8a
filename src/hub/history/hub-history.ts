import type { Channel } from '../../event/channel.js';
import type { Moment, Position } from '../../event/position.js';
import type { Publication } from '../../event/publication.js';
import type { History, LoggedGap } from '../../log/channel-log.js';
import type { Doubts } from '../healing/doubts.js';
import { LogMoved } from './channel-history.js';
import { Recent } from './recent.js';
import type { Reads } from './shared-reads.js';

/** Where the hub stands. */
export interface Followed {
  readonly heads: readonly Position[];
  /** Per shard, from where on the log was followed without a break in its epoch. */
  readonly since: readonly Position[];
  /** The number of the newest publication of the channel on the shard; undefined while the channel is not heard. */
  last(channel: Channel, shard: number): number | undefined;
}

/**
 * History for replays: as the log tells it, and from memory where all that is asked was heard lately. Either way it goes
 * at least as far as the hub's heads at the time of the call.
 */
export class HubHistory {
  readonly #recent: Recent;
  /** Per shard, its gap marks, once somebody has asked; one that is heard makes them void. */
  readonly #marks = new Map<number, Promise<readonly LoggedGap[]>>();

  constructor(
    private readonly log: Reads,
    private readonly doubts: Doubts,
    tailBytes: number,
    private readonly followed: Followed,
  ) {
    this.#recent = new Recent(tailBytes);
  }

  /** To be called for each publication, in the order of the log, before the heads move. */
  keep(publication: Publication): void {
    this.#recent.keep(publication);
  }

  /** A gap was told on this shard. */
  marked(shard: number): void {
    this.#marks.delete(shard);
  }

  /** To be called when the channel is not heard any more. */
  forget(channel: Channel): void {
    this.#recent.forget(channel);
  }

  async read(
    channel: Channel,
    shard: number,
    after: number | null,
    limit: number,
    since = Number.POSITIVE_INFINITY,
  ): Promise<History> {
    const head = this.followed.heads[shard] as Position;
    if (after !== null && this.doubts.isUnreadable(head)) throw new LogMoved();
    const begin = this.followed.since[shard] as Moment;
    // A place from before this replica came may be of data that Redis has lost since: only the log tells, by its times.
    const isOurs = after !== null && !this.doubts.isTwice(head) && after >= begin.number && since >= begin.time;
    const later = isOurs ? this.#after(channel, head, after, limit + 1) : null;
    if (!later) return this.log.read(channel, shard, after, limit, since);
    const publications = later.slice(0, limit);
    return { publications, head, now: head.time, trimmedTo: 0, more: later.length > limit, heard: true };
  }

  newest(channel: Channel, shard: number, limit: number): Promise<History> {
    return this.log.newest(channel, shard, limit);
  }

  gaps(shard: number): Promise<readonly LoggedGap[]> {
    const known = this.#marks.get(shard);
    if (known) return known;
    const marks = this.#readMarks(shard);
    this.#marks.set(shard, marks);
    marks.catch(() => this.#marks.get(shard) === marks && this.#marks.delete(shard));
    return marks;
  }

  /** Marks are kept for everybody who comes: read from an older state of the log, they would hide the newer ones. */
  async #readMarks(shard: number): Promise<readonly LoggedGap[]> {
    const before = this.followed.heads;
    const { heads, now } = await this.log.heads();
    this.doubts.compare(before, heads, now);
    if (this.doubts.isOlder(before[shard] as Position, heads[shard] as Position)) throw new LogMoved();
    return this.log.gaps(shard);
  }

  /** The first `limit` of what the channel carried after a number of the head's epoch; null when that was not all heard, or is not kept. */
  #after(channel: Channel, head: Position, after: number, limit: number): readonly Publication[] | null {
    const last = this.followed.last(channel, head.shard);
    return last !== undefined && after >= last ? [] : this.#recent.after(channel, head, after, limit);
  }
}

import type { Channel } from '../event/channel.js';
import type { Position } from '../event/position.js';
import type { Doubts } from './healing/doubts.js';
import type { LeftEpochs } from './healing/left-epochs.js';
import type { Followed } from './history/hub-history.js';
import type { TailedChannel } from './listener.js';

/** How far this replica has followed the log: per shard, and per channel on each. */
export class Following implements Followed {
  #heads: readonly Position[] = [];
  #since: readonly Position[] = [];

  constructor(
    private readonly channels: ReadonlyMap<Channel, TailedChannel>,
    private readonly left: LeftEpochs,
    private readonly doubts: Doubts,
  ) {}

  /** Up to here everything was offered. Empty until the tail has told them. */
  get heads(): readonly Position[] {
    return this.#heads;
  }

  get since(): readonly Position[] {
    return this.#since;
  }

  last(channel: Channel, shard: number): number | undefined {
    return this.channels.get(channel)?.last?.[shard];
  }

  begin(heads: readonly Position[]): void {
    this.#heads = heads;
    this.#since = heads;
  }

  /** A commit was offered. */
  advance(position: Position): void {
    this.#heads = this.#heads.with(position.shard, position);
  }

  /** The log, asked at `now`, had nothing beyond the heads. */
  refreshed(now: readonly number[]): void {
    this.#heads = this.#heads.map((head) => ({ ...head, time: Math.max(head.time, now[head.shard] as number) }));
  }

  /** Everything up to `head` was read: no predecessor up to there is a hole; numbers of an older epoch are forgotten. */
  reached(head: Position): void {
    const { shard, epoch, number } = head;
    const before = this.#heads[shard] as Position;
    const isSame = epoch === before.epoch;
    if (!isSame) {
      this.left.add(before);
      this.doubts.over(shard);
      this.#since = this.#since.with(shard, head);
    }
    for (const { last } of this.channels.values()) {
      if (last) last[shard] = isSame ? Math.max(last[shard] as number, number) : number;
    }
    // A log without an epoch has no clock yet: relays that remember set it on. By that of its server, which may be an hour behind,
    // all that comes then would come an hour later.
    this.advance(epoch === '' ? { ...head, time: Math.max(before.time, head.time) } : head);
  }

  /** Of the shard's epoch only what came up to `number` is still there; what has higher numbers now, was never heard. */
  goBack(shard: number, number: number): void {
    const head = this.#heads[shard] as Position;
    for (const { last } of this.channels.values()) if (last) last[shard] = Math.min(last[shard] as number, number);
    this.advance({ ...head, number: Math.min(head.number, number) });
  }
}

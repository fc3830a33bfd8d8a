import { setTimeout as pause } from 'node:timers/promises';
import { backoff } from '../event/backoff.js';
import type { Channel } from '../event/channel.js';
import type { Progress } from '../event/place.js';
import type { Position } from '../event/position.js';
import type { Commit } from '../event/publication.js';
import { type LogTail, LogUnavailable, type TailListener } from '../log/channel-log.js';
import { type Compared, comparison } from './healing/comparison.js';
import { Doubts } from './healing/doubts.js';
import { type Missed, readMissed } from './healing/fill.js';
import { hasHole, isStepBack, standingOf } from './healing/holes.js';
import { LeftEpochs } from './healing/left-epochs.js';
import { LogMoved } from './history/channel-history.js';
import { Following } from './history/following.js';
import { HubHistory } from './history/hub-history.js';
import { sharedReads, together } from './history/shared-reads.js';
import type { Hub, HubOptions } from './hub.js';
import type { ChannelListener } from './listener.js';
import { Offering } from './offering.js';
import { TailedChannels } from './tailed-channels.js';
import { Waiters } from './waiters.js';

/** More commits than this waiting for a fill are dropped; the fill then reads them from history instead. */
const maxWaiting = 10_000;

/** What was missed is being read, and commits that come meanwhile wait for it. */
interface Filling {
  readonly is: 'filling';
  readonly waiting: Commit[];
}

type State = { readonly is: 'whole' } | Filling;

const whole: State = { is: 'whole' };

/**
 *              a commit is missing · the tail was interrupted
 *      whole ─────────────────────────────────────────────────▶ filling: commits wait
 *        ▲                                                         │
 *        └──────────── all that was missed was read and offered ───┘
 */
export class TailingHub implements Hub, TailListener, Compared {
  #state: State = whole;
  #closed = false;
  #tail: LogTail | null = null;
  #probe: NodeJS.Timeout | undefined;
  /** Per shard, the last commit that the tail has told since it was whole: it tells in the order of the log. */
  #told: (Position | undefined)[] = [];
  readonly #once = together();
  readonly #random: () => number;
  readonly #doubts: Doubts;
  readonly #channels: TailedChannels;
  readonly #following: Following;
  readonly #history: HubHistory;
  readonly #offering: Offering;
  readonly #comparison: ReturnType<typeof comparison>;
  /** Those who wait until nothing is missing any more. */
  readonly #settling: Waiters;

  constructor(private readonly options: HubOptions) {
    const { log } = options;
    const { metrics, logger } = options.observers;
    const { leaveDelay = 2_000, patience = 5_000, grace = 50, tailBytes = 32 * 1024 * 1024 } = options;
    this.#random = options.random ?? Math.random;
    const reads = sharedReads(log);
    const left = new LeftEpochs();
    this.#doubts = new Doubts(log, logger, left);
    this.#channels = new TailedChannels({
      tail: {
        listen: async (channels) => this.#tail?.listen(channels),
        leave: (channels) => this.#tail?.leave(channels),
      },
      leaveDelay,
      changed: metrics.channels,
      left: (channel) => this.#history.forget(channel),
    });
    this.#following = new Following(this.#channels, left, this.#doubts);
    this.#history = new HubHistory(reads, this.#doubts, tailBytes, this.#following);
    this.#offering = new Offering(this.#channels, this.#history, left, logger);
    this.#comparison = comparison(reads, this, this.#doubts, grace);
    this.#settling = new Waiters(patience, 'what was missed cannot be read yet');
  }

  /** To be called once, and before all else. Throws LogUnavailable. */
  async open(): Promise<void> {
    const { log, probeEvery = 12_000 } = this.options;
    const tail = await log.tail(this);
    this.#tail = tail;
    this.#following.begin(tail.heads());
    try {
      await this.#comparison.compare();
    } catch (error) {
      await tail.close();
      throw error;
    }
    this.#probe = setInterval(() => void this.#comparison.compare().catch(() => undefined), probeEvery);
    this.#probe.unref();
  }

  async join(listener: ChannelListener): Promise<void> {
    this.#offering.enter(listener);
    await this.#channels.enter(listener);
    await this.whole();
    for (const name of listener.channels) {
      const channel = this.#channels.get(name);
      if (channel) channel.last ??= this.heads().map(({ number }) => number);
    }
  }

  leave(listener: ChannelListener): void {
    this.#offering.leave(listener);
    this.#channels.leave(listener);
  }

  async refresh(shown?: Progress): Promise<void> {
    await this.#once('refresh', this.#comparison.refresh);
    if (shown) this.#comparison.expect(shown);
  }

  twice(position: Position): void {
    this.#doubts.twice(position);
    if (this.#doubts.isUnreadable(position)) throw new LogMoved();
  }

  heads(): readonly Position[] {
    return this.#following.heads;
  }

  read(...asked: Parameters<Hub['read']>) {
    return this.#history.read(...asked);
  }

  newest(channel: Channel, shard: number, limit: number) {
    return this.#history.newest(channel, shard, limit);
  }

  gaps(shard: number) {
    return this.#history.gaps(shard);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#probe);
    this.#channels.close();
    await this.#tail?.close();
  }

  // What the tail tells.

  commit(commit: Commit): void {
    const { shard } = commit.position;
    const before = this.#told[shard];
    this.#told[shard] = commit.position;
    if (before && isStepBack(commit, before)) this.#goBack(commit);
    else if (this.#state.is === 'whole') this.#take(commit);
    else if (this.#state.waiting.push(commit) > maxWaiting) this.fill();
  }

  interrupted(): void {
    this.#told = [];
    // Another object than before: a fill that is under way is void.
    this.#state = { is: 'filling', waiting: this.#state.is === 'filling' ? this.#state.waiting : [] };
  }

  restored(): void {
    this.#told = [];
    this.fill();
  }

  // What a comparison with the log needs.

  get isFilling(): boolean {
    return this.#state.is === 'filling';
  }

  refreshed(now: readonly number[]): void {
    this.#following.refreshed(now);
  }

  async whole(): Promise<void> {
    while (this.isFilling) await this.#settling.wait();
  }

  deaf(): void {
    this.options.observers.logger.warn({}, 'the tail of the log is deaf; listening anew');
    this.#tail?.renew();
  }

  /** Reads what was missed, then goes on with what waited. A newer call, and an interruption, make an older one void. */
  fill(): void {
    const filling: Filling = { is: 'filling', waiting: [] };
    this.#state = filling;
    void this.#filled(filling);
  }

  /** The object is the fill: another state, also another filling, has taken its place. */
  #isVoid(filling: Filling): boolean {
    return this.#state !== filling || this.#closed;
  }

  async #filled(filling: Filling): Promise<void> {
    const { logger } = this.options.observers;
    for (let failures = 0; !this.#isVoid(filling); failures++) {
      try {
        await this.#attempt(filling);
        return;
      } catch (error) {
        const told = error instanceof LogUnavailable ? error.message : String(error);
        logger.warn({ error: told, failures }, 'history cannot be read yet; live events wait');
        // All replicas lost the log in the same moment: they must not all come back to it in one.
        await pause(backoff(failures + 1, { first: 50, most: 2_000, random: this.#random }));
      }
    }
  }

  async #attempt(filling: Filling): Promise<void> {
    const { log } = this.options;
    // What was heard before the log is asked lies before what it answers, also what was still on its way from an epoch that
    // is over.
    const covered = filling.waiting.length;
    const promised = [...this.#told];
    const heads = this.heads();
    const missed = await readMissed(log, heads, this.#channels, this.#doubts, () => pause(20 * this.#random()));
    if (this.#isVoid(filling)) return;
    this.#offerMissed(missed);
    for (const one of promised) if (one) this.#comparison.expectReached(one, missed.found);
    if (!missed.isOlder) this.refreshed(missed.now);
    this.#state = whole;
    this.#takeAll(filling.waiting.slice(covered));
  }

  #offerMissed({ commits, lost }: Missed): void {
    for (const { position, publications } of commits.flat()) {
      this.#expectBehind(position, position.number);
      for (const one of publications) this.#expectBehind(one.position, one.position.number - 1);
    }
    for (const [listener, gap] of lost) listener.lost(gap, null);
    for (const ofShard of commits) {
      for (const commit of ofShard) this.#offering.offer(commit, this.heads());
      for (const { position } of ofShard.slice(-1)) this.#following.reached(position);
    }
  }

  /** What waited for a fill. One of them may tell of another hole: the rest waits for that fill, in order. */
  #takeAll(later: Commit[]): void {
    while (later.length > 0 && !this.isFilling) this.#take(later.shift() as Commit);
    if (this.#state.is === 'filling') this.#state.waiting.push(...later);
    else this.#settling.release();
  }

  /** What is read as new lies behind the head; where it does not, its number was given out before. */
  #expectBehind(found: Position, number: number): void {
    const head = this.heads()[found.shard] as Position;
    if (found.epoch === head.epoch && number < head.number) this.#leaveBehind(found, number);
  }

  #take(commit: Commit): void {
    const { shard, epoch, number } = commit.position;
    const head = this.heads()[shard];
    // Heard while the tail opened: nobody listened yet, and its heads tell.
    if (!head) return;
    const standing = standingOf(commit, head);
    if (standing === 'known') return;
    if (standing === 'given again') {
      this.#goBack(commit);
      return;
    }
    const tailed = this.#offering.tailedBy(commit);
    if (epoch !== head.epoch || commit.from > head.number || hasHole(commit, tailed)) {
      const found = { shard, epoch, number, after: head.number };
      this.options.observers.logger.debug(found, 'a hole in the log; reading it from history');
      this.fill();
      return;
    }
    this.#offering.offer(commit, this.heads(), tailed);
    this.#following.advance(commit.position);
  }

  /** The log had gone back, at least to where this commit begins: from there on it is read again. */
  #goBack({ position, from }: Commit): void {
    if (position.epoch === this.heads()[position.shard]?.epoch) this.#leaveBehind(position, from);
    else this.#doubts.twice(position);
    this.fill();
  }

  #leaveBehind(position: Position, number: number): void {
    this.#doubts.twice(position);
    this.#history.marked(position.shard);
    this.#following.goBack(position.shard, number);
  }
}

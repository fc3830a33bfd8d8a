import { setTimeout as pause } from 'node:timers/promises';
import { backoff } from '../event/backoff.js';
import type { Channel } from '../event/channel.js';
import { lastly, type Position } from '../event/position.js';
import { type Commit, type GapMark, isOn, type Publication, voidedBy } from '../event/publication.js';
import type { ChannelLogReader, LogTail } from '../log/channel-log.js';
import { LogUnavailable } from '../log/channel-log.js';
import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import { comparison, less } from './healing/comparison.js';
import { Doubts } from './healing/doubts.js';
import { readMissed } from './healing/fill.js';
import { LeftEpochs } from './healing/left-epochs.js';
import { LogMoved } from './history/channel-history.js';
import { HubHistory } from './history/hub-history.js';
import { type Reads, sharedReads, together } from './history/shared-reads.js';
import type { ChannelListener, Reach, TailedChannel } from './listener.js';
import type { Progress } from './subscription/replay.js';
import { TailedChannels } from './tailed-channels.js';
import { Waiters } from './waiters.js';

export interface HubOptions {
  readonly log: ChannelLogReader;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  /** Milliseconds that a channel is kept after its last listener left, so that a page reload costs nothing. Default 2000. */
  readonly leaveDelay?: number;
  /** Milliseconds between two comparisons with the log itself. Default 12000. */
  readonly probeEvery?: number;
  /** Milliseconds that `join` and `refresh` wait for what was missed. Default 5000. */
  readonly patience?: number;
  /** Milliseconds that `refresh` waits for what is on its way before it reads it. Default 50. */
  readonly grace?: number;
  /** Bytes of what was heard lately that are kept for those who come back; the oldest go first. Default 32 MiB, 0 keeps none. */
  readonly tailBytes?: number;
  /** From 0 to 1. Default Math.random. */
  readonly random?: () => number;
}

/**
 * Also reads history as the log's own reader does, and as far as `heads()` at least: from memory where all that is asked
 * was heard lately, else from the log, where the same questions of many are asked once.
 */
export interface Hub extends Omit<Reads, 'heads'> {
  /**
   * Resolves when the listener's channels are confirmed and nothing is missing: it hears everything after `heads()` at
   * that moment. May be called again, by each who wants to be as sure. Throws LogUnavailable; then, too, `leave` undoes it.
   */
  join(listener: ChannelListener): Promise<void>;
  leave(listener: ChannelListener): void;
  /**
   * Resolves when `heads()` has come as far as the log itself at the time of the call, and as what somebody was `shown` in
   * the same epoch. Throws LogUnavailable.
   */
  refresh(shown?: Progress): Promise<void>;
  /** An entry was read whose number was given out before in its epoch: by numbers, it is not to be read. Throws LogMoved. */
  twice(position: Position): void;
  /** Per shard: up to here everything was offered, and at its `time`, by the log's clock, nothing newer was there. */
  heads(): readonly Position[];
  close(): Promise<void>;
}

/** The channels of a commit's publications, looked up once; undefined where nobody listens any more. */
type Tailed = readonly (TailedChannel | undefined)[];

/** More commits than this waiting for a fill are dropped; the fill then reads them from history instead. */
const maxWaiting = 10_000;

/**
 * Opens the one tail of this replica. Throws LogUnavailable when the log cannot be reached.
 *
 *              a commit is missing · the tail was interrupted
 *      whole ─────────────────────────────────────────────────▶ filling: commits wait
 *        ▲                                                         │
 *        └──────────── all that was missed was read and offered ───┘
 */
export async function openHub({
  log,
  metrics,
  logger,
  leaveDelay = 2_000,
  probeEvery = 12_000,
  patience = 5_000,
  grace = 50,
  tailBytes = 32 * 1024 * 1024,
  random = Math.random,
}: HubOptions): Promise<Hub> {
  const listeners = new Set<ChannelListener>();
  const shared = sharedReads(log);
  const once = together();
  const left = new LeftEpochs();
  const doubts = new Doubts(log, logger, left);
  let heads: readonly Position[] = [];
  /** Per shard, where this replica came into the epoch. */
  let begun: readonly Position[] = [];
  /** Per shard, the last commit that the tail has told since it was whole: it tells in the order of the log. */
  const told: (Position | undefined)[] = [];
  /** Commits that wait for a fill; null while nothing is missing. */
  let waiting: Commit[] | null = null;
  /** Those who wait until nothing is missing any more. */
  const settling = new Waiters(patience, 'what was missed cannot be read yet');
  let fills = 0;
  let closed = false;

  const tail: LogTail = await log.tail({
    commit(commit) {
      const { shard } = commit.position;
      const before = told[shard];
      told[shard] = commit.position;
      if (before && isStepBack(commit, before)) goBack(commit);
      else if (waiting === null) take(commit);
      else if (waiting.push(commit) > maxWaiting) fill();
    },
    interrupted() {
      fills++;
      told.length = 0;
      waiting ??= [];
    },
    restored() {
      told.length = 0;
      fill();
    },
  });
  heads = tail.heads();
  begun = heads;
  const channels = new TailedChannels({
    tail,
    leaveDelay,
    changed: metrics.channels,
    left: (channel) => history.forget(channel),
  });
  const history = new HubHistory(shared, doubts, tailBytes, {
    get heads() {
      return heads;
    },
    get since() {
      return begun;
    },
    last: (channel, shard) => channels.get(channel)?.last?.[shard],
  });

  /** Reads what was missed, then goes on with what waited. A newer call, and an interruption, make an older one void. */
  function fill() {
    const mine = ++fills;
    waiting = [];
    const isVoid = () => mine !== fills || closed;
    const attempt = async () => {
      // What was heard before the log is asked lies before what it answers, also what was still on its way from an
      // epoch that is over.
      const covered = waiting?.length ?? 0;
      const promised = [...told];
      const missed = await readMissed(log, heads, channels, doubts, () => pause(20 * random()));
      if (isVoid()) return;
      for (const { position, publications } of missed.commits.flat()) {
        expectBehind(position, position.number);
        for (const one of publications) expectBehind(one.position, one.position.number - 1);
      }
      for (const [listener, gap] of missed.lost) listener.lost(gap, null);
      for (const commits of missed.commits) {
        for (const commit of commits) offer(commit, tailedBy(commit));
        for (const { position } of commits.slice(-1)) reached(position);
      }
      for (const one of promised) if (one) expectReached(one, missed.found);
      if (!missed.isOlder) refreshed(missed.now);
      const later = waiting?.slice(covered) ?? [];
      waiting = null;
      while (later.length > 0 && waiting === null) take(later.shift() as Commit);
      // Taking one of them may have found another hole: the rest waits for that fill, in order.
      if (waiting === null) settling.release();
      else (waiting as Commit[]).push(...later);
    };
    void (async () => {
      for (let failures = 0; !isVoid(); failures++) {
        try {
          return await attempt();
        } catch (error) {
          const told = error instanceof LogUnavailable ? error.message : String(error);
          logger.warn({ error: told, failures }, 'history cannot be read yet; live events wait');
          // All replicas lost the log in the same moment: they must not all come back to it in one.
          await pause(backoff(failures + 1, { first: 50, most: 2_000, random }));
        }
      }
    })();
  }

  /** What was heard of must be found: else the log that was asked is an older one. */
  function expectReached(heard: Position, found: readonly Position[]) {
    const head = heads[heard.shard] as Position;
    const isMissing =
      heard.epoch === head.epoch
        ? heard.number > head.number
        : !doubts.isOver(heard) && heard.time > lastly(found[heard.shard] as Position);
    if (isMissing && doubts.lacks(heard)) throw new LogUnavailable(less);
  }

  /** What is read as new lies behind the head; where it does not, its number was given out before. */
  function expectBehind(found: Position, number: number) {
    const head = heads[found.shard] as Position;
    if (found.epoch === head.epoch && number < head.number) leaveBehind(found, number);
  }

  /** The log, asked at `now`, had nothing beyond the heads. */
  function refreshed(now: readonly number[]) {
    heads = heads.map((head) => ({ ...head, time: Math.max(head.time, now[head.shard] as number) }));
  }

  async function whole() {
    while (waiting !== null) await settling.wait();
  }

  /** Everything up to `head` was read: no predecessor up to there is a hole; numbers of an older epoch are forgotten. */
  function reached(head: Position) {
    const { shard, epoch, number } = head;
    const before = heads[shard] as Position;
    const same = epoch === before.epoch;
    if (!same) {
      left.add(before);
      doubts.over(shard);
      begun = begun.with(shard, head);
    }
    for (const { last } of channels.values()) {
      if (last) last[shard] = same ? Math.max(last[shard] as number, number) : number;
    }
    // A log without an epoch has no clock yet: relays that remember set it on. By that of its server, which may be an hour behind,
    // all that comes then would come an hour later.
    heads = heads.with(shard, epoch === '' ? { ...head, time: Math.max(before.time, head.time) } : head);
  }

  function take(commit: Commit) {
    const { shard, epoch, number } = commit.position;
    const head = heads[shard];
    // Heard while the tail opened: nobody listened yet, and its heads tell.
    if (!head) return;
    const isKnown = epoch === head.epoch && number <= head.number;
    const isAstride = epoch === head.epoch && number > head.number && commit.from < head.number;
    if (isAstride || (isKnown && commit.position.time > lastly(head))) return goBack(commit);
    if (isKnown) return;
    const tailed = tailedBy(commit);
    if (epoch !== head.epoch || commit.from > head.number || hasHole(commit, tailed)) {
      logger.debug({ shard, epoch, number, after: head.number }, 'a hole in the log; reading it from history');
      return fill();
    }
    offer(commit, tailed);
    heads = heads.with(shard, commit.position);
  }

  /** Its number was given out before, whatever the clock says. */
  function isStepBack({ from, position }: Commit, before: Position): boolean {
    if (position.epoch !== before.epoch || from >= before.number) return false;
    return position.number !== before.number || position.time !== before.time;
  }

  /** The log had gone back, at least to where this commit begins: from there on it is read again. */
  function goBack({ position, from }: Commit) {
    if (position.epoch === heads[position.shard]?.epoch) leaveBehind(position, from);
    else doubts.twice(position);
    fill();
  }

  /** Of its epoch only what came up to `number` is still there; what has higher numbers now, was never heard. */
  function leaveBehind(position: Position, number: number) {
    const { shard } = position;
    const head = heads[shard] as Position;
    doubts.twice(position);
    history.marked(shard);
    for (const { last } of channels.values()) if (last) last[shard] = Math.min(last[shard] as number, number);
    heads = heads.with(shard, { ...head, number: Math.min(head.number, number) });
  }

  const tailedBy = ({ publications }: Commit): Tailed => publications.map(({ channel }) => channels.get(channel));

  /** Every publication names the one before it in its channel: one that was never heard is a hole. */
  function hasHole({ publications, position: { shard } }: Commit, tailed: Tailed): boolean {
    const heard = new Map<Channel, number>();
    return publications.some(({ channel, previous, position }, i) => {
      const last = heard.get(channel) ?? tailed[i]?.last?.[shard];
      heard.set(channel, position.number);
      return last !== undefined && previous > last;
    });
  }

  /** Hands a commit's publications to their listeners, each once per listener. */
  function offer({ publications, position, gap }: Commit, tailed: Tailed) {
    const { shard } = position;
    const after = heads.with(shard, position);
    if (gap) history.marked(shard);
    if (gap) {
      const { source, reason, missed } = gap;
      for (const listener of listeners) {
        if (listener.topic === source.topic && isOn(gap, listener.channels))
          listener.lost({ reason, missed }, voidedBy(gap), reachOf(gap, heads[shard] as Position, listener.retain));
      }
    }
    const lists = new Map<ChannelListener, Publication[]>();
    for (const [i, publication] of publications.entries()) {
      const channel = tailed[i];
      if (!channel?.last) continue;
      const { number, epoch } = publication.position;
      if (epoch === heads[shard]?.epoch && number <= (channel.last[shard] as number)) continue;
      channel.last[shard] = number;
      history.keep(publication);
      for (const listener of channel.listeners) {
        const list = lists.get(listener);
        if (!list) lists.set(listener, [publication]);
        else if (list.at(-1)?.position.number !== number) list.push(publication);
      }
    }
    for (const [listener, list] of lists) {
      try {
        listener.heard(list, after);
      } catch (error) {
        // An entry that cannot be read must not take the others' events with it.
        logger.error(
          { error: error instanceof Error ? error.stack : String(error) },
          'a publication cannot be offered',
        );
        listener.lost({ reason: 'LOG_LOST', missed: null }, null);
      }
    }
  }

  function reachOf({ since, told, changedAt }: GapMark, head: Position, retain: number): Reach | undefined {
    if (since === undefined && changedAt === undefined) return undefined;
    const stayed = told ? left.stay(told, head) : null;
    // A loss before `told` that was lost again before all was told of it: by the head, who is live would have been there.
    const before = told && !stayed ? left.before(head.shard, retain) : [];
    return { since, heard: head.time, stayed, before };
  }

  const { compare, refresh, expect } = comparison(
    shared,
    {
      get heads() {
        return heads;
      },
      get isFilling() {
        return waiting !== null;
      },
      refreshed,
      fill,
      whole,
      deaf() {
        logger.warn({}, 'the tail of the log is deaf; listening anew');
        tail.renew();
      },
    },
    doubts,
    grace,
  );

  try {
    await compare();
  } catch (error) {
    await tail.close();
    throw error;
  }
  const probe = setInterval(() => void compare().catch(() => undefined), probeEvery);
  probe.unref();

  return {
    async join(listener) {
      listeners.add(listener);
      await channels.enter(listener);
      await whole();
      for (const name of listener.channels) {
        const channel = channels.get(name);
        if (channel) channel.last ??= heads.map(({ number }) => number);
      }
    },
    leave(listener) {
      listeners.delete(listener);
      channels.leave(listener);
    },
    async refresh(shown) {
      await once('refresh', refresh);
      if (shown) expect(shown);
    },
    twice(position) {
      doubts.twice(position);
      if (doubts.isUnreadable(position)) throw new LogMoved();
    },
    heads: () => heads,
    read: (...asked) => history.read(...asked),
    newest: (...asked) => history.newest(...asked),
    gaps: (shard) => history.gaps(shard),
    async close() {
      closed = true;
      clearInterval(probe);
      channels.close();
      await tail.close();
    },
  };
}

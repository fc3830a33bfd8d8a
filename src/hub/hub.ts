import type { Channel } from '../event/channel.js';
import type { Coordinate } from '../event/cursor.js';
import type { Gap, Position } from '../event/position.js';
import type { Commit, Publication } from '../event/publication.js';
import type { ChannelLogReader, LogTail } from '../log/channel-log.js';
import { LogUnavailable } from '../log/channel-log.js';
import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import { readMissed } from './fill.js';

/** Whoever wants to hear channels: in practice a group. Called in the order of the log, never twice with one event. */
export interface Listener {
  readonly topic: string;
  readonly channels: readonly Channel[];
  /** Milliseconds of history its channels keep. */
  readonly retain: number;
  /** `heads` is where the hub stands after these, on every shard. Must not throw. */
  heard(publications: readonly Publication[], heads: readonly Position[]): void;
  /** Events between what was heard and what comes next are lost to this listener. */
  lost(gap: Gap): void;
}

/** One channel on this replica, offered to many. */
export interface TailedChannel {
  readonly listeners: Set<Listener>;
  /** Per shard, the number of the newest publication heard or read; null until the channel is heard at all. */
  last: number[] | null;
  /** Per source partition, the newest coordinates offered: they tell a repeat after the log gave out new numbers. */
  readonly offered: Map<number, Coordinate>;
  leaving: NodeJS.Timeout | null;
}

export interface HubOptions {
  readonly log: ChannelLogReader;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  /** Milliseconds that a channel is kept after its last listener left, so that a page reload costs nothing. Default 2000. */
  readonly leaveDelay?: number;
  /** Milliseconds between two comparisons with the log itself. Default 12000. */
  readonly probeEvery?: number;
}

export interface Hub {
  /** Resolves when the listener's channels are confirmed: it hears everything after `heads()` at that moment. */
  join(listener: Listener): Promise<void>;
  leave(listener: Listener): void;
  /** Up to here everything was offered. */
  heads(): readonly Position[];
  /** The log's clock when `heads()` was last known to be the whole log. */
  freshAt(): number;
  close(): Promise<void>;
}

/** More commits than this waiting for a fill are dropped; the fill then reads them from history instead. */
const maxWaiting = 10_000;

/** Opens the one tail of this replica. Throws LogUnavailable when the log cannot be reached. */
export async function openHub({
  log,
  metrics,
  logger,
  leaveDelay = 2_000,
  probeEvery = 12_000,
}: HubOptions): Promise<Hub> {
  const channels = new Map<Channel, TailedChannel>();
  /** Commits that wait for a fill; null while nothing is missing. */
  let waiting: Commit[] | null = null;
  let filling: Promise<void> = Promise.resolve();
  let fills = 0;
  let closed = false;

  const tail: LogTail = await log.tail({
    commit(commit) {
      if (waiting === null) take(commit);
      else if (waiting.push(commit) > maxWaiting) fill(commit.position.shard);
    },
    interrupted: () => {
      fills++;
      waiting ??= [];
    },
    restored: () => fill(null),
  });
  let heads: readonly Position[] = tail.heads();
  let fresh = 0;

  /** Reads what was missed, then goes on with what waited. A newer call makes an older one void. */
  function fill(why: number | null) {
    const mine = ++fills;
    waiting = [];
    logger.debug({ shard: why }, 'filling from history');
    filling = (async () => {
      for (let attempt = 0; mine === fills && !closed; attempt++) {
        try {
          const missed = await readMissed(log, heads, fresh, channels);
          if (mine !== fills || closed) return;
          for (const { listener, gap } of missed.lost) listener.lost(gap);
          for (const commit of missed.commits) offer(commit);
          for (const { last } of channels.values()) coverUpTo(last, missed.heads);
          heads = missed.heads;
          fresh = missed.now;
          const later = waiting ?? [];
          waiting = null;
          while (later.length > 0 && waiting === null) take(later.shift() as Commit);
          // Taking one of them may have found another hole: the rest waits for that fill, in order.
          if (later.length > 0) (waiting as Commit[] | null)?.push(...later);
          return;
        } catch (error) {
          if (!(error instanceof LogUnavailable)) throw error;
          logger.warn({ error: error.message, attempt }, 'history cannot be read yet; live events wait');
          await new Promise((resolve) => setTimeout(resolve, Math.min(2_000, 50 * 2 ** Math.min(attempt, 6))));
        }
      }
    })().catch((error: unknown) => logger.error({ error }, 'filling from history failed'));
  }

  /** Everything up to `now` was read, so no predecessor up to there is a hole; numbers of an older epoch are forgotten. */
  function coverUpTo(last: number[] | null, now: readonly Position[]) {
    if (!last) return;
    for (const { shard, epoch, number } of now) {
      const same = epoch === heads[shard]?.epoch;
      last[shard] = same ? Math.max(last[shard] as number, number) : number;
    }
  }

  function take(commit: Commit) {
    const { shard, epoch, number } = commit.position;
    const head = heads[shard] as Position;
    if (epoch === head.epoch && number <= head.number) return;
    if (epoch !== head.epoch || hasHole(commit)) {
      logger.warn({ shard, epoch, number }, 'a hole in a channel; reading it from history');
      fill(shard);
      (waiting as Commit[] | null)?.push(commit);
      return;
    }
    offer(commit);
    heads = heads.with(shard, commit.position);
    fresh = Math.max(fresh, commit.position.time);
  }

  /** Every publication names the one before it in its channel: one that was never heard is a hole. */
  function hasHole({ publications, position: { shard } }: Commit): boolean {
    const heard = new Map<Channel, number>();
    for (const { channel, previous, position } of publications) {
      const last = heard.get(channel) ?? channels.get(channel)?.last?.[shard];
      if (last !== undefined && previous > last) return true;
      heard.set(channel, position.number);
    }
    return false;
  }

  /** Hands a commit's publications to their listeners, each event once per listener. */
  function offer({ publications, position, gap }: Commit) {
    const shard = position.shard;
    const after = heads.with(shard, position);
    if (gap) markLost(gap.source.topic, gap.reason, gap);
    const lists = new Map<Listener, Publication[]>();
    for (const publication of publications) {
      const channel = channels.get(publication.channel);
      if (!channel?.last) continue;
      const { number } = publication.position;
      if (publication.position.epoch === heads[shard]?.epoch && number <= (channel.last[shard] as number)) continue;
      channel.last[shard] = number;
      if (channel.listeners.size === 0 || !isNew(channel.offered, publication)) continue;
      for (const listener of channel.listeners) {
        const list = lists.get(listener);
        if (!list) lists.set(listener, [publication]);
        else if (list.at(-1)?.position.number !== number) list.push(publication);
      }
    }
    for (const [listener, list] of lists) listener.heard(list, after);
  }

  function markLost(topic: string, reason: string, gap: Gap) {
    for (const channel of channels.values()) {
      for (const listener of channel.listeners) {
        if (listener.topic !== topic) continue;
        // Its offsets begin again at 0: held against the old ones, everything new would look like a repeat.
        if (reason === 'TOPIC_RECREATED') channel.offered.clear();
        if (listener.channels[0] === undefined || channels.get(listener.channels[0]) === channel) {
          listener.lost({ reason: gap.reason, missed: gap.missed });
        }
      }
    }
  }

  function leave(listener: Listener) {
    for (const name of listener.channels) {
      const channel = channels.get(name);
      if (!channel?.listeners.delete(listener) || channel.listeners.size > 0 || channel.leaving) continue;
      channel.leaving = setTimeout(() => {
        channels.delete(name);
        tail.leave([name]);
        metrics.channels(channels.size);
      }, leaveDelay);
      channel.leaving.unref();
    }
  }

  /** A tail may fall silent while its connection looks healthy: then the log is ahead of it twice in a row. */
  let behind: number | null = null;
  const compare = () => {
    if (waiting !== null) return Promise.resolve();
    return log.heads().then(
      (now) => {
        const ahead = now.heads.find(({ shard, epoch, number }) => {
          const head = heads[shard] as Position;
          return epoch !== head.epoch || number > head.number;
        });
        const sum = heads.reduce((total, { number }) => total + number, 0);
        if (!ahead) fresh = Math.max(fresh, now.now);
        else if (behind === sum && waiting === null) fill(ahead.shard);
        behind = ahead ? sum : null;
      },
      () => undefined,
    );
  };
  await compare();
  const probe = setInterval(compare, probeEvery);
  probe.unref();

  return {
    async join(listener) {
      for (const name of listener.channels) {
        const channel = channels.get(name);
        if (channel?.leaving) clearTimeout(channel.leaving);
        if (channel) channel.leaving = null;
        else channels.set(name, { listeners: new Set(), last: null, offered: new Map(), leaving: null });
        (channels.get(name) as TailedChannel).listeners.add(listener);
      }
      metrics.channels(channels.size);
      try {
        await tail.listen(listener.channels);
        for (let current = filling; ; current = filling) {
          await current;
          if (current === filling) break;
        }
      } catch (error) {
        leave(listener);
        throw error;
      }
      for (const name of listener.channels) {
        const channel = channels.get(name);
        if (channel) channel.last ??= heads.map(({ number }) => number);
      }
    },
    leave,
    heads: () => heads,
    freshAt: () => fresh,
    async close() {
      closed = true;
      clearInterval(probe);
      for (const { leaving } of channels.values()) if (leaving) clearTimeout(leaving);
      await tail.close();
    },
  };
}

/** Remembers the event's coordinates; false when they, or later ones of that partition, were offered before. */
export function isNew(offered: Map<number, Coordinate>, { source: { record, index } }: Publication): boolean {
  const known = offered.get(record.partition);
  if (known && (record.offset < known.offset || (record.offset === known.offset && index <= known.index))) return false;
  offered.set(record.partition, { offset: record.offset, index });
  return true;
}

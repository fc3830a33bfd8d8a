import type { Channel } from '../../event/channel.js';
import type { ChannelLogReader, History, LoggedGap } from '../../log/channel-log.js';

/** What replays and the hub ask of the log. */
export type Reads = Pick<ChannelLogReader, 'read' | 'newest' | 'gaps' | 'heads'>;

/**
 * When a thousand clients come back at once, the log is not asked the same thing a thousand times: what is asked in one
 * turn of the event loop, or while the same question is under way, is asked once. Every answer was given after the
 * call, so it is as new as one of its own would be. Different questions go out together, `most` at a time: whoever came
 * first has their answer first, and what waits for a slow reader is bounded.
 */
export function sharedReads(log: Reads, most = 64): Reads {
  const once = together({ inTurn: atMost(most), oneAtATime: true });
  /** Per channel that is about to be read, the range that covers all who asked. */
  const ranges = new Map<string, { after: number; limit: number; since: number }>();

  /** `round` is how often others, far behind, have taken the whole page. */
  async function read(
    channel: Channel,
    shard: number,
    after: number | null,
    limit: number,
    since = Number.POSITIVE_INFINITY,
    round = 0,
  ): Promise<History> {
    if (after === null) return once(`all ${shard} ${limit} ${channel}`, () => log.read(channel, shard, null, limit));
    const key = `after ${shard} ${round} ${channel}`;
    const range = ranges.get(key);
    ranges.set(
      key,
      range
        ? {
            after: Math.min(range.after, after),
            limit: Math.max(range.limit, limit),
            since: Math.min(range.since, since),
          }
        : { after, limit, since },
    );
    const history = await once(key, () => {
      const asked = ranges.get(key) ?? { after, limit, since };
      ranges.delete(key);
      return log.read(channel, shard, asked.after, asked.limit, asked.since);
    });
    const later = history.publications.filter(({ position: { number, time } }) => number > after || time > since);
    // Readers that were left out share the next read with those left out as often: with new ones they might be left out for ever.
    if (later.length === 0 && history.more) return read(channel, shard, after, limit, since, round + 1);
    return { ...history, publications: later.slice(0, limit), more: history.more || later.length > limit };
  }

  return {
    read: (channel, shard, after, limit, since) => read(channel, shard, after, limit, since),
    newest: (channel, shard, limit) =>
      once(`newest ${shard} ${limit} ${channel}`, () => log.newest(channel, shard, limit)),
    gaps: (shard) => once<readonly LoggedGap[]>(`gaps ${shard}`, () => log.gaps(shard)),
    heads: () => once('heads', () => log.heads()),
  };
}

/** Calls `ask` now, or when its turn has come. */
type InTurn = <T>(ask: () => Promise<T>) => Promise<T>;

interface Together {
  /** When each may begin. Default: at once. */
  readonly inTurn?: InTurn;
  /** Whether one waits until an earlier one of its key is through. Default false. */
  readonly oneAtATime?: boolean;
}

/** Runs what is asked under one key once for all who ask before it begins, which is not before the end of the turn. */
export function together({ inTurn = (ask) => ask(), oneAtATime = false }: Together = {}) {
  const asked = new Map<string, Promise<unknown>>();
  const underWay = new Map<string, Promise<unknown>>();

  async function begin<T>(key: string, ask: () => Promise<T>): Promise<T> {
    await new Promise((resolve) => setImmediate(resolve));
    await underWay.get(key)?.catch(() => undefined);
    return inTurn(async () => {
      asked.delete(key);
      const answer = ask();
      if (!oneAtATime) return answer;
      underWay.set(key, answer);
      try {
        return await answer;
      } finally {
        underWay.delete(key);
      }
    });
  }

  return <T>(key: string, ask: () => Promise<T>): Promise<T> => {
    const known = asked.get(key) ?? begin(key, ask);
    asked.set(key, known);
    return known as Promise<T>;
  };
}

/** At most so many are under way; the others wait in the order they came. */
function atMost(most: number): InTurn {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (ask) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await ask();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

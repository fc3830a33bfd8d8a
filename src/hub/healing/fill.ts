import type { Channel } from '../../event/channel.js';
import { byAge, type Gap, isAfter, type Position } from '../../event/position.js';
import type { Commit, Publication } from '../../event/publication.js';
import type { ChannelLogReader, LoggedGap } from '../../log/channel-log.js';
import { ChannelHistory } from '../history/channel-history.js';
import { areForgotten, forgotten, marksBetween } from '../history/marks.js';
import type { ChannelListener, TailedChannel } from '../listener.js';
import type { Doubts } from './doubts.js';

/** How many channels are asked for at once. */
const together = 200;
const pageSize = 1_000;

export interface Missed {
  /** Per shard that moved, what the channels carried since, as commits; one begins at each gap that a source told. */
  readonly commits: readonly (readonly Commit[])[];
  /** Who cannot be shown everything, told before the commits. */
  readonly lost: ReadonlyMap<ChannelListener, Gap>;
  /** The log's clock before that. */
  readonly now: readonly number[];
  /** Where the log stood. */
  readonly found: readonly Position[];
  /** It had less than was known, on some shard. */
  readonly isOlder: boolean;
}

/**
 * What the channels carried after `heads`, where commits may have been missed. Reads; changes nothing.
 * A shard that still stands where it stood costs nothing. Channels are read in batches, `pause` between them. Throws
 * LogUnavailable.
 */
export async function readMissed(
  log: ChannelLogReader,
  heads: readonly Position[],
  channels: ReadonlyMap<Channel, TailedChannel>,
  doubts: Doubts,
  pause: () => Promise<unknown> = async () => {},
): Promise<Missed> {
  const { heads: found, now } = await log.heads();
  const isOlder = doubts.compare(heads, found, now);
  const moved = found.filter((head) => {
    const before = heads[head.shard] as Position;
    return !doubts.isOlder(before, head) && isAfter(head, before, head.epoch);
  });
  const heard = [...channels].filter(([, channel]) => channel.last !== null);
  const lost = new Map<ChannelListener, Gap>();
  const mark = (listeners: Iterable<ChannelListener>, gap: Gap) => {
    for (const listener of listeners) if (!lost.has(listener)) lost.set(listener, gap);
  };
  const commits: (readonly Commit[])[] = [];

  for (const head of moved) {
    const before = heads[head.shard] as Position;
    const publications: Publication[] = [];
    // Before the entries, which are refused of another epoch: with it a mark may have been lost.
    const kept = await log.gaps(head.shard);
    // A log in which there was never anything has lost nothing: a replica full of people need not ask for each of them.
    const concerned = before.number === 0 && head.number === 0 ? [] : heard;
    for (let i = 0; i < concerned.length; i += together) {
      if (i > 0) await pause();
      const asked = concerned.slice(i, i + together).map(async ([name, { last, listeners }]) => {
        const from = { ...before, number: (last as number[])[head.shard] as number };
        const history = new ChannelHistory(log, name, head, from, pageSize);
        for (let page = await history.next(); page; page = await history.next()) {
          for (const publication of page.publications) publications.push(publication);
          if (page.gone) mark(listeners, { reason: page.gone, missed: null });
        }
      });
      await Promise.all(asked);
    }
    // A channel that nobody wrote to for so long is gone without a trace of what it held.
    for (const [, { listeners }] of concerned) {
      const late = [...listeners].filter(({ retain }) => (now[head.shard] as number) - before.time > retain);
      mark(late, { reason: 'EXPIRED', missed: null });
    }
    if (areForgotten(kept, before, head.epoch)) for (const [, { listeners }] of concerned) mark(listeners, forgotten);
    commits.push(commitsOf(publications, marksBetween(kept, before, head), before, head));
  }
  return { commits, lost, now, found, isOlder };
}

function commitsOf(
  publications: Publication[],
  gaps: readonly LoggedGap[],
  before: Position,
  head: Position,
): readonly Commit[] {
  publications.sort((a, b) => byAge(a.position, b.position, head.epoch));
  const starts = [null, ...gaps];
  let at = 0;
  return starts.map((gap, i) => {
    const next = gaps[i];
    const begin = at;
    while (
      at < publications.length &&
      (!next || byAge((publications[at] as Publication).position, next.position, head.epoch) < 0)
    ) {
      at++;
    }
    return { position: head, from: before.number, publications: publications.slice(begin, at), gap };
  });
}

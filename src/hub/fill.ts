import type { Channel } from '../event/channel.js';
import type { Gap, Position } from '../event/position.js';
import type { Commit, Publication } from '../event/publication.js';
import type { ChannelLogReader } from '../log/channel-log.js';
import type { Listener, TailedChannel } from './hub.js';

/** How many channels are asked for at once. */
const together = 200;
const pageSize = 1_000;

export interface Missed {
  /** One per shard that moved, with what its channels carried since. */
  readonly commits: readonly Commit[];
  readonly lost: readonly { readonly listener: Listener; readonly gap: Gap }[];
  readonly heads: readonly Position[];
  readonly now: number;
}

/**
 * What the channels carried after `heads`, where commits may have been missed. Reads; changes nothing.
 * A shard that still stands where it stood costs nothing. Throws LogUnavailable.
 */
export async function readMissed(
  log: ChannelLogReader,
  heads: readonly Position[],
  fresh: number,
  channels: ReadonlyMap<Channel, TailedChannel>,
): Promise<Missed> {
  const { heads: newest, now } = await log.heads();
  const moved = newest.filter(({ shard, epoch, number }) => {
    const head = heads[shard] as Position;
    return epoch !== head.epoch || number !== head.number;
  });
  const commits: Commit[] = [];
  const lost = new Map<Listener, Gap>();
  const heard = [...channels].filter(([, channel]) => channel.last !== null);

  for (const position of moved) {
    const { shard } = position;
    const head = heads[shard] as Position;
    const sameEpoch = head.epoch === position.epoch;
    const found: Publication[] = [];
    for (let i = 0; i < heard.length; i += together) {
      await Promise.all(
        heard.slice(i, i + together).map(async ([name, { last, listeners }]) => {
          const after = sameEpoch ? ((last as number[])[shard] as number) : null;
          const { publications, trimmedTo } = await readAll(log, name, shard, after);
          // Of another epoch only what came later can be told apart by its coordinates, and by the log's clock.
          for (const one of publications) if (sameEpoch || isLater(one, channels, fresh)) found.push(one);
          if (after !== null && trimmedTo > after) mark(lost, listeners, { reason: 'TRIMMED', missed: null });
        }),
      );
    }
    for (const { position: at, source, reason, missed } of await log.gaps(shard)) {
      if (sameEpoch ? at.number <= head.number : at.time <= head.time) continue;
      for (const [, channel] of heard) {
        const listeners = [...channel.listeners].filter(({ topic }) => topic === source.topic);
        if (reason === 'TOPIC_RECREATED' && listeners.length > 0) channel.offered.clear();
        mark(lost, listeners, { reason, missed });
      }
    }
    found.sort((a, b) => a.position.number - b.position.number);
    commits.push({ position, from: head.number, publications: found, gap: null });
  }
  if (moved.length > 0) {
    for (const [, { listeners }] of heard) {
      const late = [...listeners].filter(({ retain }) => now - fresh > retain);
      mark(lost, late, { reason: 'EXPIRED', missed: null });
    }
  }
  return { commits, lost: [...lost].map(([listener, gap]) => ({ listener, gap })), heads: newest, now };
}

function isLater(one: Publication, channels: ReadonlyMap<Channel, TailedChannel>, fresh: number): boolean {
  const known = channels.get(one.channel)?.offered.has(one.source.record.partition);
  return known || one.position.time >= fresh;
}

function mark(lost: Map<Listener, Gap>, listeners: Iterable<Listener>, gap: Gap) {
  for (const listener of listeners) if (!lost.has(listener)) lost.set(listener, gap);
}

async function readAll(log: ChannelLogReader, channel: Channel, shard: number, after: number | null) {
  let history = await log.read(channel, shard, after, pageSize);
  const { trimmedTo } = history;
  const publications = [...history.publications];
  while (history.more && after !== null) {
    history = await log.read(channel, shard, publications.at(-1)?.position.number ?? after, pageSize);
    publications.push(...history.publications);
  }
  return { publications, trimmedTo };
}

import type { Channel } from '../event/channel.js';
import type { Coordinate, Cursor } from '../event/cursor.js';
import type { Gap, Position } from '../event/position.js';
import type { Publication } from '../event/publication.js';
import type { ChannelLogReader, History } from '../log/channel-log.js';
import { isNew } from './hub.js';

const pageSize = 200;
/** More than any channel keeps. */
const everything = 1_000_000_000;

export interface Replay {
  readonly log: ChannelLogReader;
  readonly channels: readonly Channel[];
  readonly topic: string;
  readonly retain: number;
  /** Up to here, per shard: what comes after is heard live. */
  readonly upTo: readonly Position[];
}

/** What stands between a cursor and now, before a single event of it is shown. */
export interface Reach {
  readonly gap: Gap | null;
  /** The log's clock when the topic was last recreated after the cursor: from there offsets begin again. */
  readonly recreated: number | null;
  /** A position from which everything is still there. */
  readonly oldest: { readonly positions: readonly Position[]; readonly time: number };
}

/**
 * Can everything after the cursor still be shown? Only if no channel was trimmed behind it, it is younger than what
 * channels are kept (an expired channel leaves no trace), and no source told a gap since. Throws LogUnavailable.
 */
export async function reach({ log, channels, topic, retain, upTo }: Replay, after: Cursor): Promise<Reach> {
  let gap: Gap | null = null;
  let recreated: number | null = null;
  let time = 0;
  const oldest: Position[] = [];
  for (const head of upTo) {
    const start = after.positions[head.shard];
    const same = start?.epoch === head.epoch;
    let trimmedTo = 0;
    for (const channel of channels) {
      const history = await log.read(channel, head.shard, head.number, 1);
      trimmedTo = Math.max(trimmedTo, history.trimmedTo);
      time = Math.max(time, history.now);
    }
    oldest.push({ ...head, number: trimmedTo });
    const untouched = same && start.number === head.number;
    if (same && trimmedTo > start.number) gap ??= { reason: 'TRIMMED', missed: null };
    else if (!untouched && time - after.time >= retain) gap ??= { reason: 'EXPIRED', missed: null };
    for (const mark of await log.gaps(head.shard)) {
      const later = same ? mark.position.number > start.number : mark.position.time > after.time;
      if (!later || mark.source.topic !== topic) continue;
      gap ??= { reason: mark.reason, missed: mark.missed };
      if (mark.reason === 'TOPIC_RECREATED') recreated = mark.position.time;
    }
  }
  return { gap, recreated, oldest: { positions: oldest, time } };
}

/**
 * Everything the channels carried after the cursor, shard by shard in the order of the log, each event once.
 * `offered` begins as the cursor's coordinates and is kept current. Throws LogUnavailable.
 */
export async function* history(
  { log, channels, upTo }: Replay,
  after: Cursor,
  recreated: number | null,
  offered: Map<number, Coordinate>,
): AsyncGenerator<Publication> {
  let renewed = recreated === null;
  for (const head of upTo) {
    const start = after.positions[head.shard];
    const from = start?.epoch === head.epoch ? start.number : null;
    const pages = channels.map((channel) => pager(log, channel, head, from));
    let last: Position | undefined;
    for (;;) {
      const fronts = await Promise.all(pages.map((page) => page.front()));
      let first = 0;
      for (let i = 1; i < fronts.length; i++) if (isEarlier(fronts[i], fronts[first])) first = i;
      const found = fronts[first];
      if (!found) break;
      pages[first]?.shift();
      const { position, source } = found;
      if (position.number === last?.number && position.epoch === last.epoch) continue;
      last = position;
      if (!renewed && position.time >= (recreated as number)) {
        renewed = true;
        offered.clear();
      }
      // Numbers of another epoch say nothing. Coordinates do, and where none are known the log's clock.
      const known = offered.has(source.record.partition);
      if (from === null && !known && position.time <= after.time) continue;
      if (isNew(offered, found)) yield found;
    }
  }
}

/** The log's clock never goes back, whatever the epoch; at the same moment the number decides. */
function isEarlier(a: Publication | undefined, b: Publication | undefined): boolean {
  if (!a || !b) return a !== undefined;
  return a.position.time < b.position.time || (a.position.time === b.position.time && a.position.number < b.position.number);
}

/** The newest events of all channels, oldest first, at most `scan` of each channel. Throws LogUnavailable. */
export async function newest({ log, channels, upTo }: Replay, scan: number): Promise<Publication[]> {
  const found = new Map<string, Publication>();
  for (const head of upTo) {
    for (const channel of channels) {
      const { publications } = await log.newest(channel, head.shard, scan);
      for (const one of publications) {
        const { epoch, number } = one.position;
        if (epoch !== head.epoch || number <= head.number) found.set(`${head.shard} ${epoch} ${number}`, one);
      }
    }
  }
  const all = [...found.values()];
  return all.sort((a, b) => a.position.time - b.position.time || a.position.number - b.position.number).slice(-scan);
}

/** Reads one channel page by page, up to the head. */
function pager(log: ChannelLogReader, channel: Channel, head: Position, from: number | null) {
  const page: Publication[] = [];
  let after = from;
  let more = true;
  return {
    async front(): Promise<Publication | undefined> {
      while (page.length === 0 && more) {
        const size = after === null ? everything : pageSize;
        const read: History = await log.read(channel, head.shard, after, size);
        after = read.publications.at(-1)?.position.number ?? after;
        more = read.more && after !== null;
        for (const one of read.publications) {
          if (one.position.epoch !== head.epoch || one.position.number <= head.number) page.push(one);
          else more = false;
        }
      }
      return page[0];
    },
    shift: () => void page.shift(),
  };
}

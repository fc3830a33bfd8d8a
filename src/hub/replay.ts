import type { Channel } from '../event/channel.js';
import type { Cursor } from '../event/cursor.js';
import { byAge, type Gap, isAfter, type Moment, type Position } from '../event/position.js';
import { concerns, type Publication } from '../event/publication.js';
import type { ChannelLogReader, LoggedGap } from '../log/channel-log.js';
import { ChannelHistory, type Page } from './channel-history.js';
import type { Coordinates } from './coordinates.js';

export interface Replay {
  readonly log: ChannelLogReader;
  readonly channels: readonly Channel[];
  readonly topic: string;
  readonly retain: number;
  /** Up to here, per shard: what comes after is heard live. */
  readonly upTo: readonly Position[];
}

/** How far a subscription has come, without coordinates. */
export type Progress = Pick<Cursor, 'positions' | 'time'>;

export interface Replayed extends Progress {
  readonly publication: Publication;
}

/** What lies between a cursor and the head, before a single event of it is shown. */
export interface Passage {
  /** Why not everything after the cursor can be shown; null when it can. */
  readonly gap: Gap | null;
  /** A cursor from which everything is still there. */
  readonly oldest: Progress;
  /** True when the log lost data since, as far as it was read: only coordinates tell then what was shown. */
  crossed(): boolean;
  /**
   * The events, shard by shard in the order of the log, each with the progress that a subscription has made which has
   * been shown everything before it. What `seen` knows is left out, and it learns the rest. `lost` is called
   * where entries were trimmed while they were waited for. Throws LogUnavailable.
   */
  events(seen: Coordinates, lost: (gap: Gap) => void): AsyncGenerator<Replayed>;
}

/** Where a shard begins that the cursor does not know. */
const unheard = { epoch: '', number: 0 };
/** Entries of all channels together that are read ahead. */
const readAhead = 2_000;

/**
 * Opens what lies between a cursor and `upTo`. Everything can be shown only if no channel was trimmed behind the
 * cursor, it is younger than what channels are kept (an expired channel leaves no trace), and no source told a gap
 * since. Throws LogUnavailable.
 */
export async function openPassage(replay: Replay, after: Progress): Promise<Passage> {
  const shards = await Promise.all(replay.upTo.map((head) => openShard(replay, head, after)));
  const gaps = shards.flatMap(({ gap }) => gap ?? []);
  const now = Math.max(0, ...shards.map((shard) => shard.now));

  async function* events(seen: Coordinates, lost: (gap: Gap) => void): AsyncGenerator<Replayed> {
    for (const shard of shards) {
      const { head } = shard;
      // Until every shard is through, the cursor is as old as it was: its time stands for all of them.
      const isLast = head.shard === replay.upTo.length - 1;
      const others = replay.upTo.map((one, at) => (at < head.shard ? one : (after.positions[at] ?? unheard)));
      for await (const publication of merged(shard, replay.topic, seen, lost)) {
        const { position } = publication;
        yield { publication, positions: others.with(head.shard, position), time: isLast ? position.time : after.time };
      }
    }
  }

  return {
    gap: gaps[0] ?? null,
    oldest: { positions: shards.map(({ oldest }) => oldest), time: now },
    crossed: () => shards.some(({ channels }) => channels.some(({ history }) => history.crossed)),
    events,
  };
}

interface OpenShard {
  readonly head: Position;
  readonly channels: readonly { readonly history: ChannelHistory; readonly page: Publication[] }[];
  readonly marks: readonly LoggedGap[];
  readonly gap: Gap | null;
  readonly oldest: Moment;
  readonly now: number;
}

async function openShard(
  { log, channels, topic, retain }: Replay,
  head: Position,
  after: Progress,
): Promise<OpenShard> {
  const from = { ...(after.positions[head.shard] ?? unheard), time: after.time };
  if (!isAfter(head, from, head.epoch))
    return { head, channels: [], marks: [], gap: null, oldest: head, now: head.time };
  const pageSize = Math.max(10, Math.floor(readAhead / Math.max(1, channels.length)));
  const histories = channels.map((channel) => new ChannelHistory(log, channel, head, from, pageSize));
  const pages = await Promise.all(histories.map((history) => history.next()));
  const marks = (await log.gaps(head.shard)).filter(
    (mark) =>
      mark.source.topic === topic &&
      concerns(mark, after.time) &&
      isAfter(mark.position, from, head.epoch) &&
      !isAfter(mark.position, head, head.epoch),
  );
  const now = Math.max(head.time, ...histories.map((history) => history.now));
  const cut = pages.flatMap((page) => (page?.trimmed && page.publications[0]?.position) || []);
  const whole = [
    ...cut.map((position) => ({ ...position, number: position.number - 1 })),
    ...marks.map(({ position }) => position),
  ];
  return {
    head,
    channels: histories.map((history, i) => ({ history, page: [...(pages[i] as Page).publications] })),
    marks,
    gap: gapOf(pages, marks, now - after.time >= retain),
    oldest: whole.sort((a, b) => byAge(a, b, head.epoch)).at(-1) ?? from,
    now,
  };
}

function gapOf(pages: readonly (Page | null)[], marks: readonly LoggedGap[], tooOld: boolean): Gap | null {
  if (pages.some((page) => page?.trimmed)) return { reason: 'TRIMMED', missed: null };
  if (tooOld && pages.length > 0) return { reason: 'EXPIRED', missed: null };
  const [mark] = marks;
  return mark ? { reason: mark.reason, missed: mark.missed } : null;
}

/** One shard's channels as one, each event once. */
async function* merged(
  { head, channels, marks }: OpenShard,
  topic: string,
  seen: Coordinates,
  lost: (gap: Gap) => void,
): AsyncGenerator<Publication> {
  const told = [...marks];
  for (;;) {
    for (const { history, page } of channels) {
      while (page.length === 0) {
        const next = await history.next();
        if (!next) break;
        if (next.trimmed) lost({ reason: 'TRIMMED', missed: null });
        page.push(...next.publications);
      }
    }
    let first: Publication[] | undefined;
    for (const { page } of channels) {
      if (page[0] && (!first?.[0] || byAge(page[0].position, first[0].position, head.epoch) < 0)) first = page;
    }
    const publication = first?.shift();
    if (!publication) return;
    while (told[0] && byAge(told[0].position, publication.position, head.epoch) < 0) {
      const { reason, source } = told.shift() as LoggedGap;
      if (reason === 'TOPIC_RECREATED' && source.topic === topic) seen.forget(source.partition);
    }
    // An event in two channels has the same coordinates in both.
    if (seen.pass(publication)) yield publication;
  }
}

/** The newest events of all channels, oldest first, at most `scan` of each channel. Throws LogUnavailable. */
export async function newest({ log, channels, upTo }: Replay, scan: number): Promise<Publication[]> {
  const found = new Map<string, Publication>();
  let current = '';
  for (const head of upTo) {
    const histories = await Promise.all(channels.map((channel) => log.newest(channel, head.shard, scan)));
    for (const { publications, head: log } of histories) {
      current = log.epoch;
      for (const one of publications) {
        const { epoch, number } = one.position;
        if (!isAfter(one.position, head, log.epoch)) found.set(`${head.shard} ${epoch} ${number}`, one);
      }
    }
  }
  return [...found.values()].sort((a, b) => byAge(a.position, b.position, current)).slice(-scan);
}

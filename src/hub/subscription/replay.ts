import type { Channel } from '../../event/channel.js';
import type { Progress } from '../../event/place.js';
import {
  byAge,
  type Gap,
  hasPassed,
  isAfter,
  type Moment,
  type Position,
  wholeUntil,
  withLoss,
} from '../../event/position.js';
import { isOn, isSince, type Publication } from '../../event/publication.js';
import type { LoggedGap } from '../../log/channel-log.js';
import type { Coordinates } from '../coordinates.js';
import { ChannelHistory, type Page } from '../history/channel-history.js';
import { areForgotten, forgotten, marksBetween, type Renewal, renewalsIn } from '../history/marks.js';
import type { Hub } from '../hub.js';
import type { Late } from '../late.js';

export interface Replay {
  readonly hub: Pick<Hub, 'read' | 'newest' | 'gaps'> & Partial<Pick<Hub, 'twice'>>;
  readonly channels: readonly Channel[];
  readonly topic: string;
  readonly retain: number;
  readonly late: Late;
  /** Up to here, per shard: what comes after is heard live. */
  readonly upTo: readonly Position[];
}

export interface Replayed {
  readonly publication: Publication;
  /** True when the cursor had no room to tell what went by of its partition before it. */
  readonly isUnknown: boolean;
  /** Where a subscription stands that was shown everything up to this one. */
  readonly progress: Progress;
}

/** What lies between a cursor and the head, before a single event of it is shown. */
export interface Passage {
  /** Why not everything after the cursor can be shown; null when it can. */
  readonly gap: Gap | null;
  /** A cursor from which everything is still there. */
  readonly oldest: Progress;
  /**
   * The events, shard by shard in the order of the log. What `seen` knows is left out, and it learns the rest. `lost` is called
   * where entries went while they were waited for. Throws LogUnavailable.
   */
  events(seen: Coordinates, lost: (gap: Gap) => void): AsyncGenerator<Replayed>;
}

/** Where a shard begins that the cursor does not know. */
const unheard = { epoch: '', number: 0, time: 0 };
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

  async function* events(seen: Coordinates, lost: (gap: Gap) => void): AsyncGenerator<Replayed> {
    for (const shard of shards) {
      const { head } = shard;
      const others = replay.upTo.map((one, at) => (at < head.shard ? one : (after[at] ?? unheard)));
      for await (const [publication, isUnknown] of merged(shard, seen, lost)) {
        yield { publication, isUnknown, progress: others.with(head.shard, publication.position) };
      }
    }
  }

  return {
    gap: gaps[0] ?? null,
    oldest: shards.map(({ oldest }) => oldest),
    events,
  };
}

interface OpenShard {
  readonly head: Position;
  readonly channels: readonly { readonly history: ChannelHistory; readonly page: Publication[] }[];
  readonly renewals: readonly Renewal[];
  readonly gap: Gap | null;
  readonly oldest: Moment;
}

async function openShard(
  { hub, channels, topic, retain, late }: Replay,
  head: Position,
  after: Progress,
): Promise<OpenShard> {
  const from = after[head.shard] ?? unheard;
  const isThere = head.epoch === from.epoch && head.number === from.number;
  if (isThere || !isAfter(head, from, head.epoch)) return { head, channels: [], renewals: [], gap: null, oldest: head };
  const pageSize = Math.max(10, Math.floor(readAhead / Math.max(1, channels.length)));
  const histories = channels.map((channel) => new ChannelHistory(hub, channel, head, from, pageSize));
  // Marks are read before the entries, which are refused of another epoch than the head's: read after them, a mark up to the
  // head could be gone with its epoch, and whoever comes to the head would count as one that was told.
  const kept = await hub.gaps(head.shard);
  const pages = await Promise.all(histories.map((history) => history.next()));
  const marks = marksBetween(kept, from, head).filter(
    (mark) => mark.source.topic === topic && isSince(mark, concernedFrom(mark, from, late)) && isOn(mark, channels),
  );
  const now = Math.max(head.time, ...histories.map((history) => history.now));
  const cut = pages.flatMap((page) => (page?.gone && page.publications[0]?.position) || []);
  const whole = [
    ...cut.map((position) => ({ ...position, number: position.number - 1 })),
    ...marks.map(({ position }) => position),
  ];
  return {
    head,
    channels: histories.map((history, i) => ({ history, page: [...(pages[i] as Page).publications] })),
    renewals: marks.flatMap((mark) =>
      renewalsIn([mark]).filter(({ voided }) => isSince(voided, concernedFrom(mark, from, late))),
    ),
    gap: gapOf(pages, areForgotten(kept, from, head.epoch) ? [forgotten, ...marks] : marks, now - from.time >= retain),
    oldest: whole.sort((a, b) => byAge(a, b, head.epoch)).at(-1) ?? { ...from, time: now },
  };
}

/** Up to when somebody who stands at `from`, and was late, had surely been shown everything of a mark's partition. */
function concernedFrom({ told }: LoggedGap, from: Moment, late: Late): number {
  const whole = wholeUntil(from);
  return late === null || (told && hasPassed(from, told)) ? whole : Math.min(whole, late);
}

function gapOf(pages: readonly (Page | null)[], marks: readonly Gap[], tooOld: boolean): Gap | null {
  if (pages.some((page) => page?.gone)) return { reason: 'TRIMMED', missed: null };
  if (tooOld && pages.length > 0) return { reason: 'EXPIRED', missed: null };
  return marks.reduce<Gap | null>((gap, { reason, missed }) => withLoss(gap, { reason, missed }), null);
}

/** Merges one shard's channels, each event once. */
async function* merged(
  { head, channels, renewals }: OpenShard,
  seen: Coordinates,
  lost: (gap: Gap) => void,
): AsyncGenerator<readonly [publication: Publication, isUnknown: boolean]> {
  const told = [...renewals];
  for (;;) {
    for (const { history, page } of channels) {
      while (page.length === 0) {
        const next = await history.next();
        if (!next) break;
        if (next.gone) lost({ reason: next.gone, missed: null });
        page.push(...next.publications);
      }
    }
    let first: Publication[] | undefined;
    for (const { page } of channels) {
      if (page[0] && (!first?.[0] || byAge(page[0].position, first[0].position, head.epoch) < 0)) first = page;
    }
    const publication = first?.shift();
    // Marks take effect in their place, also behind the last event: what follows live counts anew too.
    while (told[0] && (!publication || byAge(told[0].position, publication.position, head.epoch) < 0)) {
      seen.setBack((told.shift() as Renewal).voided);
    }
    if (!publication) return;
    // An event in two channels has the same coordinates in both.
    const isUnknown = seen.isUnknown(publication);
    if (seen.advance(publication)) yield [publication, isUnknown];
  }
}

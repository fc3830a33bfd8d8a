import type { Channel } from '../../event/channel.js';
import { type Progress, positionBefore } from '../../event/place.js';
import { byAge, isAfter, type Position } from '../../event/position.js';
import type { Publication } from '../../event/publication.js';
import type { SourceEvent } from '../../event/source-event.js';
import type { History } from '../../log/channel-log.js';
import type { Coordinates } from '../coordinates.js';
import { LogMoved } from '../history/channel-history.js';
import { marksOf, type Renewal, renewalsIn } from '../history/marks.js';
import type { Replay, Replayed } from './replay.js';

/** The newest events that a viewer may see of those before it came. */
export interface Rewind {
  /** Where they begin: whoever is cut off in the middle resumes with the rest of them, on every shard. */
  readonly beginning: Progress;
  /** Oldest first; `seen` learns them, and what the log tells of recreated topics. */
  events(seen: Coordinates): Generator<Omit<Replayed, 'isUnknown'>>;
}

/**
 * Looks for the newest `count` that `permit` lets pass among the newest `scan`: what the log still has of them. `permit` is
 * asked once or a few times for each.
 * Throws LogUnavailable.
 */
export async function openRewind(
  replay: Replay,
  count: number,
  scan: number,
  permit: (source: SourceEvent) => boolean,
): Promise<Rewind> {
  const { upTo } = replay;
  const shown = await newest(replay, count, scan, permit);
  const marks = await renewals(replay);
  const beginning: Progress = upTo.map((head) => {
    const first = shown.find(({ position }) => position.shard === head.shard)?.position;
    return first ? positionBefore(first) : head;
  });

  function* events(seen: Coordinates): Generator<Omit<Replayed, 'isUnknown'>> {
    let progress = beginning;
    const told = upTo.map(({ shard }) => marks.filter(({ position }) => position.shard === shard));
    for (const publication of shown) {
      const { position, source } = publication;
      const [before, epoch] = [told[position.shard] ?? [], upTo[position.shard]?.epoch ?? ''];
      // A client that is cut off behind the mark comes back without meeting it: its cursor must not hold the old offsets.
      while (before[0] && !isAfter(before[0].position, position, epoch))
        seen.setBack((before.shift() as Renewal).voided);
      progress = progress.with(position.shard, position);
      // The log may have forgotten a mark, before which were other records, whose offsets may be higher.
      seen.setBack({ partition: source.record.partition, cut: { origin: source.origin, offset: 0 } });
      seen.advance(publication);
      yield { publication, progress };
    }
    for (const { voided } of told.flat()) seen.setBack(voided);
  }

  return { beginning, events };
}

/** Entries that are read of each channel at first. */
const firstLook = 16;

/** The end of one channel in one shard, as far back as it was read. */
interface End {
  readonly head: Position;
  readonly channel: Channel;
  history: History | null;
}

/**
 * The newest `count` that may be seen of the newest `scan` of all channels, oldest first. A channel is read from its end,
 * and further back, twice as far each time, only while what was not read may be among them: all that is kept of 256
 * channels, read for the last event of them, would be a quarter of a million entries in memory.
 */
async function newest(
  { hub, channels, upTo }: Replay,
  count: number,
  scan: number,
  permit: (source: SourceEvent) => boolean,
): Promise<readonly Publication[]> {
  const ends: End[] = upTo.flatMap((head) => channels.map((channel) => ({ head, channel, history: null })));
  let open: readonly End[] = ends;
  // Limits are doubled, so that who asks for ten shares the reads of who asks for five.
  let limit = firstLook;
  while (limit < count) limit *= 2;
  for (; ; limit *= 2) {
    const most = Math.min(limit, scan);
    await Promise.all(
      open.map(async (end) => {
        const history = await hub.newest(end.channel, end.head.shard, most);
        const { epoch, number } = history.head;
        // A replica that lags, or a log that lost data, has less than the head: what is not there now would never be shown.
        if (epoch === end.head.epoch && number < end.head.number) throw new LogMoved();
        end.history = history;
      }),
    );
    const looked = merged(ends, upTo).slice(-scan);
    const shown = looked.filter(({ source }) => permit(source)).slice(-count);
    const [last] = shown.length === count ? shown : looked;
    open = open.filter(({ history }) => {
      const oldest = history?.publications[0];
      return history?.more && !(last && oldest && oldest.position.time < last.position.time);
    });
    if (most === scan || open.length === 0) return shown;
  }
}

/** Merges what was read, oldest first. An event in two channels has one number, and is there once. */
function merged(ends: readonly End[], upTo: readonly Position[]): readonly Publication[] {
  const shards = upTo.map((head) => {
    const found = new Map<string, Publication>();
    for (const end of ends) {
      if (end.head !== head || !end.history) continue;
      for (const one of end.history.publications) {
        const { epoch, number, time } = one.position;
        if (!isAfter(one.position, head, end.history.head.epoch)) found.set(`${epoch} ${number} ${time}`, one);
      }
    }
    return [...found.values()].sort((a, b) => byAge(a.position, b.position, head.epoch));
  });
  return shards.flat().sort((a, b) => a.position.time - b.position.time);
}

/** Marks of all shards, shard by shard in the order of the log. */
async function renewals({ hub, topic, upTo }: Replay): Promise<readonly Renewal[]> {
  const found = await Promise.all(
    upTo.map(async (head) => renewalsIn(marksOf(await hub.gaps(head.shard), topic, head))),
  );
  return found.flat();
}

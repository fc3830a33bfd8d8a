import { byAge, isAfter, type Position } from '../event/position.js';
import type { Publication } from '../event/publication.js';
import type { SourceEvent } from '../event/source-event.js';
import type { Coordinates } from './coordinates.js';
import type { Progress, Replay, Replayed } from './replay.js';

/** The newest events that a viewer may see of those before it came. */
export interface Rewind {
  /** Where they begin: whoever is cut off in the middle resumes with the rest of them, on every shard. */
  readonly beginning: Progress;
  /** Oldest first; `seen` learns them, and what the log tells of recreated topics. */
  events(seen: Coordinates): Generator<Omit<Replayed, 'isUnknown'>>;
}

/**
 * Looks for the newest `count` that `permit` lets pass, at most `scan` of each channel: what the log still has of them.
 * Throws LogUnavailable.
 */
export async function openRewind(
  replay: Replay,
  count: number,
  scan: number,
  permit: (source: SourceEvent) => boolean,
): Promise<Rewind> {
  const { upTo } = replay;
  const [publications, recreated] = await Promise.all([newest(replay, scan), recreations(replay)]);
  const shown = publications.filter(({ source }) => permit(source)).slice(-count);
  const beginning: Progress = upTo.map((head) => {
    const first = shown.find(({ position }) => position.shard === head.shard)?.position;
    return first ? { ...first, number: first.number - 1, time: first.time - 1 } : head;
  });

  function* events(seen: Coordinates): Generator<Omit<Replayed, 'isUnknown'>> {
    let progress = beginning;
    for (const publication of shown) {
      const { position, source } = publication;
      // Whoever is cut off behind the mark comes back without meeting it: the cursor must not hold the old offsets.
      for (const [partition, mark] of recreated) {
        if (mark.shard !== position.shard || isAfter(mark, position, upTo[mark.shard]?.epoch ?? '')) continue;
        seen.forget(partition);
        recreated.delete(partition);
      }
      progress = progress.with(position.shard, position);
      // Before the mark was another topic, whose offsets may be higher.
      seen.forget(source.record.partition);
      seen.pass(publication);
      yield { publication, progress };
    }
    for (const partition of recreated.keys()) seen.forget(partition);
  }

  return { beginning, events };
}

/** The newest events of all channels, oldest first, at most `scan` of each channel. */
async function newest({ hub, channels, upTo }: Replay, scan: number): Promise<readonly Publication[]> {
  const shards = upTo.map(async (head) => {
    // An event in two channels has one number.
    const found = new Map<string, Publication>();
    const histories = await Promise.all(channels.map((channel) => hub.newest(channel, head.shard, scan)));
    for (const { publications, head: now } of histories) {
      for (const one of publications) {
        const { epoch, number } = one.position;
        if (!isAfter(one.position, head, now.epoch)) found.set(`${epoch} ${number}`, one);
      }
    }
    return [...found.values()].sort((a, b) => byAge(a.position, b.position, head.epoch));
  });
  const all = (await Promise.all(shards)).flat().sort((a, b) => a.position.time - b.position.time);
  return all.slice(-scan);
}

/** Per partition of a recreated topic, where the log tells of it last. */
async function recreations({ hub, topic, upTo }: Replay): Promise<Map<number, Position>> {
  const recreated = new Map<number, Position>();
  for (const head of upTo) {
    for (const { position, reason, source } of await hub.gaps(head.shard)) {
      if (reason !== 'TOPIC_RECREATED' || source.topic !== topic || isAfter(position, head, head.epoch)) continue;
      recreated.set(source.partition, position);
    }
  }
  return recreated;
}

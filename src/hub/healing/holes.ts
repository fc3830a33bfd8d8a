import type { Channel } from '../../event/channel.js';
import { lastly, type Position } from '../../event/position.js';
import type { Commit } from '../../event/publication.js';
import type { TailedChannel } from '../listener.js';

/** A commit after another one of its shard gives out numbers that the other one had, whatever the clock says. */
export function isStepBack({ from, position }: Commit, before: Position): boolean {
  if (position.epoch !== before.epoch || from >= before.number) return false;
  return position.number !== before.number || position.time !== before.time;
}

/** How a commit stands to the head of its shard. */
export type Standing = 'next' | 'known' | 'given again';

/** `given again`: of its numbers some were given out before. `next` may still leave a hole between. */
export function standingOf({ from, position }: Commit, head: Position): Standing {
  if (position.epoch !== head.epoch) return 'next';
  if (position.number > head.number) return from < head.number ? 'given again' : 'next';
  return position.time > lastly(head) ? 'given again' : 'known';
}

/** Every publication names the one before it in its channel: one that was never heard is a hole. */
export function hasHole(
  { publications, position: { shard } }: Commit,
  tailed: readonly (TailedChannel | undefined)[],
): boolean {
  const heard = new Map<Channel, number>();
  return publications.some(({ channel, previous, position }, i) => {
    const last = heard.get(channel) ?? tailed[i]?.last?.[shard];
    heard.set(channel, position.number);
    return last !== undefined && previous > last;
  });
}

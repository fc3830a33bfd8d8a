import type { Channel } from '../event/channel.js';
import type { SourceEvent } from '../event/source-event.js';
import type { Group } from '../hub/group.js';

/** An event, and where it can be heard. */
export interface Addressed {
  readonly source: SourceEvent;
  readonly channels: readonly Channel[];
}

/** Open streams, each counted once however many of the events are for it. */
export interface Audience {
  /** Streams that listen where one of the events goes. */
  readonly listening: number;
  /** Listening streams that the rule lets see one of them. */
  readonly shown: number;
}

/** Asks the rules without counting anything as delivered or denied. */
export function audienceOf(
  groups: Iterable<Pick<Group, 'channels' | 'plan' | 'seats'>>,
  events: readonly Addressed[],
): Audience {
  let listening = 0;
  let shown = 0;
  for (const { channels, plan, seats } of groups) {
    const own = new Set(channels);
    const heard = events.filter((event) => event.channels.some((channel) => own.has(channel)));
    if (heard.length === 0) continue;
    listening += seats.size;
    if (heard.some(({ source }) => plan.permit(source).pass)) shown += seats.size;
  }
  return { listening, shown };
}

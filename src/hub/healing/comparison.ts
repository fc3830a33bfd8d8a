import { setTimeout as pause } from 'node:timers/promises';
import type { Progress } from '../../event/place.js';
import { isGivenAgain, lastly, type Position } from '../../event/position.js';
import { LogUnavailable } from '../../log/channel-log.js';
import type { Reads } from '../history/shared-reads.js';
import type { Doubts } from './doubts.js';

/** The hub, as far as it is held against the log. */
export interface Compared {
  heads(): readonly Position[];
  /** True while something that was missed is being read. */
  readonly isFilling: boolean;
  /** The log, asked at `now`, had nothing beyond the heads. */
  refreshed(now: readonly number[]): void;
  /** Reads what was missed. */
  fill(): void;
  /** Resolves when nothing is missing. Throws LogUnavailable. */
  whole(): Promise<void>;
  /** Called when the tail hears nothing of what the log is given. */
  deaf(): void;
}

/** Why it is waited for: a replica of Redis lags, or data was lost. */
const less = 'the log has less than is known of it';

/** Holds the hub's heads against the log itself; `grace` is how many milliseconds what is on its way may take. */
export function comparison(log: Pick<Reads, 'heads'>, hub: Compared, doubts: Doubts, grace: number) {
  const isAhead = (found: Position) => {
    const head = hub.heads()[found.shard] as Position;
    if (found.epoch === head.epoch) return found.number > head.number || isGivenAgain(head, found);
    return !doubts.isOlder(head, found);
  };

  /** `isOlder`: the log answered less than was known before it was asked, on some shard. */
  async function ask() {
    const known = hub.heads();
    const { heads, now } = await log.heads();
    return { heads, now, isOlder: doubts.compare(known, heads, now) };
  }

  /**
   * The log is ahead of the tail by entries. Not by an epoch alone: a relay may have opened one and written nothing, and then
   * there was nothing to hear.
   */
  const isUnheard = (head: Position) =>
    isAhead(head) && head.number !== 0 && head.number !== (hub.heads()[head.shard] as Position).number;

  let behind: readonly Position[] | null = null;

  return {
    /**
     * To be called again and again: a tail may fall silent while its connection looks healthy, and then the log is ahead of
     * it twice in a row. Throws LogUnavailable.
     */
    async compare(): Promise<void> {
      if (hub.isFilling) return;
      const now = await ask();
      const ahead = now.heads.some(isAhead);
      // An older state says nothing of what is there now.
      if (!ahead && !now.isOlder) hub.refreshed(now.now);
      if (ahead && behind === hub.heads() && !hub.isFilling) {
        const deaf = now.heads.some(isUnheard);
        hub.fill();
        if (deaf) hub.deaf();
      }
      behind = ahead ? hub.heads() : null;
    },

    /**
     * Resolves when the heads have come as far as the log itself at the time of the call. The log is asked, but only what
     * does not come by itself is read: it would be read of every channel. Throws LogUnavailable.
     */
    async refresh(): Promise<void> {
      const { heads: target } = await ask();
      const late = performance.now() + grace;
      while (!hub.isFilling && target.some(isAhead) && performance.now() < late) await pause(1);
      // Three rounds, because a fill that was under way may have asked before, and what this one waits for may still be on its way.
      for (let round = 0; round < 3 && target.some(isAhead); round++) {
        if (!hub.isFilling) hub.fill();
        await hub.whole();
      }
    },

    /** What was `heard` of must be `found`: else the log that was asked is an older one. Throws LogUnavailable. */
    expectReached(heard: Position, found: readonly Position[]): void {
      const head = hub.heads()[heard.shard] as Position;
      const isMissing =
        heard.epoch === head.epoch
          ? heard.number > head.number
          : !doubts.isOver(heard) && heard.time > lastly(found[heard.shard] as Position);
      if (isMissing && doubts.lacks(heard)) throw new LogUnavailable(less);
    },

    /**
     * To be called after `refresh`: somebody was `shown` so much. With a part of it gone under the same epoch, to go on by numbers
     * would pass over what gets them next. Throws LogUnavailable.
     */
    expect(shown: Progress): void {
      for (const { shard, epoch, number } of hub.heads()) {
        const known = shown[shard];
        if (known?.epoch !== epoch || known.number <= number) continue;
        if (doubts.lacks({ ...known, shard })) throw new LogUnavailable(less);
      }
    },
  };
}

import { Fault, limitExceeded } from '../../event/faults.js';
import { isAhead, noOffsets, type Place } from '../../event/place.js';
import type { Publication } from '../../event/publication.js';
import { Latest } from '../conflate.js';
import type { Coordinates } from '../coordinates.js';
import { Frame } from '../frame.js';
import type { SubscriptionParts } from './parts.js';
import { openPassage, type Passage, type Replay } from './replay.js';
import { openRewind } from './rewind.js';
import type { Shown } from './shown.js';
import type { Told } from './told.js';

/** The subscription that reads. */
export interface Reader {
  /** False once it is live, parked or over. */
  isReading(): boolean;
  /** From here on live frames wait; what comes before is read. */
  begin(): Replay;
  /** Nothing lies between its place and the live frames that wait: it goes live, unless too many waited and were dropped. */
  caughtUp(seen: Coordinates): void;
  fail(fault: Fault): void;
}

/** Shows one viewer what the log holds, as fast as the socket takes it, until nothing lies before what is live. */
export class CatchUp {
  constructor(
    private readonly parts: SubscriptionParts,
    private readonly shown: Shown,
    private readonly told: Told,
    private readonly reader: Reader,
  ) {}

  /**
   * What lies between the place and the hub's heads, until the reader is live or over. `seen` knows what was shown. `resumed` is
   * the place that a client brought, for the first time. To be called `again` after it threw LogUnavailable.
   */
  async run(seen: Coordinates, resumed: Place | null, again: boolean): Promise<void> {
    const { told, shown, reader } = this;
    const { group, hub, onGap } = this.parts;
    if (again) await hub.refresh();
    for (let first = resumed; reader.isReading(); first = null) {
      const { positions: after } = told.place as Place;
      // A client may know more of the log than this replica, whose tail is a moment behind, or deaf.
      if (isAhead(after, hub.heads())) await hub.refresh(after);
      // A subscription that was closed while it waited would be revived.
      if (!reader.isReading()) return;
      const replay = reader.begin();
      // Lateness is set before the log is read: a mark that is heard meanwhile would take it for one that was here all the time.
      shown.goes(after, replay.upTo);
      const passage = await openPassage(replay, after);
      const gap = passage.gap ?? told.changed;
      if (gap && first && onGap === 'FAIL') {
        const oldest = group.cursorOf(group.placeAt(passage.oldest, noOffsets));
        return reader.fail(new Fault('CURSOR_EXPIRED', { why: gap.reason }, { oldest, gap }));
      }
      if (gap) told.lack(gap);
      told.changed = null;
      await this.#replay(passage, seen, first ? this.parts.replay : undefined);
      if (!reader.isReading()) return;
      told.place = shown.placeAt(replay.upTo, seen.recent);
      reader.caughtUp(seen);
    }
  }

  /** The newest events that this viewer may see of those before it came, oldest first. */
  async rewind(count: number, seen: Coordinates, replay: Replay): Promise<void> {
    const { group, rewindScan } = this.parts;
    const rewind = await openRewind(replay, count, rewindScan, (source) => group.plan.permit(source).pass);
    this.told.place = group.placeAt(rewind.beginning, seen.recent);
    for (const { publication, progress } of rewind.events(seen)) {
      if (!this.reader.isReading()) return;
      await this.#show(publication, group.placeAt(progress, seen.recent));
    }
    this.told.place = group.placeAt(replay.upTo, seen.recent);
  }

  /** Shows what this viewer may see; of a conflated field the latest of each key only. */
  async #replay(passage: Passage, seen: Coordinates, most = Number.POSITIVE_INFINITY): Promise<void> {
    const { reader, told, shown } = this;
    const { group } = this.parts;
    const { conflation } = group.plan;
    const latest = new Latest<readonly [Publication, Place]>();
    let read = 0;
    try {
      for await (const { publication, isUnknown, progress } of passage.events(seen, (gap) => told.lack(gap))) {
        if (!reader.isReading()) return;
        if (++read > most) break;
        const { source } = publication;
        if (shown.isHistory(publication) || !group.judge(source)) continue;
        if (isUnknown) told.mayRepeat();
        latest.put(conflation?.keyOf(source.event) ?? null, [publication, shown.placeAt(progress, seen.recent)]);
        if (!conflation || latest.isFull) await this.#showAll(latest);
      }
    } finally {
      // Events that wait here are shown also when the log fails: `seen` knows them, so nothing would bring them again.
      await this.#showAll(latest);
    }
    // A client that has read its fill is ended here; it can go on from the cursor of the last frame.
    if (read <= most) return;
    this.parts.observers.metrics.limited('replay');
    reader.fail(limitExceeded('replay', most, read));
  }

  async #showAll(latest: Latest<readonly [Publication, Place]>): Promise<void> {
    for (const [publication, place] of latest.take()) await this.#show(publication, place);
  }

  /** Renders an event for this viewer alone, and writes it when the socket takes it. */
  async #show(publication: Publication, place: Place): Promise<void> {
    const { reader, told } = this;
    const { group, outlet } = this.parts;
    if (!reader.isReading()) return;
    const rendered = await group.plan.render(publication.source);
    // The socket is looked at right before the write, and again after each wait: all that were parked with it wake in one moment.
    for (let full = outlet.drained(); full; full = outlet.drained()) await full;
    if (reader.isReading() && told.write([new Frame(rendered, place, group)])) group.replayed(publication);
  }
}

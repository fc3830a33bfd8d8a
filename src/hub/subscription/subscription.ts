import { randomUUID } from 'node:crypto';
import type { Cursor } from '../../event/cursor.js';
import { Fault, limitExceeded } from '../../event/faults.js';
import { type Gap, withLoss } from '../../event/position.js';
import type { Publication, Voided } from '../../event/publication.js';
import type { SourceEvent } from '../../event/source-event.js';
import type { Logger } from '../../observe/logger.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import { Latest } from '../conflate.js';
import { Coordinates } from '../coordinates.js';
import { Frame } from '../frame.js';
import type { Batch, Group, Offer, Seat } from '../group.js';
import type { Hub } from '../hub.js';
import type { Reach } from '../listener.js';
import type { Outlet } from '../outlet.js';
import { isAhead, openPassage, type Passage, type Replay } from './replay.js';
import { retryWhile } from './retry.js';
import { openRewind } from './rewind.js';
import { Shown } from './shown.js';
import { changedSince, type OnGap, type Start } from './start.js';

export interface SubscriptionParts {
  /** The subscription is in it from the first to the last moment. */
  readonly group: Group;
  readonly outlet: Outlet;
  readonly hub: Pick<Hub, 'heads' | 'refresh' | 'read' | 'newest' | 'gaps'> & Partial<Pick<Hub, 'twice'>>;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly onGap: OnGap;
  /** The most entries of a channel that a rewind looks at. */
  readonly rewindScan: number;
  /** How many entries it may read when it resumes. Default: without a limit. */
  readonly replay?: number;
  /** Called once, when it leaves its group. */
  readonly onClose?: () => void;
}

/** More live frames than this waiting behind a replay are dropped; the replay then goes on from history. */
const maxWaiting = 1_000;

type State = 'joining' | 'replaying' | 'live' | 'parked' | 'closed';

/**
 * One operation of one client.
 *
 *                    now                      caught up
 *     joining ───────────────────────▶ live ◀─────────── replaying
 *        │                             │  │                ▲ ▲ │
 *        │ after · rewind              │  │ outrun         │ │ │ outrun, or too much waited:
 *        └────────────▶ replaying      │  └────────────────┘ │ └─ on from the last frame
 *                                      │ socket is full      │
 *                                      └───────▶ parked ─────┘ drained
 *
 *     any state ── close ──▶ closed        any state ── fault ──▶ closed, the outlet is told
 *
 * Live frames that come during a replay wait behind it, by reference; a parked subscription holds none at all. A log
 * that cannot be read is waited for: live subscriptions wait for it just so.
 */
export class Subscription implements Seat {
  #state: State = 'joining';
  #waiting: Offer[] = [];
  #outrun = false;
  #gap: Gap | null = null;
  /**
   * It came with a cursor by other routes, and has not been told so yet. A cursor of its own names the routes of now: back
   * with that one, it would be told nothing.
   */
  #changed: Gap | null = null;
  /** Everything up to here was shown. Null for a rewind that has not found its beginning yet. */
  #cursor: string | null = null;
  /** Refilled events older than this are history: those of before that it was to see, it has seen. */
  #since = 0;
  /** The group's turn at which it began to listen. */
  #from = 0;
  readonly #shown: Shown;
  /** What a rewind was asked for, until it has found its beginning. */
  #rewinding: Start | null = null;

  constructor(private readonly parts: SubscriptionParts) {
    this.#shown = new Shown(parts.group, parts.hub);
  }

  /**
   * Resolves when the subscription is live, or closed. The group has joined before. Everything up to the first await
   * happens in one turn, so nothing is missed between the group's place and the seat.
   */
  async start(start: Start, now: number): Promise<void> {
    const { group } = this.parts;
    // Closed before it began, it would live on in a seat that nobody leaves.
    if (this.#state !== 'joining') return;
    group.seats.add(this);
    if (start.kind === 'now') {
      this.#since = now;
      this.#shown.begins();
      this.#from = group.turn;
      this.#cursor = group.cursor();
      this.#state = 'live';
      return;
    }
    this.#state = 'replaying';
    if (start.kind === 'rewind') {
      const seen = new Coordinates();
      const begun = this.#begin();
      const replay = { ...begun, upTo: start.upTo ?? begun.upTo };
      this.#since = start.since ?? now;
      this.#rewinding = { ...start, upTo: replay.upTo, since: this.#since };
      await this.#retry(() => this.#rewind(start.count, seen, replay));
      await this.#retry((again) => this.#catchUp(seen, null, again));
      return;
    }
    if (start.kind === 'handover') {
      this.#since = start.since;
      this.#gap = start.gap;
    } else this.#changed = changedSince(start.cursor, group.plan.routes);
    const { positions, offsets } = start.cursor;
    this.#shown.cameLate(start.cursor.late);
    this.#cursor = this.#shown.cursorAt(positions, offsets);
    const seen = new Coordinates(offsets);
    const resumed = start.kind === 'after' ? start.cursor : null;
    await this.#retry((again) => this.#catchUp(seen, resumed, again));
  }

  /** A cursor for everything shown so far. Null before a rewind knows where it begins, or a change of routes is told. */
  cursor(): string | null {
    return this.#changed ? null : this.#place();
  }

  #place(): string | null {
    const { group } = this.parts;
    if (this.#state === 'live' && !group.busy) this.#cursor = this.#shown.cursor();
    return this.#cursor;
  }

  /** The gap that the next event will tell, for heartbeats: until it does, a cursor must not be given out. */
  get gap(): Gap | null {
    return this.#gap;
  }

  /** True from when it has left its group: closed, or failed by itself. */
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get wantsRepeats(): boolean {
    return this.#shown.isApart || this.#state === 'replaying';
  }

  offer({ offers, frames, isPlain }: Batch): void {
    const [first] = offers as readonly [Offer];
    const { turn } = first;
    const isUsual = isPlain && this.#state === 'live' && turn > this.#from && this.#shown.settle(turn);
    if (!isUsual) for (const offer of offers) this.#offer(offer);
    else if (!this.#isParkedBefore(first)) this.#write(frames);
  }

  #offer(offer: Offer): void {
    // Heard before it began to listen; a slow resolver brings it only now.
    if (offer.turn <= this.#from) return;
    if (this.#state === 'live') this.#take(offer);
    else if (this.#state === 'replaying' && !this.#outrun) {
      this.#waiting.push(offer);
      if (this.#waiting.length > maxWaiting) this.outrun();
    }
  }

  lost(gap: Gap, voided: Voided | null, turn: number, reach?: Reach): void {
    // What came before it began to listen, the replay tells.
    if (turn <= this.#from) return;
    // It will come upon the gap by itself, and in its place; told now, it would be told twice.
    if (this.#state === 'parked' || this.#outrun) return;
    if (reach && !this.#shown.isReached(reach)) return;
    if (voided && (!reach || this.#shown.isReached({ ...reach, since: voided.since }))) {
      if (this.#state === 'replaying') {
        this.outrun();
        return;
      }
      this.#shown.setBack(voided);
    }
    this.#lack(gap);
  }

  /**
   * For an event that was written again, of a partition that nobody knows anything of: it may have been shown before its cursor
   * was given out. Its record's time does not tell: one of a producer that is a second ahead of the log would be shown
   * twice without a word. Nothing is missing, so it ends nothing.
   */
  #mayRepeat(): void {
    const gap: Gap = { reason: 'LOG_REFILLED', missed: 0 };
    this.parts.metrics.gapTold(this.parts.group.plan.field, gap.reason);
    this.#gap ??= gap;
  }

  /** Ends the operation or waits for the next event to tell it, as the client wished. */
  #lack(gap: Gap): void {
    if (this.#state === 'closed') return;
    this.parts.metrics.gapTold(this.parts.group.plan.field, gap.reason);
    if (this.parts.onGap === 'FAIL') this.fail(new Fault('EVENTS_LOST', { why: gap.reason }, { gap }));
    else this.#gap = withLoss(this.#gap, gap);
  }

  outrun(): void {
    if (this.#state !== 'live' && this.#state !== 'replaying') return;
    this.#waiting = [];
    this.#outrun = true;
    if (this.#state === 'replaying') return;
    this.#state = 'replaying';
    // Later: called while the group hears, whose turn is then ahead of the hub's heads.
    queueMicrotask(() => void this.#goOn());
  }

  /**
   * Leaves the group, and says where a successor begins, in this turn or later: nothing between the two is lost, and
   * nothing is shown by both.
   */
  handOver(): Start {
    const cursor = this.#place();
    this.close();
    // Not as it was asked: its last events were the last ones then, and what came since belongs to it too.
    if (cursor === null) return this.#rewinding as Start;
    return {
      kind: 'handover',
      cursor: this.parts.group.decode(cursor),
      since: this.#since,
      gap: this.#gap ?? this.#changed,
    };
  }

  /** Leaves the group. Idempotent. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#waiting = [];
    this.parts.group.seats.delete(this);
    this.parts.onClose?.();
  }

  fail(fault: Fault): void {
    if (this.#state === 'closed') return;
    this.close();
    this.parts.outlet.fail(fault);
  }

  #take(offer: Offer): void {
    const { publication, turn } = offer;
    this.#shown.settle(turn);
    if (this.#isParkedBefore(offer)) return;
    const isUnknown = this.#shown.isUnknown(offer);
    if (!this.#shown.advance(offer) || this.#isHistory(publication)) return;
    if (isUnknown) this.#mayRepeat();
    this.#write(this.#shown.frames(offer));
  }

  /**
   * Others fill its socket too: with a frame of each of them more than the limit, a hundred times the longest event could
   * wait. Parked where it stood before this offer, and not at its last frame: that may be older than what is kept. Of a
   * conflated field that is before all that the window held: what one behind it replaced, new claims may hide.
   */
  #isParkedBefore({ oldest, repeat }: Offer): boolean {
    const drained = this.parts.outlet.drained();
    const { group } = this.parts;
    if (!drained || oldest === null || (repeat && !this.#shown.isApart)) return false;
    // A window that was open when it began to listen: it stands where it began.
    if (oldest.turn > this.#from) {
      const { position } = oldest.publication;
      const { positions, offsets } = group.decode(oldest.cursor);
      const before = { ...position, number: position.number - 1, time: position.time - 1 };
      const shown = this.#shown.before(oldest.publication, offsets);
      this.#cursor = this.#shown.cursorAt(positions.with(position.shard, before), shown);
    }
    void this.#park(drained);
    return true;
  }

  /** Live, and no longer so when the socket is full. */
  #write(frames: readonly Frame[]): void {
    this.#send(frames);
    const drained = this.parts.outlet.drained();
    if (drained && this.#state === 'live') void this.#park(drained);
  }

  /** By the record's time alone, one that is older than its own partition would be passed over by who lacks it. */
  #isHistory({ refilled, firstBy, source }: Publication): boolean {
    return refilled && (firstBy ?? source.record.timestamp) < this.#since;
  }

  /** The first of them tells the gap. */
  #send(frames: readonly Frame[]): void {
    const first = frames[0] as Frame;
    this.#cursor = (frames.at(-1) as Frame).cursor;
    try {
      this.parts.outlet.write(this.#gap ? frames.with(0, first.withGap(this.#gap)) : frames);
      this.#gap = null;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Nothing is held for a socket that does not drain: it catches up from the log. */
  async #park(drained: Promise<void>): Promise<void> {
    this.#state = 'parked';
    await drained;
    if ((this.#state as State) !== 'parked') return;
    this.#state = 'replaying';
    await this.#goOn();
  }

  #goOn(): Promise<void> {
    const seen = this.#shown.shown(this.#standing());
    return this.#retry((again) => this.#catchUp(seen, null, again));
  }

  /** Shows what lies between the cursor and the hub's heads, until nothing is in between any more, and goes live. */
  async #catchUp(seen: Coordinates, resumed: Cursor | null, again: boolean): Promise<void> {
    const { group, hub, onGap } = this.parts;
    if (again) await hub.refresh();
    for (let first = resumed; this.#state === 'replaying'; first = null) {
      const { positions: after } = this.#standing();
      // A client may know more of the log than this replica, whose tail is a moment behind, or deaf.
      if (isAhead(after, hub.heads())) await hub.refresh(after);
      const replay = this.#begin();
      // Before it is read: a mark that is heard meanwhile would find one that was here all the time.
      this.#shown.goes(after, replay.upTo);
      const passage = await openPassage(replay, after);
      const gap = passage.gap ?? this.#changed;
      if (gap && first && onGap === 'FAIL') {
        const oldest = group.cursorAt(passage.oldest, new Map());
        return this.fail(new Fault('CURSOR_EXPIRED', { why: gap.reason }, { oldest, gap }));
      }
      if (gap) this.#lack(gap);
      this.#changed = null;
      await this.#replay(passage, seen, first ? this.parts.replay : undefined);
      if (this.#state !== 'replaying') return;
      this.#cursor = this.#shown.cursorAt(replay.upTo, seen.recent);
      this.#live(seen);
    }
  }

  /** Shows what this viewer may see; of a conflated field the latest of each key only. */
  async #replay(passage: Passage, seen: Coordinates, most = Number.POSITIVE_INFINITY): Promise<void> {
    const { group } = this.parts;
    const { conflation } = group.plan;
    const latest = new Latest<readonly [SourceEvent, string]>();
    let read = 0;
    try {
      for await (const { publication, isUnknown, progress } of passage.events(seen, (gap) => this.#lack(gap))) {
        if (this.#state !== 'replaying') return;
        if (++read > most) break;
        const { source } = publication;
        if (this.#isHistory(publication) || !group.judge(source)) continue;
        if (isUnknown) this.#mayRepeat();
        latest.put(conflation?.keyOf(source.event) ?? null, [source, this.#shown.cursorAt(progress, seen.recent)]);
        if (!conflation || latest.isFull) await this.#showAll(latest);
      }
    } finally {
      // Also when the log fails in the middle: `seen` knows them, so nothing would bring them again.
      await this.#showAll(latest);
    }
    // What it was shown has cursors from which it can go on.
    if (read <= most) return;
    this.parts.metrics.limited('replay');
    this.fail(limitExceeded('replay', most, read));
  }

  async #showAll(latest: Latest<readonly [SourceEvent, string]>): Promise<void> {
    for (const [source, cursor] of latest.take()) await this.#show(source, cursor);
  }

  /** The newest events that this viewer may see of those before it came, oldest first. */
  async #rewind(count: number, seen: Coordinates, replay: Replay): Promise<void> {
    const { group, rewindScan } = this.parts;
    const rewind = await openRewind(replay, count, rewindScan, (source) => group.plan.permit(source).pass);
    this.#cursor = group.cursorAt(rewind.beginning, seen.recent);
    for (const { publication, progress } of rewind.events(seen)) {
      if (this.#state !== 'replaying') return;
      await this.#show(publication.source, group.cursorAt(progress, seen.recent));
    }
    this.#cursor = group.cursorAt(replay.upTo, seen.recent);
  }

  /** Rendered for this viewer alone, and written as fast as the socket takes it. */
  async #show(source: SourceEvent, cursor: string): Promise<void> {
    const { group, outlet } = this.parts;
    if (this.#state !== 'replaying') return;
    const result = await group.plan.render(source);
    // Looked at right before the write, and again after each wait: all that were parked with it wake in the same moment.
    for (let full = outlet.drained(); full; full = outlet.drained()) await full;
    if ((this.#state as State) !== 'replaying') return;
    this.#send([new Frame(result, cursor)]);
  }

  /** Goes live with what waited, unless too much waited and was dropped. */
  #live(seen: Coordinates): void {
    if (this.#outrun) return;
    this.#shown.caughtUp(seen);
    this.#state = 'live';
    const waited = this.#waiting;
    this.#waiting = [];
    for (const offer of waited) {
      // Parked by one of them, it finds the rest in the log.
      if (this.#state !== 'live') return;
      this.#take(offer);
    }
  }

  /** From here on live frames wait; what comes before is read. */
  #begin(): Replay {
    const { group, hub } = this.parts;
    this.#outrun = false;
    this.#waiting = [];
    this.#from = group.turn;
    return {
      hub,
      channels: group.channels,
      topic: group.topic,
      retain: group.retain,
      late: this.#shown.late,
      upTo: hub.heads(),
    };
  }

  #standing(): Cursor {
    return this.parts.group.decode(this.#cursor as string);
  }

  /** Tries again while the log cannot be read, or becomes another one while it is. */
  async #retry(work: (again: boolean) => Promise<void>): Promise<void> {
    try {
      await retryWhile(() => this.#state === 'replaying', work);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const id = randomUUID();
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.parts.logger.error({ id, error: told }, 'a subscription failed');
    this.fail(new Fault('INTERNAL_SERVER_ERROR', { id }, { id }));
  }
}

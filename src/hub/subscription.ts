import type { Coordinate, Cursor, CursorCodec } from '../event/cursor.js';
import { Fault } from '../event/faults.js';
import type { Gap, Position } from '../event/position.js';
import type { Publication } from '../event/publication.js';
import type { ChannelLogReader } from '../log/channel-log.js';
import { LogUnavailable } from '../log/channel-log.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import { Frame } from './frame.js';
import type { Group, Seat } from './group.js';
import { history, newest, type Replay, reach } from './replay.js';

/** Where a subscription begins. `text` is the cursor as the client sent it. */
export type Start =
  | { readonly kind: 'now' }
  | { readonly kind: 'rewind'; readonly count: number }
  | { readonly kind: 'after'; readonly cursor: Cursor };

/** FAIL ends the operation at a gap that cannot be filled; CONTINUE tells it on the next event. */
export type OnGap = 'FAIL' | 'CONTINUE';

/** A socket as a subscription sees it. */
export interface Outlet {
  /** Writes without waiting. */
  write(frame: Frame): void;
  /** Null while more may be written; else resolves when the socket has drained. */
  drained(): Promise<void> | null;
  /** The operation ends with this error. Called at most once, nothing is written after it. */
  fail(fault: Fault): void;
}

/** More live frames than this waiting behind a replay are dropped; the replay then goes on from history. */
const maxWaiting = 1_000;

/** Where a shard begins that the cursor does not know. */
const unheard = { epoch: '', number: 0 };

/**
 * One operation of one client.
 *
 *                    now                      caught up
 *     joining ───────────────────────▶ live ◀─────────── replaying
 *        │                              │                  ▲  │
 *        │ after · rewind               │ socket is full   │  │ too much waited:
 *        └─────────────▶ replaying      └──▶ parked ───────┘  └─ replay on from
 *                                              drained           the last frame
 *     any state ── close ──▶ closed        any state ── fault ──▶ closed, the outlet is told
 *
 * Live frames that come during a replay wait behind it, by reference; a parked subscription holds none at all.
 */
export class Subscription implements Seat {
  #state: 'joining' | 'replaying' | 'live' | 'parked' | 'closed' = 'joining';
  #waiting: [Frame, Publication][] = [];
  #overflowed = false;
  #gap: Gap | null = null;
  /** The last cursor written, or the one it began with. */
  #cursor = '';
  /** Refilled events older than this are history to a plain start. */
  #since = 0;
  /** What it hears live begins after this. */
  #from: readonly Position[] = [];
  /** Called once, when it leaves its group. */
  onClose: () => void = () => {};

  constructor(
    private readonly group: Group,
    private readonly outlet: Outlet,
    private readonly log: ChannelLogReader,
    private readonly cursors: CursorCodec,
    private readonly heads: () => readonly Position[],
    private readonly metrics: GatewayMetrics,
    private readonly onGap: OnGap,
    /** The most entries of a channel that a rewind looks at. */
    private readonly rewindScan: number,
  ) {}

  /**
   * Resolves when the subscription is live, or when it has failed and told the outlet so.
   * The group has joined before. Everything up to the first await happens in one turn, so nothing is missed between
   * the group's position and the seat.
   */
  async start(start: Start, now: number): Promise<void> {
    this.#cursor = this.group.cursor();
    this.group.seats.add(this);
    if (start.kind === 'now') {
      this.#since = now;
      this.#from = this.heads();
      this.#state = 'live';
      return;
    }
    this.#state = 'replaying';
    if (start.kind === 'after') this.group.remember(start.cursor.offsets);
    await this.#guard(async () => {
      if (start.kind === 'rewind') await this.#rewind(start.count);
      else await this.#catchUp(start.cursor, true);
    });
  }

  /** A cursor for everything shown so far; during a replay or while parked the last one written. */
  cursor(): string {
    return this.#state === 'live' ? this.group.cursor() : this.#cursor;
  }

  /** The gap that the next event will tell, for heartbeats. */
  get gap(): Gap | null {
    return this.#gap;
  }

  offer(frame: Frame, publication: Publication): void {
    const { shard, epoch, number } = publication.position;
    const from = this.#from[shard];
    // A slow resolver lets events arrive that a replay has shown meanwhile, or that were before a plain start.
    if (from && epoch === from.epoch && number <= from.number) return;
    if (this.#state === 'live') this.#write(frame, publication);
    else if (this.#state === 'replaying' && !this.#overflowed) {
      this.#waiting.push([frame, publication]);
      if (this.#waiting.length <= maxWaiting) return;
      this.#waiting = [];
      this.#overflowed = true;
    }
  }

  lost(gap: Gap): void {
    if (this.#state === 'closed' || this.#state === 'parked') return;
    this.metrics.gapTold(this.group.plan.field, gap.reason);
    if (this.onGap === 'FAIL') this.fail(new Fault('EVENTS_LOST', { why: gap.reason }, { gap }));
    else this.#gap ??= gap;
  }

  /** Leaves the group. Idempotent. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#waiting = [];
    this.group.seats.delete(this);
    this.onClose();
  }

  fail(fault: Fault): void {
    if (this.#state === 'closed') return;
    this.close();
    this.outlet.fail(fault);
  }

  #write(frame: Frame, publication: Publication) {
    if (publication.refilled && publication.source.record.timestamp < this.#since) return;
    this.#send(frame);
    const drained = this.outlet.drained();
    if (drained && this.#state === 'live') void this.#park(drained);
  }

  #send(frame: Frame) {
    this.#cursor = frame.cursor;
    this.outlet.write(this.#gap ? frame.withGap(this.#gap) : frame);
    this.#gap = null;
  }

  /** Nothing is held for a socket that does not drain: it catches up from the log. */
  async #park(drained: Promise<void>) {
    this.#state = 'parked';
    await drained;
    if ((this.#state as string) === 'closed') return;
    this.#state = 'replaying';
    await this.#guard(async () => this.#catchUp(this.#decoded(), false));
  }

  async #catchUp(from: Cursor, first: boolean) {
    let after = from;
    for (let round = 0; this.#state === 'replaying'; round++) {
      const replay = this.#replay();
      const { gap, oldest, recreated } = await reach(replay, after);
      if (gap && first && round === 0 && this.onGap === 'FAIL') {
        const cursor = this.group.cursorAt(oldest.positions, oldest.time);
        return this.fail(new Fault('CURSOR_EXPIRED', { why: gap.reason }, { oldest: cursor, gap }));
      }
      if (gap) this.lost(gap);
      const offered = new Map(after.offsets);
      for await (const publication of history(replay, after, recreated, offered)) {
        if (this.#state !== 'replaying') return;
        const { shard } = publication.position;
        const positions = replay.upTo.map((head, at) => (at < shard ? head : (after.positions[at] ?? unheard)));
        await this.#show(publication, positions, offered);
      }
      if (this.#flush()) return;
      after = this.#decoded();
    }
  }

  async #rewind(count: number) {
    const replay = this.#replay();
    const all = await newest(replay, this.rewindScan);
    const shown = all.filter(({ source }) => this.group.plan.permit(source).pass).slice(-count);
    for (const publication of shown) await this.#show(publication, replay.upTo, this.#decoded().offsets);
    if (!this.#flush()) await this.#catchUp(this.#decoded(), false);
  }

  /** Judged with today's claims, rendered for this viewer alone, and written as fast as the socket takes it. */
  async #show(
    publication: Publication,
    positions: Cursor['positions'],
    offsets: ReadonlyMap<number, Coordinate>,
  ): Promise<void> {
    const { source, position } = publication;
    if (!this.group.judge(source)) return;
    const cursor = this.group.cursorAt(positions.with(position.shard, position), position.time, offsets);
    const result = await this.group.plan.render(source);
    if (this.#state !== 'replaying') return;
    this.#send(new Frame(result, cursor));
    await this.outlet.drained();
  }

  /** Goes live with what waited. False when too much waited and was dropped. */
  #flush(): boolean {
    if (this.#state !== 'replaying') return true;
    if (this.#overflowed) return false;
    this.#state = 'live';
    const waited = this.#waiting;
    this.#waiting = [];
    for (const [frame, publication] of waited) {
      if (this.#state === 'live') this.#write(frame, publication);
    }
    return true;
  }

  #replay(): Replay {
    this.#overflowed = false;
    this.#waiting = [];
    this.#from = this.heads();
    const { channels, topic, retain } = this.group;
    return { log: this.log, channels, topic, retain, upTo: this.#from };
  }

  #decoded(): Cursor {
    return this.cursors.decode(this.group.plan.field, this.#cursor) as Cursor;
  }

  async #guard(work: () => Promise<void>) {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      this.fail(new Fault('UNAVAILABLE', { why: 'the log cannot be read' }));
    }
  }
}

import { type Fault, internalFault } from '../../event/faults.js';
import type { Place } from '../../event/place.js';
import type { Gap } from '../../event/position.js';
import type { Voided } from '../../event/publication.js';
import { Coordinates } from '../coordinates.js';
import type { Reach } from '../listener.js';
import type { Batch, Offer, Seat } from '../seat.js';
import { CatchUp, type Reader } from './catch-up.js';
import type { SubscriptionParts } from './parts.js';
import type { Replay } from './replay.js';
import { retryWhile } from './retry.js';
import { Shown } from './shown.js';
import { changedSince, type Start } from './start.js';
import { closed, joining, live, outrun, parked } from './state.js';
import { type Teller, Told } from './told.js';

/** More live frames than this waiting behind a replay are dropped; the replay then goes on from history. */
const maxWaiting = 1_000;

/** One operation of one client, in one of the states of `state.ts`. */
export class Subscription implements Seat, Teller {
  #state = joining;
  /** The group's turn at which it began to listen. */
  #from = 0;
  readonly #shown: Shown;
  readonly #told: Told;
  /** What a rewind was asked for, until it has found its beginning. */
  #rewinding: Start | null = null;

  constructor(private readonly parts: SubscriptionParts) {
    const { group, hub } = parts;
    this.#shown = new Shown(group, hub);
    this.#told = new Told(group.plan.field, parts, this);
  }

  /**
   * Resolves when the subscription is live, or closed. The group has joined before. Everything up to the first await
   * happens in one turn, so nothing is missed between the group's place and the seat. `now` is per shard, by its clock.
   */
  async start(start: Start, now: readonly number[]): Promise<void> {
    // A subscription that was closed before it began would live on in a seat that nobody leaves.
    if (this.#state !== joining) return;
    this.parts.group.seats.add(this);
    if (start.kind === 'now') this.#startNow(now);
    else if (start.kind === 'rewind') await this.#startBefore(start, now);
    else await this.#startAfter(start);
  }

  #startNow(now: readonly number[]): void {
    const { group } = this.parts;
    this.#shown.since = now;
    this.#shown.begins();
    this.#from = group.turn;
    this.#told.place = group.place();
    this.#state = live;
  }

  async #startBefore(start: Extract<Start, { kind: 'rewind' }>, now: readonly number[]): Promise<void> {
    const seen = new Coordinates();
    const begun = this.#begin();
    const replay = { ...begun, upTo: start.upTo ?? begun.upTo };
    const since = start.since ?? now;
    this.#shown.since = since;
    this.#rewinding = { ...start, upTo: replay.upTo, since };
    const catchUp = this.#catchUp();
    await this.#retry(() => catchUp.rewind(start.count, seen, replay));
    await this.#retry((again) => catchUp.run(seen, null, again));
  }

  async #startAfter(start: Extract<Start, { kind: 'after' | 'handover' }>): Promise<void> {
    const { place } = start;
    this.#state = { is: 'replaying', waiting: [] };
    if (start.kind === 'handover') {
      this.#shown.since = start.since;
      this.#told.gap = start.gap;
    } else this.#told.changed = changedSince(place, this.parts.group.plan.routes);
    this.#shown.cameLate(place.late);
    this.#told.place = this.#shown.placeAt(place.positions, place.offsets);
    const seen = new Coordinates(place.offsets);
    const resumed = start.kind === 'after' ? place : null;
    const catchUp = this.#catchUp();
    await this.#retry((again) => catchUp.run(seen, resumed, again));
  }

  /** A cursor for everything shown so far. Null before a rewind knows where it begins, or a change of routes is told. */
  cursor(): string | null {
    const place = this.#told.changed ? null : this.#place();
    return place && this.parts.group.cursorOf(place);
  }

  #place(): Place | null {
    if (this.#state === live && !this.parts.group.busy) this.#told.place = this.#shown.place();
    return this.#told.place;
  }

  /** The gap that the next event will tell, for heartbeats: until it does, a cursor must not be given out. */
  get gap(): Gap | null {
    return this.#told.gap;
  }

  /** True from when it has left its group: closed, or failed by itself. */
  get isClosed(): boolean {
    return this.#state === closed;
  }

  get wantsRepeats(): boolean {
    return this.#shown.isApart || this.#isReading();
  }

  offer(batch: Batch): boolean {
    const [first] = batch.offers as readonly [Offer];
    if (this.#takesWhole(batch, first.turn)) return !this.#isParkedBefore(first) && this.#write(batch.frames);
    for (const offer of batch.offers) this.#offer(offer);
    return false;
  }

  /** The group's frames are its own. */
  #takesWhole({ isPlain }: Batch, turn: number): boolean {
    if (!isPlain || this.#state !== live || turn <= this.#from) return false;
    this.#shown.settle(turn);
    return !this.#shown.isApart;
  }

  #offer(offer: Offer): void {
    // A slow resolver may bring an event now that was heard before it began to listen: the replay shows that one.
    if (offer.turn <= this.#from) return;
    const state = this.#state;
    if (state === live) this.#take(offer);
    else if (state.is === 'replaying' && state.waiting.push(offer) > maxWaiting) this.outrun();
  }

  lost(gap: Gap, voided: Voided | null, turn: number, reach?: Reach): void {
    // A gap from before it began to listen is told by the replay.
    if (turn <= this.#from) return;
    // A replay that is still to begin comes upon the gap by itself, and in its place; told now, it would be told twice.
    if (this.#state === parked || this.#state === outrun) return;
    if (reach && !this.#shown.isReached(reach)) return;
    if (voided && (!reach || this.#shown.isReached({ ...reach, since: voided.since }))) {
      if (this.#isReading()) {
        this.outrun();
        return;
      }
      this.#shown.setBack(voided);
    }
    this.#told.lack(gap);
  }

  outrun(): void {
    const wasLive = this.#state === live;
    if (!wasLive && !this.#isReading()) return;
    this.#state = outrun;
    // The replay begins later: this is called while the group hears, whose turn is then ahead of the hub's heads.
    if (wasLive) queueMicrotask(() => void this.#goOn());
  }

  /**
   * Leaves the group, and says where a successor begins, in this turn or later: nothing between the two is lost, and
   * nothing is shown by both.
   */
  handOver(): Start {
    const place = this.#place();
    this.close();
    // A rewind begins anew where it was to begin. Asked for as it was at first, its last events would be the last of now, and
    // what came between would be lost.
    if (place === null) return this.#rewinding as Start;
    return { kind: 'handover', place, since: this.#shown.since, gap: this.#told.gap ?? this.#told.changed };
  }

  /** Leaves the group. Idempotent. */
  close(): void {
    if (this.#state === closed) return;
    this.#state = closed;
    this.parts.group.seats.delete(this);
    this.parts.onClose?.();
  }

  fail(fault: Fault): void {
    if (this.#state === closed) return;
    this.close();
    this.parts.outlet.fail(fault);
  }

  /** Fails by what nobody expected, which is told to the log alone. */
  broke(error: unknown): void {
    const { logger } = this.parts.observers;
    this.fail(internalFault(error, (told) => logger.error(told, 'a subscription failed')));
  }

  #take(offer: Offer): void {
    const { publication, turn } = offer;
    this.#shown.settle(turn);
    if (this.#isParkedBefore(offer)) return;
    const isUnknown = this.#shown.isUnknown(offer);
    if (!this.#shown.advance(offer) || this.#shown.isHistory(publication)) return;
    if (isUnknown) this.#told.mayRepeat();
    if (this.#write(this.#shown.frames(offer))) this.parts.group.delivered(publication);
  }

  /**
   * Subscriptions share their socket: if each wrote one more frame than the limit, a hundred times the longest event could
   * wait. It is parked where it stood before this offer, and not at its last frame, which may be older than what is kept. Of
   * a conflated field that is before all that the window held: an event that replaced another may be hidden by new claims.
   */
  #isParkedBefore({ oldest, repeat }: Offer): boolean {
    const drained = this.parts.outlet.drained();
    if (!drained || oldest === null || (repeat && !this.#shown.isApart)) return false;
    // A window that was open when it began to listen holds events from before: it stands where it began.
    if (oldest.turn > this.#from) this.#told.place = this.#shown.before(oldest);
    void this.#park(drained);
    return true;
  }

  /** Live, and no longer so when the socket is full. False when nothing was written. */
  #write(frames: Batch['frames']): boolean {
    if (!this.#told.write(frames)) return false;
    const drained = this.parts.outlet.drained();
    if (drained && this.#state === live) void this.#park(drained);
    return true;
  }

  /** Frames for a socket that does not drain would pile up: it holds none, and catches up from the log. */
  async #park(drained: Promise<void>): Promise<void> {
    this.#state = parked;
    await drained;
    if (this.#state !== parked) return;
    this.#state = { is: 'replaying', waiting: [] };
    await this.#goOn();
  }

  #goOn(): Promise<void> {
    const seen = this.#shown.upTo(this.#told.place as Place);
    const catchUp = this.#catchUp();
    return this.#retry((again) => catchUp.run(seen, null, again));
  }

  #isReading(): boolean {
    return this.#state.is === 'replaying' || this.#state === outrun;
  }

  #catchUp(): CatchUp {
    const reader: Reader = {
      isReading: () => this.#isReading(),
      begin: () => this.#begin(),
      caughtUp: (seen) => this.#live(seen),
      fail: (fault) => this.fail(fault),
    };
    return new CatchUp(this.parts, this.#shown, this.#told, reader);
  }

  #begin(): Replay {
    const { group, hub } = this.parts;
    this.#state = { is: 'replaying', waiting: [] };
    this.#from = group.turn;
    const { channels, topic, retain } = group;
    return { hub, channels, topic, retain, late: this.#shown.late, upTo: hub.heads() };
  }

  #live(seen: Coordinates): void {
    const state = this.#state;
    if (state.is !== 'replaying') return;
    this.#shown.caughtUp(seen);
    this.#state = live;
    for (const offer of state.waiting) {
      // Once one of them has parked it, it finds the rest in the log.
      if (this.#state !== live) return;
      this.#take(offer);
    }
  }

  /** Tries again while the log cannot be read, or becomes another one while it is. */
  async #retry(work: (again: boolean) => Promise<void>): Promise<void> {
    try {
      await retryWhile(() => this.#isReading(), work);
    } catch (error) {
      this.broke(error);
    }
  }
}

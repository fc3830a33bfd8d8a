import type { Channel } from '../event/channel.js';
import type { CursorCodec } from '../event/cursor.js';
import { type Coordinate, type Place, positionsAt } from '../event/place.js';
import type { Gap, Position } from '../event/position.js';
import { isSince, type Publication, type Voided } from '../event/publication.js';
import type { SourceEvent } from '../event/source-event.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import type { Conflation } from '../schema/stream-schema.js';
import { openWindow, type Window } from './conflate.js';
import { Coordinates } from './coordinates.js';
import { type CursorWriter, Frame, type Rendered } from './frame.js';
import type { Hub } from './hub.js';
import type { Late } from './late.js';
import type { ChannelListener, Reach } from './listener.js';
import type { Batch, Heard, Offer, Seat } from './seat.js';

/** What all members of a group have in common: made by `graphql/` from an operation and its viewer. */
export interface GroupPlan {
  /** Equal keys mean: the same events, shown with the same bytes. */
  readonly key: string;
  readonly field: string;
  readonly topic: string;
  readonly retain: number;
  readonly channels: readonly Channel[];
  /** Names the routes of the field: cursors carry it. */
  readonly routes: string;
  /** Asks the whole rule. Never throws. */
  permit(source: SourceEvent): { readonly pass: boolean; readonly error: string | null };
  /** Null where every event is shown. */
  readonly conflation: Conflation | null;
  /** Never throws or rejects: what fails is an error in the result. */
  render(source: SourceEvent): Rendered | Promise<Rendered>;
}

/** What is done when its turn has come; a promise of that where it has to be rendered first. */
type Waiting = (() => void) | Promise<() => void>;

/** Characters of rendered events that are offered at once: seats look at their sockets' limits in between. */
const mostAtOnce = 16_384;

/** More events than this waiting for a slow resolver are dropped; each seat then goes on from the log at its own pace. */
const maxWaiting = 1_000;

/**
 * Subscriptions that get the same events with the same bytes: each event is judged once, executed once and encoded
 * once, however many seats there are.
 */
export class Group implements ChannelListener, CursorWriter {
  readonly seats = new Set<Seat>();
  readonly topic: string;
  readonly channels: readonly Channel[];
  readonly retain: number;
  #turn = 0;
  readonly #heard = new Coordinates();
  /** The place of whoever was shown all that was heard, as it was last asked for. */
  #place: Place | null = null;
  /** Events and gaps behind a slow resolver, in their order; empty while every render was done at once. */
  #waiting: Waiting[] = [];
  /** Events that were rendered in this turn of the event loop: no repeat, and nothing refilled. */
  #ready: Offer[] = [];
  #readyLength = 0;
  /** Events that wait for their time under `@conflate`, unrendered: most of them are never shown. */
  readonly #window: Window<Heard> | null;
  /** The first event that came into the window since it was empty, though a later one may have taken its place there. */
  #oldest: Heard | null = null;

  constructor(
    readonly plan: GroupPlan,
    private readonly hub: Pick<Hub, 'join' | 'leave' | 'heads'>,
    private readonly cursors: CursorCodec,
    private readonly metrics: GatewayMetrics,
    private readonly now: () => number,
  ) {
    ({ topic: this.topic, channels: this.channels, retain: this.retain } = plan);
    const { conflation } = plan;
    this.#window =
      conflation &&
      openWindow(conflation.every, (items) => {
        for (const item of items) {
          this.#show(item, this.#oldest);
          this.#oldest = null;
        }
      });
  }

  /** Resolves when the group hears its channels and nothing is missing. Throws LogUnavailable. */
  join(): Promise<void> {
    return this.hub.join(this);
  }

  /**
   * The group hears nothing any more. Its window is emptied: kept, the events of everybody who came for a moment would wait for
   * as long as a window may last, an hour, and then be rendered for nobody.
   */
  leave(): void {
    this.#window?.close();
    this.hub.leave(this);
  }

  /** How many publications and gaps were heard: together with the hub's heads, the place where a seat begins. */
  get turn(): number {
    return this.#turn;
  }

  /** True while events that were heard wait to be shown: `cursor()` is then ahead of what seats were shown. */
  get busy(): boolean {
    return this.#ready.length > 0 || this.#waiting.length > 0 || this.#window?.isEmpty === false;
  }

  /** Where somebody stands who was shown everything the group has heard. */
  place(): Place {
    const positions = this.hub.heads();
    const known = this.#place;
    // Shared by all who ask until something is heard: a hundred thousand that are idle would keep one each.
    if (known?.positions === positions && known.offsets === this.#heard.recent) return known;
    this.#place = this.placeAt(positions);
    return this.#place;
  }

  placeAt(
    positions: Place['positions'],
    offsets: readonly Coordinate[] = this.#heard.recent,
    late: Late = null,
  ): Place {
    return { positions, offsets, routes: this.plan.routes, late };
  }

  cursorOf(place: Place): string {
    return this.cursors.encode(this.plan.field, place);
  }

  /** Takes coordinates of events that lie before the hub's heads: places hold them from here on. */
  remember(offsets: readonly Coordinate[]): void {
    // Seats that go by what the group knows would pass over what only another one was shown, once a log is filled again.
    for (const { wantsRepeats } of this.seats) if (!wantsRepeats) return;
    this.#heard.add(offsets);
  }

  /** True when the group knows the same coordinates: what it takes for a repeat was shown to their owner, and nothing else. */
  hasHeard(offsets: readonly Coordinate[]): boolean {
    return this.#heard.equals(offsets);
  }

  heard(publications: readonly Publication[], heads: readonly Position[]): void {
    for (const publication of publications) {
      const { source, position } = publication;
      const turn = ++this.#turn;
      const isFirst = publication.refilled && !this.#heard.knows(source);
      const repeat = !this.#heard.advance(publication);
      if (repeat && !this.#isRepeatWanted()) continue;
      if (!this.judge(source)) continue;
      const heard = { publication, turn, repeat, isFirst, place: this.placeAt(positionsAt(heads, position)) };
      if (this.#window) this.#hold(this.#window, heard);
      else this.#show(heard, heard);
    }
    this.#window?.settle();
  }

  #isRepeatWanted(): boolean {
    for (const { wantsRepeats } of this.seats) if (wantsRepeats) return true;
    return false;
  }

  lost(gap: Gap, voided: Voided | null, reach?: Reach): void {
    // A mark that is told again concerns who was away the first time. Made void for all, coordinates of the others would be
    // gone, and what is written again be shown to them twice.
    if (voided && (!reach || isSince(voided, reach.stayed?.heard ?? reach.heard))) this.#heard.setBack(voided);
    const turn = ++this.#turn;
    const tell = () => {
      this.#handOut();
      for (const seat of this.seats) seat.lost(gap, voided, turn, reach);
    };
    // Events that wait in the window come before the gap: told ahead of them, it would be told out of its place.
    this.#window?.flush();
    if (this.#waiting.length > 0) this.#wait(tell);
    else tell();
  }

  /** Asks the rule, and counts what it denies. */
  judge(source: SourceEvent): boolean {
    const { pass, error } = this.plan.permit(source);
    if (error !== null) this.metrics.ruleError(this.plan.field, error);
    else if (!pass) this.metrics.denied(this.plan.field);
    return pass;
  }

  #hold(window: Window<Heard>, heard: Heard): void {
    // A repeat is passed over by most seats: put into the window, it would take the place of an event that they lack. An
    // event that may be a repeat to some is shown at once, since what took its place could be a repeat as well.
    if (heard.isFirst || (heard.repeat && window.some(({ repeat }) => !repeat))) window.flush();
    if (window.isEmpty) this.#oldest = heard;
    window.put(this.plan.conflation?.keyOf(heard.publication.source.event) ?? null, heard);
    if (heard.isFirst) window.flush();
  }

  #show(heard: Heard, oldest: Heard | null): void {
    const rendered = this.plan.render(heard.publication.source);
    const deliver = (one: Rendered) => this.#deliver(heard, oldest, one);
    if (rendered instanceof Promise) this.#wait(rendered.then((one) => () => deliver(one)));
    else if (this.#waiting.length > 0) this.#wait(() => deliver(rendered));
    else deliver(rendered);
  }

  /**
   * A turn's events go over the seats together, before the loop turns to any socket: thousands of seats lie in far memory, and
   * one way over them costs as much as a few events for each.
   */
  #deliver({ publication, turn, repeat, isFirst, place }: Heard, oldest: Heard | null, rendered: Rendered): void {
    const frame = new Frame(rendered, place, this);
    const offer: Offer = { frame, alone: [frame], publication, turn, repeat, isFirst, oldest };
    if (offer.repeat || offer.publication.refilled) {
      this.#handOut();
      this.#offer([offer], false);
      return;
    }
    if (this.#ready.push(offer) === 1) process.nextTick(() => this.#handOut());
    this.#readyLength += offer.frame.length;
    if (this.#readyLength >= mostAtOnce) this.#handOut();
  }

  #handOut(): void {
    const offers = this.#ready;
    if (offers.length === 0) return;
    this.#ready = [];
    this.#readyLength = 0;
    this.#offer(offers, true);
  }

  #offer(offers: readonly Offer[], isPlain: boolean): void {
    const frames = offers.length === 1 ? (offers[0] as Offer).alone : offers.map(({ frame }) => frame);
    const batch: Batch = { offers, frames, isPlain };
    let whole = 0;
    for (const seat of this.seats) if (seat.offer(batch)) whole++;
    if (whole > 0) for (const { publication } of offers) this.delivered(publication, whole);
  }

  /** To be told of a live event by each seat that has written it, unless its `offer` says so. */
  delivered(publication: Publication, seats = 1): void {
    const latency = this.now() - publication.source.record.timestamp;
    this.metrics.delivered(this.plan.field, seats, publication, latency);
  }

  /** To be told of an event from history by each seat that has written it. */
  replayed(publication: Publication): void {
    this.metrics.delivered(this.plan.field, 1, publication, null);
  }

  /** Events and gaps wait in their order: past a slow resolver, a later event would overtake. */
  #wait(turn: Waiting): void {
    if (this.#waiting.length >= maxWaiting) {
      this.#waiting = [];
      for (const seat of this.seats) seat.outrun();
      return;
    }
    this.#waiting.push(turn);
    if (this.#waiting.length === 1) void this.#serve();
  }

  async #serve(): Promise<void> {
    for (let [first] = this.#waiting; first; [first] = this.#waiting) {
      const take = await first;
      // The queue was dropped while its first was rendered: another one may stand there now.
      if (this.#waiting[0] !== first) return;
      take();
      this.#waiting.shift();
    }
  }
}

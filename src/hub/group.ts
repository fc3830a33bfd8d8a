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
  /** The whole rule. Never throws. */
  permit(source: SourceEvent): { readonly pass: boolean; readonly error: string | null };
  /** Null where every event is shown. */
  readonly conflation: Conflation | null;
  /** Never throws or rejects: what fails is an error in the result. */
  render(source: SourceEvent): Rendered | Promise<Rendered>;
}

/** An event as it is offered to the seats of a group. */
export interface Offer {
  readonly frame: Frame;
  /** It alone: the same list for every seat. */
  readonly alone: readonly Frame[];
  readonly publication: Publication;
  /** The group's count of what it heard at this one: a seat taken later must not show it. */
  readonly turn: number;
  /** True when the group has heard these coordinates before: for seats that may still lack them. */
  readonly repeat: boolean;
  /** True when it was written again, and the group had heard nothing of its partition before. */
  readonly isFirst: boolean;
  /**
   * The oldest of what goes with it, itself where it goes alone: right before that one a seat stands that was shown nothing of
   * all that. Null when some of it went before.
   */
  readonly oldest: Heard | null;
}

/** What the seats of a group are offered at once, in order: never empty. */
export interface Batch {
  readonly offers: readonly Offer[];
  /** Theirs, and the same list for every seat: what a transport makes of it is made once. */
  readonly frames: readonly Frame[];
  /** True when every seat that was there before takes all of them: no repeat, and nothing refilled. */
  readonly isPlain: boolean;
}

/** A publication that was heard and may be seen, and what was true at that moment. */
export interface Heard extends Omit<Offer, 'frame' | 'alone' | 'oldest'> {
  /** Where somebody stands who was shown this and all before it. */
  readonly place: Place;
}

/** One subscription's place in its group. Its calls must not throw. */
export interface Seat {
  /** True while it may lack what the group has heard before. */
  readonly wantsRepeats: boolean;
  /** Live events in their turn. True when all were written; of what else it writes of them it tells `delivered`. */
  offer(batch: Batch): boolean;
  /** A hole that nobody can fill, in its turn, and what it makes void. */
  lost(gap: Gap, voided: Voided | null, turn: number, reach?: Reach): void;
  /** Events that were to be offered were dropped: it goes on from the log. */
  outrun(): void;
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
  /** What waits for a slow resolver, in its turn; empty while every render was done at once. */
  #waiting: Waiting[] = [];
  /** What was rendered in this turn of the event loop; all of it plain. */
  #ready: Offer[] = [];
  #readyLength = 0;
  /** What waits for its time under `@conflate`: unrendered, for most of it never will be shown. */
  readonly #window: Window<Heard> | null;
  /** What came first of what waits there, though another may have taken its place. */
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
   * It hears nothing any more. What waits for its time goes with it: of everybody who came for a moment a window would else
   * keep its events for as long as it may last, an hour, to render them for nobody.
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

  /** Coordinates of events that lie before the hub's heads: they belong into the cursors from here on. */
  remember(offsets: readonly Coordinate[]): void {
    // A seat that goes by what the group knows would pass over what only another was shown, once a log is filled again.
    for (const { wantsRepeats } of this.seats) if (!wantsRepeats) return;
    this.#heard.add(offsets);
  }

  /** True when the group has heard exactly as far: what it takes for a repeat was shown, and nothing else. */
  hasHeard(offsets: readonly Coordinate[]): boolean {
    return this.#heard.equals(offsets);
  }

  heard(publications: readonly Publication[], heads: readonly Position[]): void {
    for (const publication of publications) {
      const { source, position } = publication;
      const turn = ++this.#turn;
      const isFirst = publication.refilled && !this.#heard.knows(source);
      const repeat = !this.#heard.advance(publication);
      if (repeat && ![...this.seats].some(({ wantsRepeats }) => wantsRepeats)) continue;
      if (!this.judge(source)) continue;
      const heard = { publication, turn, repeat, isFirst, place: this.placeAt(positionsAt(heads, position)) };
      if (this.#window) this.#hold(this.#window, heard);
      else this.#show(heard, heard);
    }
    this.#window?.settle();
  }

  lost(gap: Gap, voided: Voided | null, reach?: Reach): void {
    // Told again, it concerns who was away the first time: what is written again would be shown twice to who has been there since.
    if (voided && (!reach || isSince(voided, reach.stayed?.heard ?? reach.heard))) this.#heard.setBack(voided);
    const turn = ++this.#turn;
    const tell = () => {
      this.#handOut();
      for (const seat of this.seats) seat.lost(gap, voided, turn, reach);
    };
    // In its place: behind what was heard before it.
    this.#window?.flush();
    if (this.#waiting.length > 0) this.#wait(tell);
    else tell();
  }

  /** The rule, counted. */
  judge(source: SourceEvent): boolean {
    const { pass, error } = this.plan.permit(source);
    if (error !== null) this.metrics.ruleError(this.plan.field, error);
    else if (!pass) this.metrics.denied(this.plan.field);
    return pass;
  }

  #hold(window: Window<Heard>, heard: Heard): void {
    // Most seats pass over a repeat: it must not take the place of an event they lack.
    // One that may be a repeat to some of them has to be seen: what would take its place could be a repeat as well.
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
   * One way over thousands of seats costs as much as a few events for each: what they are is in far memory by then. So a
   * turn's events take it together, before the loop turns to any socket.
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

  /** A resolver that waits must not let a later event overtake. */
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
      // Dropped while it was waited for.
      if (this.#waiting[0] !== first) return;
      take();
      this.#waiting.shift();
    }
  }
}

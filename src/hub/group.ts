import type { Channel } from '../event/channel.js';
import { type Coordinate, type Cursor, type CursorCodec, maxOffsets } from '../event/cursor.js';
import type { Gap, Position } from '../event/position.js';
import type { Publication } from '../event/publication.js';
import type { SourceEvent } from '../event/source-event.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import { Frame } from './frame.js';
import type { Hub, Listener } from './hub.js';

/** What all members of a group have in common: made by `graphql/` from an operation and its viewer. */
export interface GroupPlan {
  /** Equal keys mean: the same events, shown with the same bytes. */
  readonly key: string;
  readonly field: string;
  readonly topic: string;
  readonly retain: number;
  readonly channels: readonly Channel[];
  /** The whole rule. Never throws. */
  permit(source: SourceEvent): { readonly pass: boolean; readonly error: string | null };
  /** The result's JSON without its closing brace. Never throws or rejects: what fails is an error in the result. */
  render(source: SourceEvent): string | Promise<string>;
}

/** One subscription's place in its group. */
export interface Seat {
  /** A live event in its turn. `source` is its origin, for seats that must not show all of them. Must not throw. */
  offer(frame: Frame, publication: Publication): void;
  lost(gap: Gap): void;
}

/**
 * Subscriptions that get the same events with the same bytes: each event is judged once, executed once and encoded
 * once, however many seats there are.
 */
export class Group implements Listener {
  readonly seats = new Set<Seat>();
  /** Subscriptions that wait for it to join: it is not left while there are any. */
  expected = 0;
  readonly topic: string;
  readonly channels: readonly Channel[];
  readonly retain: number;
  /** The newest coordinates its channels carried, for cursors that outlive an epoch. */
  readonly #offsets = new Map<number, Coordinate>();
  /** The end of what waits for a slow resolver; null while every render was done at once. */
  #busy: Promise<void> | null = null;
  #joined: Promise<void> | null = null;

  constructor(
    readonly plan: GroupPlan,
    private readonly hub: Hub,
    private readonly cursors: CursorCodec,
    private readonly metrics: GatewayMetrics,
    private readonly now: () => number,
  ) {
    ({ topic: this.topic, channels: this.channels, retain: this.retain } = plan);
  }

  /** Resolves when the group hears its channels. Asked again after a failure, it tries again. */
  join(): Promise<void> {
    this.#joined ??= this.hub.join(this).catch((error: unknown) => {
      this.#joined = null;
      throw error;
    });
    return this.#joined;
  }

  /** What a subscription that has shown everything up to here may resume from. */
  cursor(): string {
    return this.cursorAt(this.hub.heads(), this.hub.freshAt());
  }

  cursorAt(
    positions: Cursor['positions'],
    time: number,
    offsets: ReadonlyMap<number, Coordinate> = this.#offsets,
  ): string {
    return this.cursors.encode(this.plan.field, { positions, time, offsets });
  }

  /** Coordinates that a resumed member brings along stay in the cursors it will get. */
  remember(offsets: ReadonlyMap<number, Coordinate>) {
    for (const [partition, { offset, index }] of offsets) this.#carry(partition, offset, index);
  }

  heard(publications: readonly Publication[], heads: readonly Position[]) {
    for (const publication of publications) {
      const { source, position } = publication;
      this.#carry(source.record.partition, source.record.offset, source.index);
      if (!this.judge(source)) continue;
      const cursor = this.cursorAt(heads.with(position.shard, position), position.time);
      const result = this.plan.render(source);
      if (typeof result === 'string' && !this.#busy) this.#deliver(new Frame(result, cursor), publication);
      else this.#later(result, cursor, publication);
    }
  }

  lost(gap: Gap) {
    const tell = () => {
      for (const seat of this.seats) seat.lost(gap);
    };
    if (this.#busy) this.#busy = this.#busy.then(tell);
    else tell();
  }

  /** The rule, counted. */
  judge(source: SourceEvent): boolean {
    const { pass, error } = this.plan.permit(source);
    if (error !== null) this.metrics.ruleError(this.plan.field, error);
    else if (!pass) this.metrics.denied(this.plan.field);
    return pass;
  }

  #deliver(frame: Frame, publication: Publication) {
    for (const seat of this.seats) seat.offer(frame, publication);
    this.metrics.delivered(this.plan.field, this.seats.size, this.now() - publication.source.record.timestamp);
  }

  /** A resolver that waits must not let a later event overtake. */
  #later(result: string | Promise<string>, cursor: string, publication: Publication) {
    const mine = (this.#busy ?? Promise.resolve()).then(async () => {
      this.#deliver(new Frame(await result, cursor), publication);
      if (this.#busy === mine) this.#busy = null;
    });
    this.#busy = mine;
  }

  #carry(partition: number, offset: number, index: number) {
    const known = this.#offsets.get(partition);
    if (known && (offset < known.offset || (offset === known.offset && index <= known.index))) return;
    // Deleted first, so that the map's order tells which partition was carried longest ago.
    this.#offsets.delete(partition);
    this.#offsets.set(partition, { offset, index });
    if (this.#offsets.size <= maxOffsets) return;
    const [oldest] = this.#offsets.keys();
    this.#offsets.delete(oldest as number);
  }
}

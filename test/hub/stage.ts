import type { Channel } from '../../src/event/channel.js';
import { cursorCodec } from '../../src/event/cursor.js';
import type { Fault } from '../../src/event/faults.js';
import type { Place } from '../../src/event/place.js';
import type { SourceEvent } from '../../src/event/source-event.js';
import { sourceOf } from '../../src/event/source-key.js';
import type { Rendered } from '../../src/hub/frame.js';
import { Group, type GroupPlan } from '../../src/hub/group.js';
import type { Hub, HubOptions } from '../../src/hub/hub.js';
import { openHub } from '../../src/hub/open-hub.js';
import type { Outlet } from '../../src/hub/outlet.js';
import type { OnGap, Start } from '../../src/hub/subscription/start.js';
import { Subscription } from '../../src/hub/subscription/subscription.js';
import { silent } from '../../src/observe/logger.js';
import { type GatewayMetrics, noGatewayMetrics } from '../../src/observe/metrics.js';
import { noObservers } from '../../src/observe/observers.js';
import { HostileLog, turns } from '../support/log/hostile-log.js';
import { metaAt } from '../support/meta.js';
import { Stall } from '../support/stall.js';

export const cursors = cursorCodec(['secret']);
export const decoded = (text: string | null | undefined): Place => cursors.decode('note', text ?? '') as Place;

export const partitionsOf = (cursor: string | undefined) =>
  decoded(cursor).offsets.map(({ key }) => sourceOf(key).partition);

/** An event without errors. */
export const renderedAs = (event: unknown): Rendered => ({ key: '"note"', value: JSON.stringify(event), errors: null });

/** A subscription with an outlet in the test's hands. */
export interface Seated {
  readonly subscription: Subscription;
  readonly started: Promise<void>;
  /** What was written: `n` of each event, and the gap it told. */
  readonly shown: (number | { readonly n: number; readonly gap: string })[];
  readonly cursors: string[];
  readonly faults: Fault[];
  /** The socket is full until `drain`; `by` what is written next, or by others. */
  fill(by?: 'next'): void;
  drain(): void;
  /** Every further write throws. */
  breakDown(): void;
}

/** One replica over a log of the test's own: events are numbers, heard on channels by letter, refused when negative. */
export class Stage implements AsyncDisposable {
  /** Of what is appended next. */
  offset = 0;
  origin = 'topicA';

  private constructor(
    readonly log: HostileLog,
    readonly hub: Hub,
    readonly lines: string[],
    private readonly time: { now: number },
  ) {}

  static async open(shards = 1, options: Partial<HubOptions> = {}): Promise<Stage> {
    const lines: string[] = [];
    const time = { now: 1_000 };
    const log = new HostileLog(shards, () => time.now);
    const logger = { ...silent, error: (_: object, message: string) => void lines.push(message) };
    const observers = { ...noObservers, logger };
    // Only a test of the probe wants one.
    const hub = await openHub({ log: log.reader(), observers, leaveDelay: 1, probeEvery: 3_600_000, ...options });
    return new Stage(log, hub, lines, time);
  }

  /** Another replica over the same log. */
  async another(options: Partial<HubOptions> = {}): Promise<Stage> {
    const log = this.log.reader();
    const hub = await openHub({
      log,
      observers: noObservers,
      leaveDelay: 1,
      probeEvery: 3_600_000,
      ...options,
    });
    return new Stage(this.log, hub, [], this.time);
  }

  get clock(): number {
    return this.time.now;
  }

  /** Per shard. */
  get now(): readonly number[] {
    return this.hub.heads().map(() => this.time.now);
  }

  set clock(now: number) {
    this.time.now = now;
  }

  get tail() {
    const [tail] = this.log.tails;
    if (!tail) throw new Error('no tail');
    return tail;
  }

  event(n: number, partition = 0, offset = this.offset++): SourceEvent {
    const record = metaAt('notes', offset, { partition, timestamp: this.clock });
    return { origin: this.origin, record, index: 0, event: n };
  }

  /** Appends one event for each number, and lets it arrive. */
  async append(numbers: readonly number[], channels = 'a', refilled = false): Promise<void> {
    this.clock++;
    const heard = [...channels] as Channel[];
    this.log.append(
      numbers.map((n) => ({ source: this.event(n), channels: heard })),
      refilled,
    );
    await turns(3);
  }

  async group(
    channels = 'a',
    plan: Partial<GroupPlan> = {},
    delivered: GatewayMetrics['delivered'] = noGatewayMetrics.delivered,
  ): Promise<Group> {
    const group = new Group(
      {
        key: 'k',
        field: 'note',
        topic: 'notes',
        retain: 600_000,
        channels: [...channels] as Channel[],
        routes: 'same',
        conflation: null,
        permit: ({ event }) => ({ pass: (event as number) >= 0, error: null }),
        render: ({ event }) => renderedAs(event),
        ...plan,
      },
      this.hub,
      cursors,
      { ...noGatewayMetrics, delivered },
      () => this.clock,
    );
    await group.join();
    return group;
  }

  /** `stall` is that of its socket, where it shares one with others. */
  seat(group: Group, start: Start = { kind: 'now' }, onGap: OnGap = 'CONTINUE', stall = new Stall()): Seated {
    const shown: Seated['shown'] = [];
    const written: string[] = [];
    const faults: Fault[] = [];
    let broken = false;
    let fillsNext = false;
    const outlet: Outlet = {
      write(frames) {
        if (broken) throw new Error('the socket broke');
        for (const { rendered, cursor, gap } of frames) {
          const n = JSON.parse(rendered.value ?? 'null');
          shown.push(gap ? { n, gap: gap.reason } : n);
          written.push(cursor ?? '');
        }
        if (fillsNext) stall.begin();
        fillsNext = false;
      },
      drained: () => stall.drained(),
      end() {},
      fail: (fault) => void faults.push(fault),
    };
    const { hub } = this;
    const logger = { ...silent, error: (_: object, message: string) => void this.lines.push(message) };
    const subscription = new Subscription({
      group,
      outlet,
      hub,
      observers: { ...noObservers, logger },
      onGap,
      rewindScan: 1_000,
    });
    const started = subscription.start(start, this.now);
    return {
      subscription,
      started,
      shown,
      cursors: written,
      faults,
      fill(by) {
        if (by === 'next') fillsNext = true;
        else stall.begin();
      },
      drain: () => stall.end(),
      breakDown() {
        broken = true;
      },
    };
  }

  after(cursor: string | null | undefined): Start {
    return { kind: 'after', place: decoded(cursor) };
  }

  async [Symbol.asyncDispose]() {
    await this.hub.close();
  }
}

/** A render that the test finishes, one after the other. */
export function slowly() {
  const pending: (() => void)[] = [];
  return {
    render: ({ event }: SourceEvent) =>
      new Promise<Rendered>((resolve) => pending.push(() => resolve(renderedAs(event)))),
    get waiting() {
      return pending.length;
    },
    async finish(count = pending.length) {
      for (const done of pending.splice(0, count)) done();
      await turns(2);
    },
  };
}

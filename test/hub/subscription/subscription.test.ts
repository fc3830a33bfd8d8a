import { describe, expect, test } from 'vitest';
import type { Channel } from '../../../src/event/channel.js';
import { Fault } from '../../../src/event/faults.js';
import type { Position } from '../../../src/event/position.js';
import { sourceKey } from '../../../src/event/source-key.js';
import type { Group } from '../../../src/hub/group.js';
import type { State } from '../../../src/hub/subscription/state.js';
import { Subscription } from '../../../src/hub/subscription/subscription.js';
import { maxMarks } from '../../../src/log/channel-log.js';
import { noObservers } from '../../../src/observe/observers.js';
import { eventually } from '../../support/eventually.js';
import { turns, type Written } from '../../support/log/hostile-log.js';
import { Stall } from '../../support/stall.js';
import { decoded, partitionsOf, renderedAs, type Seated, Stage, slowly } from '../stage.js';

const isOdd = ({ event }: { event: unknown }) => ({ pass: (event as number) % 2 === 1, error: null });

/** A subscription that nobody has started, with what it wrote. */
function unstarted(stage: Stage, group: Group, onClose: () => void = () => {}) {
  const shown: number[] = [];
  const faults: string[] = [];
  const subscription = new Subscription({
    group,
    outlet: {
      write: (frames) => void shown.push(...frames.map(({ rendered }) => JSON.parse(rendered.value ?? 'null'))),
      drained: () => null,
      end() {},
      fail: ({ code }) => void faults.push(code),
    },
    hub: stage.hub,
    observers: noObservers,
    onGap: 'CONTINUE',
    rewindScan: 1_000,
    onClose,
  });
  return { subscription, shown, faults };
}

/** Those in which it has a seat, or had one: a cell that is missing does not compile. */
type Name = Exclude<State['is'], 'joining'>;

/** Brings a subscription into each state of the drawing; what it was shown is `[1, 2]` in most of them. */
const states: Record<Name, (stage: Stage) => Promise<{ group: Group; seated: Seated; goOn: () => Promise<void> }>> = {
  async live(stage) {
    const group = await stage.group();
    const seated = stage.seat(group);
    await stage.append([1, 2]);
    return { group, seated, goOn: async () => {} };
  },
  async replaying(stage) {
    const render = slowly();
    let slow = false;
    const plan = {
      render: (source: Parameters<typeof render.render>[0]) =>
        slow ? render.render(source) : renderedAs(source.event),
    };
    const group = await stage.group('a', plan);
    const first = stage.seat(group);
    const begin = first.subscription.cursor();
    first.subscription.close();
    await stage.append([1, 2]);
    slow = true;
    const seated = stage.seat(group, stage.after(begin));
    await eventually('the first event is being rendered', () => render.waiting === 1);
    slow = false;
    return {
      group,
      seated,
      async goOn() {
        await render.finish();
        await seated.started;
      },
    };
  },
  async outrun(stage) {
    const replaying = await states.replaying(stage);
    replaying.seated.subscription.outrun();
    return replaying;
  },
  async parked(stage) {
    const group = await stage.group();
    const seated = stage.seat(group);
    await stage.append([1]);
    seated.fill('next');
    await stage.append([2]);
    return {
      group,
      seated,
      async goOn() {
        seated.drain();
        await turns(5);
      },
    };
  },
  async closed(stage) {
    const group = await stage.group();
    const seated = stage.seat(group);
    await stage.append([1, 2]);
    seated.subscription.close();
    return { group, seated, goOn: async () => {} };
  },
};

const many = Array.from({ length: 1_202 }, (_, i) => i + 1);

/** What befalls it there, and what it has been shown in the end, once it goes on. */
const inputs: Record<
  string,
  {
    befall(s: Stage, at: { group: Group; seated: Seated }): Promise<unknown>;
    ends: Record<Name, readonly unknown[]>;
    fault?: string;
  }
> = {
  'an event': {
    befall: (stage) => stage.append([3]),
    ends: { live: [1, 2, 3], replaying: [1, 2, 3], outrun: [1, 2, 3], parked: [1, 2, 3], closed: [1, 2] },
  },
  'an event that the viewer may not see': {
    befall: (stage) => stage.append([-3, 4]),
    ends: { live: [1, 2, 4], replaying: [1, 2, 4], outrun: [1, 2, 4], parked: [1, 2, 4], closed: [1, 2] },
  },
  'more events than wait behind a replay': {
    befall: (stage) => stage.append(Array.from({ length: 1_200 }, (_, i) => i + 3)),
    ends: { live: many, replaying: many, outrun: many, parked: many, closed: [1, 2] },
  },
  'its group dropped events': {
    befall: async (stage, { group, seated }) => {
      for (const seat of group.seats) seat.outrun();
      if (!group.seats.has(seated.subscription)) seated.subscription.outrun();
      await stage.append([3]);
    },
    ends: { live: [1, 2, 3], replaying: [1, 2, 3], outrun: [1, 2, 3], parked: [1, 2, 3], closed: [1, 2] },
  },
  'a gap': {
    async befall(stage, { group }) {
      group.lost({ reason: 'SOURCE_LOST', missed: null }, null);
      await stage.append([3]);
    },
    // One that is parked, or outrun, comes upon the gap in the log, if it is there; a replay tells it on what it shows next.
    ends: {
      live: [1, 2, { n: 3, gap: 'SOURCE_LOST' }],
      replaying: [{ n: 1, gap: 'SOURCE_LOST' }, 2, 3],
      outrun: [1, 2, 3],
      parked: [1, 2, 3],
      closed: [1, 2],
    },
  },
  'a full socket': {
    async befall(stage, { seated }) {
      seated.fill();
      await stage.append([3, 4, 5]);
      seated.drain();
    },
    ends: {
      live: [1, 2, 3, 4, 5],
      replaying: [1, 2, 3, 4, 5],
      outrun: [1, 2, 3, 4, 5],
      parked: [1, 2, 3, 4, 5],
      closed: [1, 2],
    },
  },
  'a socket that breaks': {
    async befall(stage, { seated }) {
      seated.breakDown();
      await stage.append([3]);
    },
    ends: { live: [1, 2], replaying: [], outrun: [], parked: [1, 2], closed: [1, 2] },
    fault: 'INTERNAL_SERVER_ERROR',
  },
  'a topic that was recreated': {
    async befall(stage) {
      stage.log.gap({
        reason: 'TOPIC_RECREATED',
        missed: null,
        source: { cluster: 'c', topic: 'notes', partition: 0 },
      });
      stage.log.append([{ source: stage.event(3, 0, 0), channels: ['a' as Channel] }]);
      await turns(3);
    },
    // Whoever is away meanwhile comes upon the mark in its place, which is behind what it has still to show.
    ends: {
      live: [1, 2, { n: 3, gap: 'TOPIC_RECREATED' }],
      replaying: [1, 2, { n: 3, gap: 'TOPIC_RECREATED' }],
      outrun: [1, 2, { n: 3, gap: 'TOPIC_RECREATED' }],
      parked: [1, 2, { n: 3, gap: 'TOPIC_RECREATED' }],
      closed: [1, 2],
    },
  },
  'a log that cannot be read': {
    async befall(stage) {
      stage.log.failing = 2;
      await stage.append([3]);
    },
    ends: { live: [1, 2, 3], replaying: [1, 2, 3], outrun: [1, 2, 3], parked: [1, 2, 3], closed: [1, 2] },
  },
  'a second start': {
    async befall(stage, { seated }) {
      await seated.subscription.start({ kind: 'now' }, stage.now);
      await stage.append([3]);
    },
    ends: { live: [1, 2, 3], replaying: [1, 2, 3], outrun: [1, 2, 3], parked: [1, 2, 3], closed: [1, 2] },
  },
  'a fault': {
    async befall(stage, { seated }) {
      seated.subscription.fail(new Fault('UNAVAILABLE', { why: 'a test' }));
      seated.subscription.fail(new Fault('UNAVAILABLE', { why: 'a test' }));
      await stage.append([3]);
    },
    ends: { live: [1, 2], replaying: [], outrun: [], parked: [1, 2], closed: [1, 2] },
    fault: 'UNAVAILABLE',
  },
  close: {
    async befall(stage, { seated }) {
      seated.subscription.close();
      seated.subscription.close();
      await stage.append([3]);
    },
    ends: { live: [1, 2], replaying: [], outrun: [], parked: [1, 2], closed: [1, 2] },
  },
};

for (const [state, reach] of Object.entries(states) as [Name, (typeof states)[Name]][]) {
  describe(`a subscription that is ${state}`, () => {
    for (const [input, { befall, ends, fault }] of Object.entries(inputs)) {
      test(`${input}: shown is what the table says, each once and in order`, async () => {
        await using stage = await Stage.open();
        const at = await reach(stage);
        await befall(stage, at);
        await at.goOn();
        await eventually('it has been shown everything', () => expect(at.seated.shown).toEqual(ends[state]));
        await turns(10);
        expect(at.seated.shown).toEqual(ends[state]);
        const told = at.seated.faults.map(({ code }) => code);
        expect(told).toEqual(fault && state !== 'closed' ? [fault] : []);
        const isClosed = state === 'closed' || fault !== undefined || input === 'close';
        expect(at.group.seats.has(at.seated.subscription)).toBe(!isClosed);
      });
    }
  });
}

test('closed while it asks how far the log is, it is not revived', async () => {
  await using stage = await Stage.open();
  const group = await stage.group();
  const seated = stage.seat(group);
  await stage.append([1]);
  const ahead = decoded(seated.cursors[0]);
  const positions = ahead.positions.map((one) => ({ ...one, number: one.number + 1 }));
  const resumed = stage.seat(group, { kind: 'after', place: { ...ahead, positions } });
  resumed.subscription.close();
  await stage.append([2, 3]);
  await resumed.started;
  expect(resumed.subscription.isClosed).toBe(true);
  expect(resumed.shown).toEqual([]);
});

describe('a subscription that is joining', () => {
  test('is shown nothing of what befalls it before it starts, and everything after', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const { subscription, shown, faults } = unstarted(stage, group);
    expect(subscription.cursor()).toBeNull();
    await stage.append([1]);
    subscription.outrun();
    group.lost({ reason: 'SOURCE_LOST', missed: null }, null);
    await stage.append([2]);
    await subscription.start({ kind: 'now' }, stage.now);
    await stage.append([3]);
    expect(shown).toEqual([3]);
    expect(subscription.gap).toBeNull();
    expect(faults).toEqual([]);
  });

  test.each(['close', 'fault'])('ended by a %s before it starts, it is never revived', async (input) => {
    await using stage = await Stage.open();
    const group = await stage.group();
    let closes = 0;
    const { subscription, shown, faults } = unstarted(stage, group, () => closes++);
    if (input === 'close') subscription.close();
    else subscription.fail(new Fault('UNAVAILABLE', { why: 'a test' }));
    for (const start of [{ kind: 'now' }, { kind: 'rewind', count: 3 }] as const) {
      await subscription.start(start, stage.now);
      await stage.append([1]);
    }
    expect(shown).toEqual([]);
    expect(group.seats.size).toBe(0);
    expect(closes).toBe(1);
    expect(faults).toEqual(input === 'close' ? [] : ['UNAVAILABLE']);
  });
});

describe('how it begins', () => {
  test('now: nothing of before, also not what a slow resolver still holds', async () => {
    await using stage = await Stage.open();
    const render = slowly();
    const group = await stage.group('a', { render: render.render });
    const early = stage.seat(group);
    await stage.append([1]);
    const late = stage.seat(group);
    await stage.append([2]);
    await render.finish();
    expect(early.shown).toEqual([1, 2]);
    expect(late.shown).toEqual([2]);
  });

  test('rewind: the last n that the viewer may see, then live', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    await stage.append([1, 2, -3, 4, -5]);
    const seated = stage.seat(group, { kind: 'rewind', count: 2 });
    expect(seated.subscription.cursor()).toBeNull();
    await stage.append([6]);
    await seated.started;
    expect(seated.shown).toEqual([2, 4, 6]);
  });

  test.each(['CONTINUE', 'FAIL'] as const)(
    'after a cursor by other routes: it has none of its own before that is told, with %s',
    async (onGap) => {
      await using stage = await Stage.open();
      const old = stage.seat(await stage.group('a')).subscription.cursor();
      await stage.append([1]);
      const group = await stage.group('a', { routes: 'othr' });
      const seated = stage.seat(group, stage.after(old), onGap);
      expect(seated.subscription.cursor()).toBeNull();
      await seated.started;
      if (onGap === 'FAIL') expect(seated.faults.map(({ code }) => code)).toEqual(['CURSOR_EXPIRED']);
      else {
        expect(seated.shown).toEqual([{ n: 1, gap: 'SCHEMA_CHANGED' }]);
        expect(decoded(seated.subscription.cursor()).routes).toBe('othr');
      }
    },
  );

  test('after a cursor by other routes, and renewed before that is told: its successor tells it', async () => {
    await using stage = await Stage.open();
    const old = stage.seat(await stage.group('a')).subscription.cursor();
    await stage.append([1]);
    const group = await stage.group('a', { routes: 'othr' });
    const first = stage.seat(group, stage.after(old));
    const second = stage.seat(group, first.subscription.handOver());
    await second.started;
    expect([first.shown, second.shown]).toEqual([[], [{ n: 1, gap: 'SCHEMA_CHANGED' }]]);
  });

  test('cut off in the middle of a rewind, it resumes with the rest, on every shard', async () => {
    await using stage = await Stage.open(2);
    const group = await stage.group('a');
    for (const n of [1, 2, 3, 4]) {
      stage.clock++;
      stage.log.append([{ source: stage.event(n, n % 2, n), channels: group.channels }]);
    }
    await turns(3);
    const seated = stage.seat(group, { kind: 'rewind', count: 3 });
    await seated.started;
    expect(seated.shown).toEqual([2, 3, 4]);
    const again = stage.seat(group, stage.after(seated.cursors[0]));
    await again.started;
    expect([...again.shown].sort()).toEqual([3, 4]);
  });

  test('cut off in a rewind behind the mark of a recreated topic, it takes the new offsets for new', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const { channels } = group;
    const append = async (n: number, partition: number, offset: number) => {
      stage.clock++;
      stage.log.append([{ source: stage.event(n, partition, offset), channels }]);
      await turns(3);
    };
    await append(1, 0, 7);
    stage.clock++;
    stage.log.gap({ reason: 'TOPIC_RECREATED', missed: null, source: { cluster: 'c', topic: 'notes', partition: 0 } });
    await append(2, 1, 0);
    const cut = stage.seat(group, { kind: 'rewind', count: 2 });
    await cut.started;
    expect(cut.shown).toEqual([1, 2]);
    await append(3, 0, 0);
    const again = stage.seat(group, stage.after(cut.cursors[1]));
    await again.started;
    expect(again.shown).toEqual([3]);
  });

  test('after a cursor: no hole and no repeat, though events keep coming', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const first = stage.seat(group);
    await stage.append([1, 2]);
    first.subscription.close();
    await stage.append([3]);
    const second = stage.seat(group, stage.after(first.cursors[0]));
    await stage.append([4]);
    await second.started;
    expect(second.shown).toEqual([2, 3, 4]);
  });

  test('a cursor given out before the replay has shown anything is the one it came with', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const first = stage.seat(group);
    await stage.append([1, 2]);
    const second = stage.seat(group, stage.after(first.cursors[0]));
    expect(decoded(second.subscription.cursor())).toEqual(decoded(first.cursors[0]));
    await second.started;
  });

  test('a replica whose tail is behind the cursor catches up first, and repeats nothing', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    await stage.append([1]);
    const behind = stage.hub.heads();
    stage.tail.stall();
    await stage.append([2, 3]);
    const cursor = group.cursorOf(
      group.placeAt(stage.log.heads(), [{ key: sourceKey('topicA', 0), offset: 2, index: 0 }]),
    );
    expect(stage.hub.heads()).toEqual(behind);
    const other = stage.seat(group);
    const seated = stage.seat(group, stage.after(cursor));
    await seated.started;
    stage.tail.go();
    await stage.append([4]);
    expect(seated.shown).toEqual([4]);
    expect(other.shown).toEqual([2, 3, 4]);
  });

  test('a cursor from before the log had an epoch shows everything since', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const none = group.cursorOf(group.placeAt([{ epoch: '', number: 0, time: stage.clock }], []));
    await stage.append([1, 2]);
    const seated = stage.seat(group, stage.after(none), 'FAIL');
    await seated.started;
    expect(seated.faults).toEqual([]);
    expect(seated.shown).toEqual([1, 2]);
  });

  test('a refilled event older than a plain start is skipped, a newer one is not', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const old = stage.event(1);
    stage.clock += 10;
    const seated = stage.seat(group);
    stage.log.append([{ source: old, channels: group.channels }], true);
    await stage.append([2], 'a', true);
    expect(seated.shown).toEqual([2]);
  });
});

describe('a full socket', () => {
  test('is written nothing more to, by however many subscriptions, and all of them catch up', async () => {
    await using stage = await Stage.open();
    const stall = new Stall();
    const groups = [await stage.group(), await stage.group('a', { permit: isOdd })];
    const seats = groups.map((group) => stage.seat(group, { kind: 'now' }, 'CONTINUE', stall));
    await stage.append([1, 2]);
    stall.begin();
    await stage.append([3, 4]);
    await stage.append([5]);
    expect(seats.map(({ shown }) => shown)).toEqual([[1, 2], [1]]);
    stall.end();
    await eventually('they have caught up', () => seats.every(({ shown }) => shown.at(-1) === 5));
    await stage.append([6, 7]);
    expect(seats.map(({ shown }) => shown)).toEqual([
      [1, 2, 3, 4, 5, 6, 7],
      [1, 3, 5, 7],
    ]);
  });

  test('that drains is not filled by all that wait for it at once', async () => {
    await using stage = await Stage.open();
    const stall = new Stall();
    const seats = await Promise.all(
      [1, 2, 3].map(async () => stage.seat(await stage.group(), { kind: 'now' }, 'CONTINUE', stall)),
    );
    const shown = () => seats.reduce((sum, seated) => sum + seated.shown.length, 0);
    stall.begin();
    await stage.append([1, 2, 3]);
    for (let n = 0; n < 9; n++) {
      expect(shown()).toBe(n);
      for (const { fill } of seats) fill('next');
      stall.end();
      await eventually('one more was written', () => shown() > n, { every: 1 });
      await turns(5);
    }
    expect(seats.map((seated) => seated.shown)).toEqual([1, 2, 3].map(() => [1, 2, 3]));
  });

  test('takes no gap for what was never missed by one that had nothing to show for longer than history is kept', async () => {
    await using stage = await Stage.open();
    const quiet = stage.seat(await stage.group('a', { permit: isOdd }), { kind: 'now' }, 'FAIL');
    await stage.append([2]);
    stage.clock += 700_000;
    await stage.append([4]);
    quiet.fill();
    await stage.append([5, 7]);
    expect(quiet.shown).toEqual([]);
    quiet.drain();
    await eventually('it has caught up', () => quiet.shown.length === 2);
    expect([quiet.shown, quiet.faults]).toEqual([[5, 7], []]);
  });

  test('is written nothing more to, however often its subscriptions are moved to other groups meanwhile', async () => {
    await using stage = await Stage.open();
    const stall = new Stall();
    let last = stage.seat(await stage.group(), { kind: 'now' }, 'CONTINUE', stall);
    stall.begin();
    await stage.append([1, 2, 3, 4]);
    for (let n = 0; n < 3; n++) {
      last = stage.seat(await stage.group(), last.subscription.handOver(), 'CONTINUE', stall);
      await turns(10);
      expect(last.shown).toEqual([]);
    }
    await stage.append([5]);
    stall.end();
    await eventually('it has caught up', () => last.shown.length === 5);
    expect(last.shown).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('gaps', () => {
  test('a cursor behind what was trimmed: FAIL refuses with the oldest cursor, which works', async () => {
    await using stage = await Stage.open(1, { tailBytes: 0 });
    const group = await stage.group('ab');
    const first = stage.seat(group);
    await stage.append([1], 'ab');
    await stage.append([2, 3, 4], 'a');
    await stage.append([5, 6, 7], 'b');
    stage.log.trim(0, group.channels[0] as never, 2);
    stage.log.trim(0, group.channels[1] as never, 2);
    const refused = stage.seat(group, stage.after(first.cursors[0]), 'FAIL');
    await refused.started;
    expect(refused.faults).toMatchObject([{ code: 'CURSOR_EXPIRED', extensions: { gap: { reason: 'TRIMMED' } } }]);
    const oldest = refused.faults[0]?.extensions.oldest as string;
    const again = stage.seat(group, stage.after(oldest), 'FAIL');
    await again.started;
    expect(again.faults).toEqual([]);
    expect(again.shown).toEqual([6, 7]);
  });

  test('what the log trimmed is no gap to who comes back to a replica that heard it', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const first = stage.seat(group);
    await stage.append([1, 2, 3, 4]);
    stage.log.trim(0, group.channels[0] as never, 2);
    const again = stage.seat(group, stage.after(first.cursors[0]), 'FAIL');
    await again.started;
    expect(again.shown).toEqual([2, 3, 4]);
  });

  test('a channel that expires while a slow reader catches up is told, also when it is written to again', async () => {
    for (const isWritten of [false, true]) {
      await using stage = await Stage.open(1, { tailBytes: 0 });
      stage.log.page = 2;
      const group = await stage.group();
      const first = stage.seat(group);
      await stage.append([1, 2, 3, 4]);
      await stage.append([5]);
      const slow = stage.seat(group, stage.after(first.cursors[0]));
      slow.fill('next');
      await eventually('its first event is shown', () => slow.shown.length === 1);
      stage.log.expire(0, group.channels[0] as never);
      if (isWritten) await stage.append([6]);
      slow.drain();
      await eventually('it has all that was read', () => slow.shown.length >= 2);
      await slow.started;
      if (!isWritten) await stage.append([6]);
      await eventually('it has what is new', () => expect(slow.shown).toEqual([2, 3, { n: 6, gap: 'EXPIRED' }]));
    }
  });

  test('what waits in the log only beyond its replica is no gap to a slow reader', async () => {
    await using stage = await Stage.open(1, { tailBytes: 0 });
    stage.log.page = 2;
    const group = await stage.group();
    const first = stage.seat(group);
    await stage.append([1, 2, 3]);
    stage.tail.stall();
    await stage.append([4]);
    const slow = stage.seat(group, stage.after(first.cursors[0]), 'FAIL');
    await slow.started;
    stage.tail.go();
    await eventually('it has all', () => expect(slow.shown).toEqual([2, 3, 4]));
    expect(slow.faults).toEqual([]);
  });

  test('CONTINUE starts at the oldest and marks the first event', async () => {
    await using stage = await Stage.open(1, { tailBytes: 0 });
    const group = await stage.group();
    const first = stage.seat(group);
    await stage.append([1, 2, 3, 4]);
    stage.log.trim(0, group.channels[0] as never, 2);
    const again = stage.seat(group, stage.after(first.cursors[0]));
    await again.started;
    expect(again.shown).toEqual([{ n: 3, gap: 'TRIMMED' }, 4]);
  });

  test('a cursor older than the retention has expired, unless nothing has happened since', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const quiet = stage.seat(group).subscription.cursor();
    stage.clock += 700_000;
    const idle = stage.seat(group, stage.after(quiet), 'FAIL');
    await idle.started;
    expect(idle.faults).toEqual([]);
    await stage.append([1]);
    const late = stage.seat(group, stage.after(quiet), 'FAIL');
    await late.started;
    expect(late.faults).toMatchObject([{ code: 'CURSOR_EXPIRED', extensions: { gap: { reason: 'EXPIRED' } } }]);
  });

  test('one that comes while a replay has too much to wait for is told once, and in its place', async () => {
    await using stage = await Stage.open();
    const render = slowly();
    let slow = false;
    const plan: Partial<Group['plan']> = { render: (one) => (slow ? render.render(one) : renderedAs(one.event)) };
    const group = await stage.group('a', plan);
    const begin = stage.seat(group).subscription.cursor();
    await stage.append([1]);
    slow = true;
    const seated = stage.seat(group, stage.after(begin));
    await eventually('the first event is being rendered', () => render.waiting === 1);
    slow = false;
    await stage.append(Array.from({ length: 1_200 }, (_, i) => i + 2));
    stage.log.gap({ reason: 'SOURCE_LOST', missed: null, source: { cluster: 'c', topic: 'notes', partition: 0 } });
    await stage.append([2_000]);
    await render.finish();
    await eventually('it has caught up', () => seated.shown.at(-1) === 2_000);
    expect(seated.shown.filter((one) => typeof one !== 'number')).toEqual([{ n: 2, gap: 'SOURCE_LOST' }]);
  });

  test('more gaps of other topics than the log keeps: who was away meanwhile is told, on a socket or with its replica', async () => {
    await using stage = await Stage.open();
    const source = { cluster: 'c', topic: 'notes', partition: 0 };
    const lost = (topic: string) => stage.log.gap({ reason: 'SOURCE_LOST', missed: 1, source: { ...source, topic } });
    const live = stage.seat(await stage.group(), { kind: 'now' }, 'CONTINUE');
    await using deaf = await stage.another();
    const stayed = deaf.seat(await deaf.group());
    await stage.append([1]);
    const [away] = live.cursors;
    stage.log.tails[1]?.interrupt();
    stage.clock++;
    lost('notes');
    for (let i = 0; i < maxMarks; i++) lost('others');
    await stage.append([2]);
    const later = live.cursors[1];
    lost('others');
    stage.log.tails[1]?.restore();
    await stage.append([3]);
    const [back, since] = [
      stage.seat(await stage.group(), stage.after(away)),
      stage.seat(await stage.group(), stage.after(later)),
    ];
    await Promise.all([back.started, since.started]);
    expect(live.shown).toEqual([1, { n: 2, gap: 'SOURCE_LOST' }, 3]);
    expect(back.shown).toEqual([{ n: 2, gap: 'LOG_LOST' }, 3]);
    expect(since.shown).toEqual([3]);
    await eventually('the other replica has heard', () =>
      expect(stayed.shown).toEqual([1, { n: 2, gap: 'LOG_LOST' }, 3]),
    );
  });

  test('under FAIL a gap ends a live subscription with EVENTS_LOST', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const seated = stage.seat(group, { kind: 'now' }, 'FAIL');
    stage.log.gap({ reason: 'SOURCE_LOST', missed: 3, source: { cluster: 'c', topic: 'notes', partition: 0 } });
    await eventually('it is told', () => seated.faults.length === 1);
    expect(seated.faults).toMatchObject([
      { code: 'EVENTS_LOST', extensions: { gap: { reason: 'SOURCE_LOST', missed: 3 } } },
    ]);
    expect(group.seats.size).toBe(0);
  });
});

describe('a log that loses data', () => {
  test('empty, then filled again: whoever came back in between is shown what it missed, though others of its group were', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const stayed = stage.seat(group);
    await stage.append([1, 2, 3, 4]);
    const lost = stage.log.lose(0, 4);
    await stage.append([]);
    stage.tail.interrupt();
    stage.tail.restore();
    await turns(10);
    // Cut off behind the first event, it comes back to a log that has nothing, and then, by its newest cursor, again.
    const back = stage.seat(group, stage.after(stayed.cursors[0]));
    await back.started;
    const fresh = await stage.group();
    const other = stage.seat(fresh, stage.after(stayed.subscription.cursor()));
    await other.started;
    const again = stage.seat(fresh, stage.after(back.subscription.cursor()));
    await again.started;
    stage.log.append(lost, true);
    await turns(10);
    await stage.append([5]);
    await eventually('everything came', () => expect(again.shown.at(-1)).toBe(5));
    expect(stayed.shown).toEqual([1, 2, 3, 4, 5]);
    expect(back.shown).toEqual([2, 3, 4, 5]);
    expect(other.shown).toEqual([5]);
    expect(again.shown).toEqual([2, 3, 4, 5]);
  });

  describe('of which not all is written again', () => {
    const source = { cluster: 'c', topic: 'notes', partition: 0 };

    /** Four events, of which somebody has the first; then the log is emptied, and its replicas know. */
    async function emptied(stage: Stage) {
      const group = await stage.group();
      const stayed = stage.seat(group, { kind: 'now' }, 'FAIL');
      await stage.append([1]);
      await stage.append([2]);
      const since = stage.clock;
      await stage.append([3, 4]);
      return { group, stayed, since, cursor: stayed.cursors[0], lost: await empty(stage) };
    }

    async function empty(stage: Stage) {
      const lost = stage.log.lose(0, 100);
      stage.clock++;
      stage.tail.interrupt();
      stage.tail.restore();
      await turns(10);
      return lost;
    }

    /** A relay brings back what is younger than `since`, and tells that the rest is gone. */
    async function refill(stage: Stage, since: number, lost: Written[]) {
      stage.clock++;
      stage.log.gap({ reason: 'LOG_LOST', missed: 2, since, source });
      stage.log.append(lost.slice(2), true);
      await stage.append([5]);
    }

    const told = [{ n: 3, gap: 'LOG_LOST' }, 4, 5];

    test('who came back before that was known is told, and the others of its group are not', async () => {
      await using stage = await Stage.open();
      const { group, stayed, since, cursor, lost } = await emptied(stage);
      const back = stage.seat(group, stage.after(cursor));
      await back.started;
      await refill(stage, since, lost);
      await eventually('everything came', () => expect(back.shown).toEqual(told));
      expect([stayed.shown, stayed.faults]).toEqual([[1, 2, 3, 4, 5], []]);
    });

    test('who came back, left and comes again by its newest cursor is told too', async () => {
      await using stage = await Stage.open();
      const { group, since, cursor, lost } = await emptied(stage);
      const back = stage.seat(group, stage.after(cursor));
      await back.started;
      const newest = back.subscription.cursor();
      back.subscription.close();
      const again = stage.seat(await stage.group(), stage.after(newest));
      await again.started;
      const away = again.subscription.cursor();
      const renewed = stage.seat(await stage.group(), again.subscription.handOver());
      await renewed.started;
      await refill(stage, since, lost);
      await eventually('everything came', () => expect(renewed.shown).toEqual(told));
      const late = stage.seat(await stage.group(), stage.after(away));
      await late.started;
      expect(late.shown).toEqual(told);
    });

    test('lost a second time in between, who came back in between is told, and who was there all the time is not', async () => {
      await using stage = await Stage.open();
      const { group, stayed, since, cursor, lost } = await emptied(stage);
      const back = stage.seat(group, stage.after(cursor));
      await back.started;
      const newest = back.subscription.cursor();
      await empty(stage);
      const again = stage.seat(await stage.group(), stage.after(newest));
      await again.started;
      await refill(stage, since, lost);
      await eventually('everything came', () => expect(again.shown).toEqual(told));
      expect(back.shown).toEqual(told);
      expect([stayed.shown, stayed.faults]).toEqual([[1, 2, 3, 4, 5], []]);
    });

    test('who came back and has been there since that loss was told lacks nothing of a later one, like those who stayed', async () => {
      await using stage = await Stage.open();
      const { group, stayed, since: old, cursor, lost } = await emptied(stage);
      const back = stage.seat(group, stage.after(cursor), 'FAIL');
      await back.started;
      stage.clock++;
      const [told] = stage.log.heads() as [Position];
      stage.log.append(lost, true);
      await stage.append([5]);
      const since = stage.clock;
      await stage.append([6]);
      const away = back.subscription.cursor();
      await empty(stage);
      // What is gone had come since, or it had before, and was told.
      for (const one of [since, old]) stage.log.gap({ reason: 'LOG_LOST', missed: null, since: one, told, source });
      await stage.append([7]);
      const again = stage.seat(await stage.group(), stage.after(away), 'FAIL');
      await again.started;
      await eventually('everything came', () => expect(back.shown.at(-1)).toBe(7));
      expect([stayed, back, again].map(({ shown, faults }) => [shown, faults])).toEqual([
        [[1, 2, 3, 4, 5, 6, 7], []],
        [[2, 3, 4, 5, 6, 7], []],
        [[7], []],
      ]);
    });

    test.for(['before', 'behind'])(
      'who came back %s the place where it was told is told of a later one',
      async (when) => {
        await using stage = await Stage.open();
        const before = stage.log.heads()[0] as Position;
        const { group, cursor, lost } = await emptied(stage);
        const back = stage.seat(group, stage.after(cursor));
        await back.started;
        stage.log.append(lost.slice(0, 2), true);
        await turns(3);
        const away = back.subscription.cursor();
        const [now] = stage.log.heads() as [Position];
        const since = stage.clock++;
        await empty(stage);
        const told = when === 'before' ? { ...now, number: now.number + 1 } : before;
        stage.log.gap({ reason: 'LOG_LOST', missed: null, since, told, source });
        await stage.append([7]);
        const again = stage.seat(await stage.group(), stage.after(away));
        await again.started;
        const gap = { n: 7, gap: 'LOG_LOST' };
        await eventually('everything came', () => expect(back.shown).toEqual([2, gap]));
        expect(again.shown).toEqual([gap]);
      },
    );

    test('who stayed on a replica that had heard nothing of what is gone is told', async () => {
      await using stage = await Stage.open();
      const group = await stage.group();
      const stayed = stage.seat(group);
      const [told] = stage.log.heads() as [Position];
      await stage.append([1]);
      stage.tail.drop(1);
      await stage.append([2]);
      const since = stage.clock++;
      await empty(stage);
      const fresh = stage.seat(group, { kind: 'now' }, 'FAIL');
      stage.log.gap({ reason: 'LOG_LOST', missed: null, since, told, source });
      await stage.append([3]);
      await eventually('everything came', () => expect(stayed.shown).toEqual([1, { n: 3, gap: 'LOG_LOST' }]));
      expect([fresh.shown, fresh.faults]).toEqual([[3], []]);
    });

    test('who stayed on a replica that had heard nothing of what is gone is told, though the log lost that again before all was told', async () => {
      await using stage = await Stage.open();
      const group = await stage.group();
      const stayed = stage.seat(group);
      await stage.append([1]);
      stage.tail.drop(1);
      await stage.append([2]);
      const since = stage.clock++;
      await empty(stage);
      const fresh = stage.seat(group, { kind: 'now' }, 'FAIL');
      // In the epoch that this replica came to, a relay told what was gone; with that mark the log went back again.
      const [head] = stage.log.heads() as [Position];
      const told = { ...head, number: head.number + 1 };
      stage.clock++;
      await empty(stage);
      stage.log.gap({ reason: 'LOG_LOST', missed: null, since, told, source });
      await stage.append([3]);
      await eventually('everything came', () => expect(stayed.shown).toEqual([1, { n: 3, gap: 'LOG_LOST' }]));
      expect([fresh.shown, fresh.faults]).toEqual([[3], []]);
    });

    test('who was cut off in the middle of an append of which the rest is gone is told, also who came back before that was known', async () => {
      await using stage = await Stage.open();
      const stayed = stage.seat(await stage.group(), { kind: 'now' }, 'FAIL');
      await stage.append([1, 2]);
      const since = stage.clock;
      await stage.append([3]);
      const lost = await empty(stage);
      const early = stage.seat(await stage.group(), stage.after(stayed.cursors[0]));
      await early.started;
      stage.log.gap({ reason: 'LOG_LOST', missed: null, since, source });
      stage.log.append(lost.slice(2), true);
      await stage.append([4]);
      const back = stage.seat(await stage.group(), stage.after(stayed.cursors[0]));
      await back.started;
      for (const one of [early, back]) expect(one.shown).toEqual([{ n: 3, gap: 'LOG_LOST' }, 4]);
      expect([stayed.shown, stayed.faults]).toEqual([[1, 2, 3, 4], []]);
    });

    test('who began after the loss has lost nothing', async () => {
      await using stage = await Stage.open();
      const { group, since, lost } = await emptied(stage);
      stage.clock++;
      const fresh = stage.seat(group, { kind: 'now' }, 'FAIL');
      await refill(stage, since, lost);
      await eventually('it has what is new', () => expect(fresh.shown).toEqual([5]));
      expect(fresh.faults).toEqual([]);
    });
  });

  describe('filled again, with more partitions than a cursor has room for', () => {
    /** An event of each of twenty partitions, of which a cursor knows the last sixteen; then the log is emptied. */
    async function emptied(stage: Stage, partitions = 20, ahead = 0) {
      const group = await stage.group();
      const first = stage.seat(group);
      for (let partition = 0; partition < partitions; partition++) {
        stage.clock++;
        const { record, ...event } = stage.event(partition, partition, 0);
        const source = { ...event, record: { ...record, timestamp: record.timestamp + ahead } };
        stage.log.append([{ source, channels: group.channels }]);
      }
      await turns(3);
      const cursor = first.subscription.cursor();
      first.subscription.close();
      return { group, cursor, lose: () => stage.log.lose(0, 100) };
    }
    const maybe = (n: number) => ({ n, gap: 'LOG_REFILLED' });

    test.for([
      ['', 0],
      [', and where its producer was ahead of the log', 5_000],
    ] as const)(
      'what may have been shown before is shown, and told to be so, whatever it wants of gaps%s',
      async ([, ahead]) => {
        await using stage = await Stage.open();
        const { group, cursor, lose } = await emptied(stage, 20, ahead);
        stage.log.append(lose(), true);
        await turns(3);
        const fresh = [stage.seat(group, stage.after(cursor), 'FAIL'), stage.seat(group, stage.after(cursor))];
        await Promise.all(fresh.map(({ started }) => started));
        stage.log.append([{ source: stage.event(100, 0, 1), channels: group.channels }]);
        await eventually('both have what is new', () => {
          for (const back of fresh) expect(back.shown).toEqual([...[0, 1, 2, 3].map(maybe), 100]);
        });
        expect(fresh.flatMap(({ faults }) => faults)).toEqual([]);
      },
    );

    test('also where it comes back before that is written again', async () => {
      await using stage = await Stage.open();
      const { cursor, lose } = await emptied(stage);
      const lost = lose();
      stage.clock++;
      stage.tail.interrupt();
      stage.tail.restore();
      await turns(10);
      // On a replica that knows as little as its cursor.
      const back = stage.seat(await stage.group(), stage.after(cursor));
      await back.started;
      stage.log.append(lost, true);
      await eventually('they have come', () => expect(back.shown).toEqual([0, 1, 2, 3].map(maybe)));
    });

    test.for(['at once', 'after more has come'])(
      'also where it is there already when they are lost, %s',
      async (when) => {
        await using stage = await Stage.open();
        const { group, cursor, lose } = await emptied(stage);
        // Alone, or in the group of somebody who has heard of all of them.
        const stayed = stage.seat(group);
        const fresh = await stage.group();
        const back = [stage.seat(fresh, stage.after(cursor)), stage.seat(group, stage.after(cursor))];
        await Promise.all(back.map(({ started }) => started));
        const later = when === 'at once' ? [] : [60, 61];
        for (const n of later) {
          stage.clock++;
          stage.log.append([{ source: stage.event(n, 19, n), channels: group.channels }]);
          await turns(3);
        }
        const away = back.map(({ subscription }) => subscription.cursor());
        const lost = lose();
        stage.tail.interrupt();
        stage.tail.restore();
        await turns(10);
        const again = stage.seat(await stage.group(), stage.after(away[0]));
        await again.started;
        stage.clock++;
        stage.log.append(lost, true);
        stage.log.append([{ source: stage.event(100, 0, 1), channels: group.channels }]);
        await eventually('they have come', () => {
          expect(back.map(({ shown }) => shown)).toEqual([
            [...later, ...[0, 1, 2, 3].map(maybe), 100],
            [...later, 100],
          ]);
        });
        expect(again.shown).toEqual([...[0, 1, 2, 3].map(maybe), 100]);
        expect(stayed.shown).toEqual([...later, 100]);
      },
    );

    test('of a conflated field too, with the next that is shown of its partition', async () => {
      await using stage = await Stage.open();
      const { cursor, lose } = await emptied(stage);
      const field = await stage.group('a', { conflation: { every: 3_600_000, keyOf: () => 'one' } });
      const back = stage.seat(field, stage.after(cursor));
      await back.started;
      stage.clock++;
      stage.log.append([{ source: stage.event(50, 19, 1), channels: field.channels }]);
      await turns(3);
      const lost = lose();
      stage.tail.interrupt();
      stage.tail.restore();
      await turns(10);
      stage.log.append(lost, true);
      await eventually('they have come', () => expect(back.shown).toEqual([50, ...[0, 1, 2, 3].map(maybe)]));
    });

    test('of a topic that was made again since nothing was left out, and nothing is told', async () => {
      await using stage = await Stage.open();
      const { group, cursor, lose } = await emptied(stage, 16);
      const back = stage.seat(group, stage.after(cursor));
      await back.started;
      lose();
      stage.clock++;
      for (let partition = 0; partition < 16; partition++) {
        const source = { cluster: 'c', topic: 'notes', partition };
        stage.log.gap({ reason: 'TOPIC_RECREATED', missed: null, source, cut: { origin: stage.origin, offset: 0 } });
      }
      await turns(3);
      stage.origin = 'topicQ';
      for (const n of [50, 51])
        stage.log.append([{ source: stage.event(n, n - 50, 0), channels: group.channels }], true);
      await eventually('they have come', () => expect(back.shown).toEqual([{ n: 50, gap: 'TOPIC_RECREATED' }, 51]));
    });

    test('what the log never had before was never shown, and nothing is told', async () => {
      await using stage = await Stage.open();
      const { group, cursor, lose } = await emptied(stage);
      lose();
      stage.clock += 10;
      stage.log.append([{ source: stage.event(50, 0, 1), channels: group.channels }]);
      await turns(3);
      const back = stage.seat(group, stage.after(cursor));
      await back.started;
      expect(back.shown).toEqual([50]);
    });

    test('a cursor that has room for all of them knows what was shown, and nothing is told', async () => {
      await using stage = await Stage.open();
      const { group, cursor, lose } = await emptied(stage, 16 - 1);
      const other = stage.event(50, 15, 0);
      stage.clock += 10;
      stage.log.append([{ source: other, channels: group.channels }]);
      stage.log.append(lose(), true);
      await turns(3);
      const back = stage.seat(group, stage.after(cursor), 'FAIL');
      await back.started;
      expect(back.shown).toEqual([50]);
    });
  });

  test('began with the last n: what is older than they are does not come after them when it is written again', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const { channels } = group;
    for (const [n, partition] of [1, 0, 0].entries()) {
      stage.clock++;
      stage.log.append([{ source: stage.event(n, partition), channels }]);
    }
    await turns(3);
    const seated = stage.seat(group, { kind: 'rewind', count: 1 });
    await seated.started;
    await stage.append([3]);
    stage.log.append(stage.log.lose(0, 4), true);
    await stage.append([4]);
    await eventually('it has what is new', () => seated.shown.includes(4));
    expect(seated.shown).toEqual([2, 3, 4]);
  });

  test('parked by the first of what it lacked, it is shown the rest too, and so by the cursor it has then, though others of its group had it', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const { channels } = group;
    const stayed = stage.seat(group);
    for (const [n, partition] of [0, 1, 0].entries()) {
      stage.clock++;
      stage.log.append([{ source: stage.event(n, partition), channels }]);
    }
    await turns(3);
    const lost = stage.log.lose(0, 2);
    stage.tail.interrupt();
    stage.tail.restore();
    await turns(10);
    const back = stage.seat(group, stage.after(stayed.cursors[0]));
    await back.started;
    back.fill();
    // Of its two partitions the other one first: by what the group has heard, the event that follows was shown.
    for (const one of lost.reverse()) stage.log.append([one], true);
    await turns(5);
    expect(back.shown).toEqual([]);
    const again = stage.seat(group, stage.after(back.subscription.cursor()));
    back.drain();
    for (const one of [back, again]) await eventually('it has all', () => expect(one.shown).toEqual([2, 1]));
    expect(stayed.shown).toEqual([0, 1, 2]);
  });

  test('live: what is written again is not shown again', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const seated = stage.seat(group);
    await stage.append([1, 2, 3]);
    const lost = stage.log.lose(0, 2);
    stage.log.append(lost, true);
    await stage.append([4]);
    expect(seated.shown).toEqual([1, 2, 3, 4]);
  });

  test('resumed before it is written again: shown once it is, though others in the group had it', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const other = stage.seat(group);
    await stage.append([1, 2, 3]);
    const lost = stage.log.lose(0, 2);
    const resumed = stage.seat(group, stage.after(other.cursors[0]));
    await resumed.started;
    stage.log.append(lost, true);
    await stage.append([4]);
    await eventually('it has all', () => expect(resumed.shown).toEqual([2, 3, 4]));
    expect(other.shown).toEqual([1, 2, 3, 4]);
    // Its cursors never claim what only the others were shown.
    expect(decoded(resumed.cursors[0]).offsets).toContainEqual({ key: sourceKey('topicA', 0), offset: 1, index: 0 });
  });

  test('lost while a replay reads it: the replay begins again in the new epoch, with nothing out of order', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const first = stage.seat(group);
    await stage.append([1, 2, 3]);
    first.subscription.close();
    stage.log.latency = 2;
    const resumed = stage.seat(group, stage.after(first.cursors[0]));
    const lost = stage.log.lose(0, 2);
    await stage.append([]);
    stage.log.append(lost, true);
    stage.log.latency = 0;
    await stage.append([4]);
    await eventually('it has all', () => expect(resumed.shown).toEqual([2, 3, 4]));
  });

  test('a log that cannot be read is waited for', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const first = stage.seat(group);
    await stage.append([1, 2]);
    stage.log.failing = 3;
    const resumed = stage.seat(group, stage.after(first.cursors[0]));
    await stage.append([3]);
    await resumed.started;
    expect(resumed.shown).toEqual([2, 3]);
    expect(resumed.faults).toEqual([]);
  });
});

describe('cursors', () => {
  test('never run ahead of what a slow resolver has let through', async () => {
    await using stage = await Stage.open();
    const render = slowly();
    const group = await stage.group('a', { render: render.render });
    const seated = stage.seat(group);
    const before = seated.subscription.cursor();
    await stage.append([1]);
    expect(decoded(seated.subscription.cursor())).toEqual(decoded(before));
    await render.finish();
    expect(decoded(seated.subscription.cursor()).positions[0]?.number).toBe(1);
  });

  test('of events that waited behind a replay know what the replay has shown', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const begin = stage.seat(group).subscription.cursor();
    stage.log.append([{ source: stage.event(1, 1, 7), channels: group.channels }]);
    await turns(3);
    const again = await stage.group();
    stage.log.latency = 3;
    const resumed = stage.seat(again, stage.after(begin));
    stage.log.append([{ source: stage.event(2, 0, 5), channels: group.channels }]);
    await resumed.started;
    await eventually('both are shown', () => expect(resumed.shown).toEqual([1, 2]));
    expect(partitionsOf(resumed.cursors[1]).sort()).toEqual([0, 1]);
    stage.log.append([{ source: stage.event(3, 0, 6), channels: group.channels }]);
    await eventually('the third is shown', () => expect(resumed.shown).toEqual([1, 2, 3]));
    expect(partitionsOf(resumed.cursors[2]).sort()).toEqual([0, 1]);
  });

  test('go on with every heartbeat though nothing matched', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const seated = stage.seat(group);
    await stage.append([-1, -2]);
    expect(decoded(seated.subscription.cursor()).positions[0]?.number).toBe(2);
    expect(seated.shown).toEqual([]);
  });

  test('keep to sixteen partitions, however many were replayed', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const begin = stage.seat(group).subscription.cursor();
    for (let partition = 0; partition < 40; partition++) {
      stage.log.append([{ source: stage.event(partition, partition, 0), channels: group.channels }]);
    }
    await turns(3);
    const resumed = stage.seat(group, stage.after(begin));
    await resumed.started;
    expect(resumed.shown).toHaveLength(40);
    expect(partitionsOf(resumed.cursors.at(-1))).toEqual(Array.from({ length: 16 }, (_, i) => 24 + i));
    expect(decoded(resumed.subscription.cursor()).offsets).toHaveLength(16);
  });
});

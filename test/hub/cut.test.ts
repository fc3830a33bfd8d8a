import { describe, expect, test } from 'vitest';
import { wholeRecord } from '../../src/event/place.js';
import { sourceKey } from '../../src/event/source-key.js';
import { eventually } from '../support/eventually.js';
import { turns } from '../support/log/hostile-log.js';
import { cursors, decoded, type Seated, Stage } from './stage.js';

const source = { cluster: 'c', topic: 'notes', partition: 0 };
const told = (n: number) => ({ n, gap: 'TOPIC_RECREATED' });

/** The partition lost its end: from this offset on, other records come. */
async function cut(stage: Stage, offset: number, origin = 'topicA') {
  stage.clock++;
  stage.log.gap({ reason: 'TOPIC_RECREATED', missed: null, source, cut: { origin, offset } });
  if (origin === stage.origin) stage.offset = offset;
  await turns(3);
}

/** What a cursor says of the partition. */
const coordinate = (cursor: string | null | undefined) => {
  const found = decoded(cursor).offsets.find(({ key }) => key === sourceKey('topicA', 0));
  return found && { offset: found.offset, index: found.index };
};

async function resume(stage: Stage, seated: Seated, after: string | null | undefined) {
  const group = await stage.group();
  const back = stage.seat(group, stage.after(after ?? seated.cursors.at(-1)));
  await back.started;
  return back;
}

describe('a partition that was cut: what comes after has offsets that went by before', () => {
  test('who is there, who was away, and who comes for it are shown all of it, once and in order', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const live = stage.seat(group);
    await stage.append([1, 2, 3, 4, 5]);
    const old = live.cursors;
    await cut(stage, 2);
    const fresh = stage.seat(group);
    await stage.append([6, 7, 8, 9]);
    expect(live.shown).toEqual([1, 2, 3, 4, 5, told(6), 7, 8, 9]);
    expect(fresh.shown).toEqual([6, 7, 8, 9]);
    // Before the cut, at its edge, in what was cut off, and behind the last of it.
    const shown = [];
    for (const cursor of [0, 1, 2, 3, 4].map((at) => old[at])) shown.push((await resume(stage, live, cursor)).shown);
    expect(shown).toEqual([
      [told(2), 3, 4, 5, 6, 7, 8, 9],
      [told(3), 4, 5, 6, 7, 8, 9],
      [told(4), 5, 6, 7, 8, 9],
      [told(5), 6, 7, 8, 9],
      [told(6), 7, 8, 9],
    ]);
  });

  test('a rewind over the cut shows both sides in order, and who is cut off in it goes on with the rest', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    await stage.append([1, 2, 3, 4, 5]);
    await cut(stage, 2);
    await stage.append([6, 7]);
    const rewound = stage.seat(group, { kind: 'rewind', count: 4 });
    await rewound.started;
    await stage.append([8]);
    expect(rewound.shown).toEqual([4, 5, 6, 7, 8]);
    expect((await resume(stage, rewound, rewound.cursors[1])).shown).toEqual([told(6), 7, 8]);
    expect((await resume(stage, rewound, rewound.cursors[2])).shown).toEqual([7, 8]);
  });

  test('and whose mark went with the log is told again, to who was away; nothing of what others know is void', async () => {
    await using stage = await Stage.open();
    // Shown what was cut off, it went away before the cut was told.
    const offsets = [{ key: sourceKey('topicA', 0), offset: 4, index: wholeRecord }];
    const positions = [{ epoch: 'gone', number: 5, time: stage.clock }];
    const end = cursors.encode('note', { positions, offsets, routes: 'same', late: null });
    stage.offset = 2;
    stage.clock++;
    const changedAt = ++stage.clock;
    const live = stage.seat(await stage.group());
    await stage.append([6]);
    const between = live.cursors[0];
    const since = ++stage.clock;
    await stage.append([7]);
    const lost = stage.log.lose(0, 100);
    stage.clock++;
    stage.tail.interrupt();
    stage.tail.restore();
    await turns(10);
    const others = await stage.group();
    const early = stage.seat(others, stage.after(end));
    await early.started;
    const beside = stage.seat(others);
    const again = { reason: 'TOPIC_RECREATED', missed: null, cut: { origin: 'topicA', offset: 2 } } as const;
    stage.log.gap({ ...again, since, changedAt, source });
    stage.log.append(lost, true);
    await stage.append([8, 9]);
    const late = await resume(stage, live, end);
    expect(live.shown).toEqual([6, 7, 8, 9]);
    for (const one of [early, late]) expect(one.shown).toEqual([told(6), 7, 8, 9]);
    expect(beside.shown).toEqual([8, 9]);
    // Told of what else is lost, it knows the other records by their coordinates.
    expect((await resume(stage, live, between)).shown).toEqual([told(7), 8, 9]);
  });

  test('what the log loses after the cut is written again, and nobody is shown it twice', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const live = stage.seat(group);
    await stage.append([1, 2, 3, 4, 5]);
    const [before, within] = [live.cursors[0], live.cursors[3]];
    await cut(stage, 2);
    const fresh = stage.seat(group);
    await stage.append([6, 7, 8]);
    const rewound = stage.seat(group, { kind: 'rewind', count: 5 });
    await rewound.started;
    const away = await resume(stage, live, before);
    const lost = stage.log.lose(0, 2);
    const late = await Promise.all([before, within, live.cursors[5]].map((cursor) => resume(stage, live, cursor)));
    stage.log.append(lost, true);
    await stage.append([9]);
    await eventually('it is written again', () =>
      expect(late.map(({ shown }) => shown)).toEqual([
        [told(2), 3, 4, 5, 6, 7, 8, 9],
        [told(5), 6, 7, 8, 9],
        [7, 8, 9],
      ]),
    );
    expect([live, fresh, rewound, away].map(({ shown }) => shown)).toEqual([
      [1, 2, 3, 4, 5, told(6), 7, 8, 9],
      [6, 7, 8, 9],
      [4, 5, 6, 7, 8, 9],
      [told(2), 3, 4, 5, 6, 7, 8, 9],
    ]);
  });

  test('what lies before the cut was shown: written again after it, it is a repeat', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const live = stage.seat(group);
    await stage.append([1, 2, 3, 4, 5]);
    const parted = await resume(stage, live, live.cursors[2]);
    const lost = stage.log.lose(0, 4);
    await cut(stage, 3);
    const late = await Promise.all([0, 1, 4].map((at) => resume(stage, live, live.cursors[at])));
    stage.log.append(lost.slice(0, 2), true);
    await stage.append([6]);
    await eventually('who lacks it is shown it', () =>
      expect(late.map(({ shown }) => shown)).toEqual([[told(2), 3, 6], [told(3), 6], [told(6)]]),
    );
    expect(live.shown).toEqual([1, 2, 3, 4, 5, told(6)]);
    expect(parted.shown).toEqual([4, 5, told(6)]);
  });

  test('from then on cursors hold nothing at or beyond it, also those of a heartbeat and of a replay', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const live = stage.seat(group);
    await stage.append([1, 2, 3, 4, 5]);
    expect(coordinate(live.subscription.cursor())).toEqual({ offset: 4, index: 0 });
    await cut(stage, 2);
    const back = await resume(stage, live, live.cursors[3]);
    const rewound = stage.seat(group, { kind: 'rewind', count: 1 });
    await rewound.started;
    const cursors = [live, back, rewound].map(({ subscription }) => subscription.cursor());
    for (const cursor of cursors) expect(coordinate(cursor)).toMatchObject({ offset: 1 });
    await stage.append([6, 7]);
    for (const cursor of cursors) expect((await resume(stage, live, cursor)).shown).toEqual([6, 7]);
    await cut(stage, 0);
    for (const { subscription } of [live, back, rewound]) expect(coordinate(subscription.cursor())).toBeUndefined();
    await stage.append([8]);
    for (const { shown } of [live, back, rewound]) expect(shown.at(-1)).toEqual(told(8));
  });

  test('cut again and again, lower and higher: each history is shown once, also by a rewind', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const live = stage.seat(group);
    await stage.append([1, 2, 3, 4, 5]);
    const old = live.cursors[4];
    await cut(stage, 1);
    await stage.append([6, 7, 8, 9]);
    await cut(stage, 3);
    await stage.append([10, 11]);
    expect(live.shown).toEqual([1, 2, 3, 4, 5, told(6), 7, 8, 9, told(10), 11]);
    expect((await resume(stage, live, old)).shown).toEqual([told(6), 7, 8, 9, 10, 11]);
    expect((await resume(stage, live, live.cursors[7])).shown).toEqual([told(9), 10, 11]);
    const rewound = stage.seat(group, { kind: 'rewind', count: 4 });
    await rewound.started;
    expect(rewound.shown).toEqual([8, 9, 10, 11]);
    stage.log.append(stage.log.lose(0, 1), true);
    await stage.append([12]);
    expect([live.shown.at(-1), rewound.shown.slice(-2)]).toEqual([12, [11, 12]]);
  });

  test('a cut of one origin says nothing of another, whose partition has the same number', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const live = stage.seat(group);
    await stage.append([1, 2, 3]);
    await cut(stage, 0, 'topicQ');
    const lost = [1, 2, 3].map((n) => ({ source: stage.event(n, 0, n - 1), channels: group.channels }));
    stage.log.append(lost, true);
    await stage.append([4]);
    expect(live.shown).toEqual([1, 2, 3, told(4)]);
  });

  test('told while a replay is under way, or to a socket that is full: nothing is lost to either', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const live = stage.seat(group);
    await stage.append([1, 2, 3, 4, 5]);
    const full = stage.seat(group, stage.after(live.cursors[4]));
    await full.started;
    full.fill();
    stage.log.latency = 3;
    const replaying = stage.seat(await stage.group(), stage.after(live.cursors[1]));
    await cut(stage, 2);
    await stage.append([6, 7]);
    stage.log.latency = 0;
    full.drain();
    await eventually('the replay is through', () => expect(replaying.shown.at(-1)).toBe(7));
    await eventually('the socket has drained', () => expect(full.shown.at(-1)).toBe(7));
    expect([replaying.shown.length, full.shown.length]).toEqual([5, 2]);
    expect(full.shown).toEqual([told(6), 7]);
  });
});

import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { turns } from '../support/log/hostile-log.js';
import { Stage } from './stage.js';

/** No relay looks at a doubt. */
const never = Number.POSITIVE_INFINITY;

/** The log goes back by so many numbers; what it lost comes again when the test says so. */
function goBack(stage: Stage, numbers: number, clock = false, shard = 0) {
  stage.clock += 10;
  const lost = stage.log.goBack(shard, numbers, clock);
  return async () => {
    for (const one of lost) stage.log.append([one], true);
    await turns(3);
  };
}

const epochOf = async (stage: Stage) => (await stage.log.reader().heads()).heads[0]?.epoch;

describe('a log that goes back under its epoch', () => {
  test.each([
    ['', false],
    [', also when its clock went back with it', true],
  ])('who is live hears what comes under numbers that were given out before, and nothing twice%s', async (_, clock) => {
    await using stage = await Stage.open();
    stage.log.heeding = never;
    const live = stage.seat(await stage.group());
    for (const n of [1, 2, 3, 4]) await stage.append([n]);
    const refill = goBack(stage, 3, clock);
    await stage.append([5]);
    await eventually('the first of them', () => expect(live.shown).toEqual([1, 2, 3, 4, 5]));
    await refill();
    await stage.append([6]);
    await eventually('all of them', () => expect(live.shown).toEqual([1, 2, 3, 4, 5, 6]));
    expect(stage.log.doubts).toMatchObject([{ certain: true, known: { epoch: await epochOf(stage) } }]);
  });

  test('another epoch is opened for it, whatever numbers it has by then', async () => {
    await using stage = await Stage.open();
    stage.log.heeding = 5;
    const before = await epochOf(stage);
    const live = stage.seat(await stage.group());
    await stage.append([1, 2]);
    goBack(stage, 1);
    for (const n of [3, 4, 5]) await stage.append([n]);
    await eventually('another epoch', async () => expect(await epochOf(stage)).not.toBe(before));
    await stage.append([6]);
    await eventually('all of them', () => expect(live.shown).toEqual([1, 2, 3, 4, 5, 6]));
  });

  test('what comes beyond the old numbers while the tail is down is no hole in what was missed', async () => {
    await using stage = await Stage.open();
    stage.log.heeding = never;
    const live = stage.seat(await stage.group());
    await stage.append([1]);
    await stage.append([2]);
    stage.tail.interrupt();
    const refill = goBack(stage, 1);
    for (const n of [3, 4, 5]) await stage.append([n]);
    await refill();
    stage.tail.restore();
    await eventually('all of them', () => expect(live.shown).toEqual([1, 2, 3, 4, 5]));
    expect(stage.log.doubts).toMatchObject([{ certain: true }]);
  });

  test('who was away with a cursor beyond it waits for another epoch, and is shown what it missed then', async () => {
    await using stage = await Stage.open();
    stage.log.heeding = never;
    const group = await stage.group();
    const one = stage.seat(group);
    for (const n of [1, 2]) await stage.append([n]);
    one.subscription.close();
    await stage.append([3]);
    const refill = goBack(stage, 2);
    const resumed = stage.seat(group, stage.after(one.cursors.at(-1)));
    await turns(5);
    await refill();
    await stage.append([4]);
    await turns(20);
    expect(resumed.shown).toEqual([]);
    stage.log.heed(0);
    await stage.append([5]);
    await eventually('what it missed', () => expect(resumed.shown).toEqual([3, 4, 5]));
    expect(resumed.faults).toEqual([]);
  });

  test('a replica that came after it asks for another epoch when a cursor knows more', async () => {
    await using before = await Stage.open();
    const one = before.seat(await before.group());
    for (const n of [1, 2, 3]) await before.append([n]);
    one.subscription.close();
    const refill = goBack(before, 2);
    await before.append([4]);
    await using stage = await before.another();
    const resumed = stage.seat(await stage.group(), before.after(one.cursors.at(-1)));
    await eventually('what it missed', () => expect(resumed.shown).toEqual([4]));
    await refill();
    await before.append([5]);
    await eventually('what is new', () => expect(resumed.shown).toEqual([4, 5]));
    expect(resumed.faults).toEqual([]);
  });

  test('a replica that came after it sees it by the times, when numbers have passed the cursor', async () => {
    await using before = await Stage.open();
    const one = before.seat(await before.group());
    for (const n of [1, 2, 3]) await before.append([n]);
    one.subscription.close();
    goBack(before, 2);
    for (const n of [4, 5, 6, 7]) await before.append([n]);
    await using stage = await before.another();
    const resumed = stage.seat(await stage.group(), before.after(one.cursors.at(-1)));
    await eventually('what it missed', () => expect(resumed.shown).toEqual([4, 5, 6, 7]));
    expect(before.log.doubts).toMatchObject([{ certain: true }]);
  });

  test('the other shards go on as if nothing were', async () => {
    await using stage = await Stage.open(2);
    stage.log.heeding = never;
    const live = stage.seat(await stage.group());
    const on = (shard: number) =>
      [0, 1, 2, 3].find((partition) => stage.log.shardOf({ topic: 'notes', partition }) === shard) ?? 0;
    const append = async (n: number, shard: number) => {
      stage.clock++;
      stage.log.append([{ source: stage.event(n, on(shard)), channels: ['a' as never] }]);
      await turns(3);
    };
    for (const [n, shard] of [0, 1, 0, 1].entries()) await append(n + 1, shard);
    goBack(stage, 1, false, 1);
    for (const [n, shard] of [0, 1, 0, 1].entries()) await append(n + 5, shard);
    await eventually('all of them', () => expect(live.shown.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]));
    expect(stage.log.doubts).toMatchObject([{ known: { shard: 1 } }]);
  });
});

describe('a replica of Redis that lags is read', () => {
  test('nobody misses anything, is told a gap, or makes relays open an epoch', async () => {
    await using stage = await Stage.open(1, { probeEvery: 5 });
    const before = await epochOf(stage);
    const group = await stage.group();
    const [live, one] = [stage.seat(group), stage.seat(group)];
    await stage.append([1]);
    stage.log.lag();
    await stage.append([2, 3]);
    one.subscription.close();
    await stage.append([4]);
    const rewound = stage.seat(group, { kind: 'rewind', count: 2 });
    await using other = await stage.another();
    const elsewhere = other.seat(await other.group(), stage.after(one.cursors.at(-1)));
    await eventually('relays are asked', () => stage.log.doubts.length > 2);
    await stage.append([5]);
    expect(live.shown).toEqual([1, 2, 3, 4, 5]);
    expect([rewound.shown, elsewhere.shown]).toEqual([[], []]);
    stage.log.catchUp();
    await eventually('everybody has everything', () => {
      expect(rewound.shown).toEqual([3, 4, 5]);
      expect(elsewhere.shown).toEqual([4, 5]);
    });
    expect(await epochOf(stage)).toBe(before);
  });

  test('marks that it does not have yet are told to who comes back', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const one = stage.seat(group);
    await stage.append([1]);
    one.subscription.close();
    stage.log.lag();
    await stage.append([2]);
    stage.log.gap({ reason: 'SOURCE_LOST', missed: 1, source: { cluster: 'c', topic: 'notes', partition: 0 } });
    await stage.append([3]);
    const resumed = stage.seat(group, stage.after(one.cursors.at(-1)));
    await turns(20);
    expect(resumed.shown).toEqual([]);
    stage.log.catchUp();
    await eventually('all of it', () => expect(resumed.shown).toEqual([{ n: 2, gap: 'SOURCE_LOST' }, 3]));
  });
});

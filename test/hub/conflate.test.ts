import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Stall } from '../support/stall.js';
import { renderedAs, type Seated, Stage } from './stage.js';

/** A key is the tens of a number: 11 and 12 are of one, 21 of another; 5 has none. */
const keyOf = (event: unknown) => {
  const tens = Math.floor(Math.abs(event as number) / 10);
  return tens === 0 ? null : String(tens);
};
/** No window of these ends by itself within a test, unless the test waits for it. */
const never = { conflation: { every: 3_600_000, keyOf } };
const soon = { conflation: { every: 20, keyOf } };

const has = (seated: Seated, ...numbers: number[]) =>
  eventually(`it has been shown ${numbers}`, () => expect(seated.shown).toEqual(numbers));

describe('a conflated field', () => {
  test('after a pause an event goes at once, and all that came with it', async () => {
    await using stage = await Stage.open();
    const seated = stage.seat(await stage.group('a', never));
    await stage.append([11, 21, 5]);
    expect(seated.shown).toEqual([11, 21, 5]);
  });

  test('what comes before the time is over waits; then the latest of each key, in the order of the log', async () => {
    await using stage = await Stage.open();
    const seated = stage.seat(await stage.group('a', soon));
    await stage.append([11]);
    stage.tail.stall();
    await stage.append([21, 12, 31, 22, 13]);
    stage.tail.go();
    await has(seated, 11, 31, 22, 13);
  });

  test('an event without a key is never left out', async () => {
    await using stage = await Stage.open();
    const seated = stage.seat(await stage.group('a', soon));
    await stage.append([1]);
    await stage.append([2, 3]);
    await has(seated, 1, 2, 3);
  });

  test('one that may not be seen never takes the place of one that may', async () => {
    await using stage = await Stage.open();
    const seated = stage.seat(await stage.group('a', soon));
    await stage.append([11]);
    await stage.append([12, -13]);
    await has(seated, 11, 12);
  });

  test('what is left out is not rendered', async () => {
    await using stage = await Stage.open();
    let rendered = 0;
    const render = ({ event }: { event: unknown }) => renderedAs(++rendered && event);
    const seated = stage.seat(await stage.group('a', { ...soon, render }));
    await stage.append([11]);
    await stage.append([12, 13, 14, 15]);
    await has(seated, 11, 15);
    expect(rendered).toBe(2);
  });

  test('what waits for somebody who leaves is not kept, nor rendered for nobody', async () => {
    await using stage = await Stage.open();
    let rendered = 0;
    const render = ({ event }: { event: unknown }) => renderedAs(++rendered && event);
    const left = await stage.group('a', { ...soon, render });
    const seated = stage.seat(left);
    const stays = stage.seat(await stage.group('b', soon));
    await stage.append([11]);
    await stage.append([12]);
    seated.subscription.close();
    left.leave();
    await stage.append([11], 'b');
    await stage.append([12], 'b');
    // Its window began later, and is over.
    await has(stays, 11, 12);
    expect(rendered).toBe(1);
  });

  test('a cursor never stands for an event that still waits', async () => {
    await using stage = await Stage.open();
    const group = await stage.group('a', never);
    const seated = stage.seat(group);
    await stage.append([11]);
    await stage.append([12, 21]);
    const again = stage.seat(await stage.group('a', never), stage.after(seated.subscription.cursor()));
    await has(again, 12, 21);
  });

  test('whoever comes while events wait gets those that came after it', async () => {
    await using stage = await Stage.open();
    const group = await stage.group('a', soon);
    await stage.append([11]);
    await stage.append([21]);
    const late = stage.seat(group);
    await stage.append([31]);
    await has(late, 31);
  });

  test('resumed at any of its cursors it misses no latest one and repeats none', async () => {
    await using stage = await Stage.open();
    const seated = stage.seat(await stage.group('a', soon));
    await stage.append([11]);
    await stage.append([12, 21, 13, 31, 22, 5]);
    await has(seated, 11, 13, 31, 22, 5);
    const rest = [[13, 31, 22, 5], [31, 22, 5], [22, 5], [5]];
    for (const [i, expected] of rest.entries()) {
      const again = stage.seat(await stage.group('a', soon), stage.after(seated.cursors[i]));
      await again.started;
      expect(again.shown).toEqual(expected);
    }
  });

  test('a slow reader catches up with the latest of each key only', async () => {
    await using stage = await Stage.open();
    const seated = stage.seat(await stage.group('a', soon));
    seated.fill();
    await stage.append([11]);
    for (let n = 0; n < 200; n++) await stage.append([n % 2 ? 12 : 22, n % 2 ? 13 : -23]);
    seated.drain();
    await eventually('it has caught up', () => seated.shown.includes(22) && seated.shown.includes(13));
    expect(seated.shown.length).toBeLessThan(20);
  });

  test('a full socket is written nothing more to, and catches up from before the window', async () => {
    await using stage = await Stage.open();
    const stall = new Stall();
    const group = await stage.group('a', soon);
    const begun = stage.seat(group, { kind: 'now' }, 'CONTINUE', stall);
    const other = stage.seat(group);
    await stage.append([11]);
    await stage.append([21]);
    const late = stage.seat(group, { kind: 'now' }, 'CONTINUE', stall);
    stall.begin();
    await stage.append([31, 22]);
    await has(other, 11, 31, 22);
    expect([begun.shown, late.shown]).toEqual([[11], []]);
    // Under new claims, which hide what took the place of another.
    const narrower = { ...soon, permit: ({ event }: { event: unknown }) => ({ pass: event !== 22, error: null }) };
    const moved = stage.seat(await stage.group('a', narrower), begun.subscription.handOver(), 'CONTINUE', stall);
    stall.end();
    await has(moved, 21, 31);
    await has(late, 31, 22);
  });

  test('a gap is told in its place', async () => {
    await using stage = await Stage.open();
    const seated = stage.seat(await stage.group('a', never));
    await stage.append([11]);
    await stage.append([12]);
    stage.log.gap({ reason: 'SOURCE_LOST', missed: null, source: { cluster: 'c', topic: 'notes', partition: 0 } });
    await eventually('what came before it was shown', () => seated.shown.length === 2);
    expect(seated.shown).toEqual([11, 12]);
    expect(seated.subscription.gap).toEqual({ reason: 'SOURCE_LOST', missed: null });
  });

  test('what the log lost and got again takes the place of nothing newer', async () => {
    await using stage = await Stage.open();
    const seated = stage.seat(await stage.group('a', soon));
    await stage.append([11]);
    await stage.append([12]);
    stage.log.append(stage.log.lose(0, 1), true);
    await stage.append([21]);
    await eventually('the latest has come', () => seated.shown.includes(21));
    expect(seated.shown).toEqual([11, 12, 21]);
  });
});

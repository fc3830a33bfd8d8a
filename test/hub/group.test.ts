import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import type { Position } from '../../src/event/position.js';
import type { Publication } from '../../src/event/publication.js';
import type { SourceEvent } from '../../src/event/source-event.js';
import type { Rendered } from '../../src/hub/frame.js';
import type { Group } from '../../src/hub/group.js';
import { eventually } from '../support/eventually.js';
import { turns } from '../support/log/hostile-log.js';
import { renderedAs, Stage, slowly } from './stage.js';

describe('a group', () => {
  test('judges and renders each event once, however many seats there are', async () => {
    await using stage = await Stage.open();
    const counted = { judged: 0, rendered: 0 };
    const group = await stage.group('a', {
      permit: () => ({ pass: ++counted.judged > 0, error: null }),
      render: ({ event }: SourceEvent) => renderedAs(++counted.rendered && event),
    });
    const seats = Array.from({ length: 50 }, () => stage.seat(group));
    await stage.append([1, 2, 3]);
    for (const { shown } of seats) expect(shown).toEqual([1, 2, 3]);
    expect(counted).toEqual({ judged: 3, rendered: 3 });
  });

  test('a slow resolver lets no later event overtake, nor a gap', async () => {
    await using stage = await Stage.open();
    const render = slowly();
    const group = await stage.group('a', {
      render: (source) => (source.event === 1 ? render.render(source) : renderedAs(source.event)),
    });
    const { shown } = stage.seat(group);
    await stage.append([1, 2]);
    stage.log.gap({ reason: 'SOURCE_LOST', missed: null, source: { cluster: 'c', topic: 'notes', partition: 0 } });
    await stage.append([3]);
    expect(shown).toEqual([]);
    await render.finish();
    expect(shown).toEqual([1, 2, { n: 3, gap: 'SOURCE_LOST' }]);
  });

  test('a gap that waited behind a slow resolver is not told to who came after it', async () => {
    await using stage = await Stage.open();
    const render = slowly();
    const group = await stage.group('a', {
      render: (source) => (source.event === 1 ? render.render(source) : renderedAs(source.event)),
    });
    stage.seat(group);
    await stage.append([1]);
    stage.log.gap({ reason: 'SOURCE_LOST', missed: null, source: { cluster: 'c', topic: 'notes', partition: 0 } });
    await stage.append([]);
    await stage.append([2]);
    const late = stage.seat(group);
    await stage.append([3]);
    await render.finish();
    expect(late.shown).toEqual([3]);
  });

  test('one that never answers holds no queue without end: each seat goes on from the log by itself', async () => {
    await using stage = await Stage.open();
    let stuck = true;
    const group = await stage.group('a', {
      render: ({ event }) => (stuck && event === 1 ? new Promise<Rendered>(() => {}) : renderedAs(event)),
    });
    const { shown } = stage.seat(group);
    await stage.append([1]);
    expect(group.busy).toBe(true);
    stuck = false;
    await stage.append(Array.from({ length: 1_500 }, (_, i) => i + 2));
    await eventually('everything is shown', () => shown.length === 1_501);
    expect(shown).toEqual(Array.from({ length: 1_501 }, (_, i) => i + 1));
    expect(group.busy).toBe(false);
  });

  test('what comes in one turn of the event loop is offered at once, in order, and a gap in its place', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const offered: unknown[] = [];
    group.seats.add({
      wantsRepeats: false,
      offer: ({ offers, frames }) => {
        expect(frames).toEqual(offers.map(({ frame }) => frame));
        offered.push(offers.map(({ publication }) => publication.source.event));
        return true;
      },
      lost: ({ reason }) => void offered.push(reason),
      outrun: () => undefined,
    });
    const heard = hearing(stage, group);
    heard(1, 2);
    heard(3);
    group.lost({ reason: 'SOURCE_LOST', missed: null }, null);
    heard(4);
    // Its cursor would be ahead of what was shown.
    expect(group.busy).toBe(true);
    await turns(1);
    expect(offered).toEqual([[1, 2, 3], 'SOURCE_LOST', [4]]);
    expect(group.busy).toBe(false);
  });

  test('a seat that is taken in the middle of a turn is shown what comes after it and nothing from before', async () => {
    await using stage = await Stage.open();
    const group = await stage.group();
    const heard = hearing(stage, group);
    const early = stage.seat(group);
    heard(1);
    const late = stage.seat(group);
    heard(2, 3);
    early.subscription.close();
    await turns(1);
    expect(early.shown).toEqual([]);
    expect(late.shown).toEqual([2, 3]);
  });

  test('large events are offered as they come: a socket’s limit is looked at in between', async () => {
    await using stage = await Stage.open();
    const group = await stage.group('a', { render: ({ event }) => renderedAs(`${event}${'x'.repeat(10_000)}`) });
    const { subscription, cursors, fill } = stage.seat(group);
    fill('next');
    hearing(stage, group)(1, 2, 3, 4);
    await turns(1);
    expect(cursors).toHaveLength(2);
    subscription.close();
  });
});

test('deliveries are what was handed to a socket: of the seats that are parked none, and what they read from history later', async () => {
  await using stage = await Stage.open();
  const counted: [count: number, event: unknown, isLive: boolean][] = [];
  const group = await stage.group('a', {}, (field, count, { source }, latency) => {
    expect(field).toBe('note');
    counted.push([count, source.event, latency !== null]);
  });
  const seats = [stage.seat(group), stage.seat(group), stage.seat(group)];
  seats[0]?.fill();
  await stage.append([1, -2]);
  expect(counted).toEqual([[2, 1, true]]);
  seats[0]?.drain();
  await eventually('it has caught up', () => seats[0]?.shown.length === 1);
  expect(counted.slice(1)).toEqual([[1, 1, false]]);
  // It has coordinates of its own until the group knows them, and is counted alone.
  await stage.append([3]);
  expect(counted.slice(2).reduce((sum, [count]) => sum + count, 0)).toBe(3);
});

/** The group hears events one after the other, without a turn of the event loop in between. */
function hearing(stage: Stage, group: Group) {
  let number = 0;
  return (...events: readonly number[]) => {
    const [head] = stage.hub.heads() as [Position];
    const publications = events.map((event): Publication => {
      const position = { ...head, number: ++number };
      const channel = 'a' as Channel;
      const source = stage.event(event);
      const entry = { channel, position, previous: number - 1, refilled: false, fingerprint: '', bytes: 1, source };
      const publication: Publication = { ...entry, kept: () => publication };
      return publication;
    });
    group.heard(publications, stage.hub.heads());
  };
}

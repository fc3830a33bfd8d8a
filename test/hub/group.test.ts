import { describe, expect, test } from 'vitest';
import type { SourceEvent } from '../../src/event/source-event.js';
import { eventually } from '../support/eventually.js';
import { Stage, slowly } from './stage.js';

describe('a group', () => {
  test('judges and renders each event once, however many seats there are', async () => {
    await using stage = await Stage.open();
    const counted = { judged: 0, rendered: 0 };
    const group = await stage.group('a', {
      permit: () => ({ pass: ++counted.judged > 0, error: null }),
      render: ({ event }: SourceEvent) => `{"data":${++counted.rendered && event}`,
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
      render: (source) => (source.event === 1 ? render.render(source) : `{"data":${source.event}`),
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
      render: (source) => (source.event === 1 ? render.render(source) : `{"data":${source.event}`),
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
      render: ({ event }) => (stuck && event === 1 ? new Promise<string>(() => {}) : `{"data":${event}`),
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
});

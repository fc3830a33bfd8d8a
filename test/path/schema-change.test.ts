import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { relayed } from '../support/relay/relayed.js';

/** `changing` goes by another route than before, `staying` by the same; both take the same topic. */
const sdl = (rule: string) => `
  type Subscription {
    changing: Note! @kafka(topic: "notes") @where(rule: "${rule}") @public
    staying: Note! @kafka(topic: "notes") @where(rule: "event.team == claims.team") }
  type Note { id: Int! userId: ID! team: ID! }`;
const before = sdl('event.userId == claims.sub');
const after = sdl('event.team == claims.team && event.userId == claims.sub');

describe('a schema by which a field goes by another route', () => {
  test('who resumes onto the new route is told that it does not hold what came before', async () => {
    await using w = relayed();
    await w.relay(before);
    const ask = await w.gateway(before);
    const [cursor, staying] = [(await ask('changing')).cursor(), (await ask('staying')).cursor()];
    w.write(1, 2);
    await w.relay(before);
    w.write(3);
    await w.relay(after);

    const again = await w.gateway(after);
    const back = await again('changing', { after: cursor, onGap: 'CONTINUE' });
    await eventually('what goes by the new route', () =>
      expect(back.shown).toEqual([{ id: 3, gap: 'SCHEMA_CHANGED' }]),
    );
    const refused = await again('changing', { after: cursor });
    const gap = { reason: 'SCHEMA_CHANGED', missed: null };
    await eventually('it is refused', () =>
      expect(refused.faults).toMatchObject([{ code: 'CURSOR_EXPIRED', extensions: { gap } }]),
    );
    const oldest = await again('changing', { after: refused.faults[0]?.extensions.oldest });
    await eventually('the oldest cursor works', () => expect(oldest.shown).toEqual([3]));
    // By the way that is as it was, nothing is missing.
    const same = await again('staying', { after: staying });
    await eventually('everything is there', () => expect(same.shown).toEqual([1, 2, 3]));
    expect([...same.faults, ...oldest.faults]).toEqual([]);
  });

  test('whoever listens is told: to the old route, where nothing comes any more, and to the new one, where nothing came', async () => {
    await using w = relayed();
    await w.relay(before);
    const old = await (await w.gateway(before))('changing');
    const gateway = await w.gateway(after);
    const early = await gateway('changing');
    const failing = await gateway('changing', { onGap: 'FAIL' });
    const same = await gateway('staying', { onGap: 'FAIL' });
    w.write(1);
    await w.relay(before);
    w.write(2);
    await w.relay(after);
    const gap = { reason: 'SCHEMA_CHANGED', missed: null };
    await eventually('the old one is told', () => expect(old.stream.gap).toEqual(gap));
    await eventually('the early one is told', () => expect(early.shown).toEqual([{ id: 2, gap: 'SCHEMA_CHANGED' }]));
    expect(failing.faults).toMatchObject([{ code: 'EVENTS_LOST', extensions: { gap } }]);
    expect([same.shown, same.faults, old.shown]).toEqual([[1, 2], [], [1]]);
  });

  test('who was left with a gateway of the old schema is told at the next one, though its cursor is newer than the change', async () => {
    await using w = relayed();
    await w.relay(before);
    const relay = await w.relay(after);
    const ask = await w.gateway(before);
    const [starving, staying] = [await ask('changing'), await ask('staying')];
    w.write(1);
    await relay.take();
    await eventually('the event has gone by', () => expect(staying.shown).toEqual([1]));
    expect(starving.shown).toEqual([]);
    const again = await w.gateway(after);
    const back = await again('changing', { after: starving.cursor(), onGap: 'CONTINUE' });
    const same = await again('staying', { after: staying.cursor() });
    w.write(2);
    await relay.take();
    await eventually('it is told', () => expect(back.shown).toEqual([{ id: 2, gap: 'SCHEMA_CHANGED' }]));
    await eventually('it has all', () => expect(same.shown).toEqual([2]));
    // Told once: its cursors are of the new schema now.
    const later = await again('changing', { after: back.cursor() });
    expect([later.faults, same.faults]).toEqual([[], []]);
  });

  test('a relay that goes on by the same routes, and one that is the first, tell nothing', async () => {
    await using w = relayed();
    const early = await (await w.gateway(after))('changing', { onGap: 'FAIL' });
    w.write(1);
    await w.relay(after);
    w.write(2);
    await w.relay(after);
    await eventually('it has both', () => expect(early.shown).toEqual([1, 2]));
    expect(early.faults).toEqual([]);
  });

  test('a relay of the old schema that wakes cannot write by the old routes unnoticed', async () => {
    await using w = relayed();
    const paused = await w.relay(before);
    await w.relay(after);
    const listening = await (await w.gateway(after))('changing', { onGap: 'FAIL' });
    w.write(1);
    await paused.take();
    await eventually('it is told', () => expect(listening.faults).toMatchObject([{ code: 'EVENTS_LOST' }]));
  });
});

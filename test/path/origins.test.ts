import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { relayed } from '../support/relay/relayed.js';

const sdl = (topic: string) => `
  type Subscription { note: Note! @kafka(topic: "${topic}") @where(rule: "event.userId == claims.sub") }
  type Note { id: Int! userId: ID! }`;
const idsOf = (shown: readonly (number | { readonly id: number })[]) =>
  shown.map((one) => (typeof one === 'number' ? one : one.id));

describe('offsets that count other records than those before', () => {
  test('a topic that comes from another cluster: everybody gets all of it once, though its offsets are lower', async () => {
    await using w = relayed();
    const ask = await w.gateway(sdl('notes'));
    const live = await ask('note');
    w.write(1, 2, 3, 4, 5);
    await w.relay(sdl('notes'));
    await eventually('the old cluster is shown', () => expect(live.shown).toEqual([1, 2, 3, 4, 5]));
    const cursor = live.cursor();

    const other = w.notesIn('other cluster', 'notes');
    const relay = await w.relay(sdl('notes'), other);
    const fresh = await ask('note');
    other.write(11, 12, 13);
    await relay.take();
    await eventually('who is there has the new one too', () =>
      expect(idsOf(live.shown)).toEqual([1, 2, 3, 4, 5, 11, 12, 13]),
    );
    const away = await ask('note', { after: cursor, onGap: 'CONTINUE' });
    await eventually('who was away has it', () => expect(idsOf(away.shown)).toEqual([11, 12, 13]));
    await eventually('who came for it has it', () => expect(idsOf(fresh.shown)).toEqual([11, 12, 13]));
    other.write(14);
    await relay.take();
    await eventually('it goes on', () =>
      expect([live, away, fresh].map(({ shown }) => idsOf(shown).at(-1))).toEqual([14, 14, 14]),
    );
    expect([live, away, fresh].map(({ shown }) => shown.length)).toEqual([9, 4, 4]);
  });

  test('a field that is fed by another topic: who resumes is told, and shown all of it, though its offsets are lower', async () => {
    await using w = relayed();
    w.write(1, 2, 3, 4, 5);
    const before = await (await w.gateway(sdl('notes')))('note');
    const relay = await w.relay(sdl('notes'));
    w.write(6);
    await relay.take();
    await eventually('the old topic is shown', () => expect(before.shown.at(-1)).toBe(6));
    const cursor = before.cursor();

    const other = w.notesIn('c', 'memos');
    const after = await w.relay(sdl('memos'), other);
    other.write(11, 12);
    await after.take();
    const back = await (await w.gateway(sdl('memos')))('note', { after: cursor, onGap: 'CONTINUE' });
    await eventually('all of the new topic', () => expect(back.shown).toEqual([{ id: 11, gap: 'SCHEMA_CHANGED' }, 12]));
  });
});

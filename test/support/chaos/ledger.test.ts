import { describe, expect, test } from 'vitest';
import { ledgerOf, type Note } from './ledger.js';

// A ledger that overlooks something would let the chaos pass whatever the product does.

const noteOf = (id: number, userId = 'ada'): Note => ({ id, userId, room: 'r', sequence: id + 1 });

/** Ada has three notes to come, and Bob none. */
function opened() {
  let time = 0;
  const viewers = ['ada', 'bob'].map((name) => ({ name, sees: (note: Note) => note.userId === name }));
  const ledger = ledgerOf(viewers, () => time);
  ledger.open();
  for (const id of [0, 1, 2]) ledger.add(noteOf(id));
  const hear = (...ids: number[]) => {
    for (const id of ids) ledger.heard(0, noteOf(id));
  };
  const pass = (ms: number) => {
    time += ms;
  };
  return { ledger, hear, pass };
}

describe('the ledger', () => {
  test('has nothing to say when everybody has theirs, once and in order', () => {
    const { ledger, hear } = opened();
    hear(0, 1, 2);
    expect([ledger.verdict(), ledger.owed(3)]).toEqual([[], 0]);
    ledger.add(noteOf(3));
    expect([3, 4].map(ledger.owed)).toEqual([0, 1]);
  });

  test('finds what is lost, twice, out of order and foreign', () => {
    const { ledger, hear } = opened();
    hear(0, 2, 2, 1);
    ledger.add(noteOf(3));
    ledger.heard(1, noteOf(2));
    expect(ledger.verdict()).toEqual([
      'ada: 1 lost, from 3 to 3',
      'ada: twice: 2',
      "ada: out of order: 1, ada's 2 after their 3",
      `bob: foreign: ${JSON.stringify(noteOf(2))}`,
    ]);
    expect(ledger.rows().at(-1)).toMatchObject({ what: 'all', events: 4, lost: 1, told: 0, twice: 1 });
  });

  test('finds a gap that was told without a reason, and an operation that ended', () => {
    const { ledger, hear } = opened();
    hear(0, 1, 2);
    ledger.gap(0, 'LOG_LOST');
    ledger.gap(1, 'TOPIC_RECREATED');
    ledger.failed(1, 'complete');
    expect(ledger.verdict()).toEqual([
      'ada: was told LOG_LOST without a reason, during: none',
      'bob: its operation ended: complete',
      'bob: was told TOPIC_RECREATED without a reason, during: none',
    ]);
  });

  test('accepts what was gone with its topic only when it is told, and only behind what anybody has', () => {
    const { ledger, hear } = opened();
    hear(0);
    ledger.recreated();
    ledger.add(noteOf(3));
    hear(3);
    expect(ledger.verdict()).toEqual(['ada: 2 lost, from 1 to 2']);
    ledger.gap(0, 'TOPIC_RECREATED');
    expect([ledger.verdict(), ledger.rows().at(-1)?.told]).toEqual([[], 2]);
    hear(2);
    expect(ledger.verdict()).toEqual(['ada: 1 lost, from 1 to 1', "ada: out of order: 2, ada's 3 after their 4"]);
  });

  test('accepts what was cut off its topic as gone, and nothing that was produced before or after', () => {
    const { ledger, hear } = opened();
    hear(0);
    ledger.risky();
    for (const id of [3, 4]) ledger.add(noteOf(id));
    ledger.gap(1, 'TOPIC_RECREATED');
    ledger.cut();
    ledger.add(noteOf(5));
    ledger.gap(0, 'TOPIC_RECREATED');
    expect(ledger.verdict()).toEqual([
      'ada: 3 lost, from 1 to 5',
      'bob: was told TOPIC_RECREATED without a reason, during: none',
    ]);
    hear(1, 2, 5);
    expect(ledger.rows().at(-1)).toMatchObject({ lost: 0, told: 2 });
    expect(ledger.verdict()).toEqual(['bob: was told TOPIC_RECREATED without a reason, during: none']);
  });

  test('measures silence within a fault, and recovery to an event produced after it', () => {
    const { ledger, hear, pass } = opened();
    hear(0);
    pass(100);
    const fault = ledger.mark('a fault');
    pass(1_000);
    hear(1);
    pass(500);
    ledger.add(noteOf(3));
    expect(ledger.waiting(fault)).toBe(2);
    hear(2, 3);
    expect(ledger.waiting(fault)).toBe(1);
    expect(ledger.rows()).toMatchObject([
      { what: 'none', times: 1, events: 3, silence: 100 },
      { what: 'a fault', times: 1, events: 1, silence: 1_000, p50: 1_500 },
      { what: 'all', silence: 1_100 },
    ]);
  });
});

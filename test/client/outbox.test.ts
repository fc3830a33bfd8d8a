import { describe, expect, test } from 'vitest';
import { outboxOf } from '../../src/client/outbox.js';
import { eventually } from '../support/eventually.js';

/** An outbox, and what it has sent. */
function watched(limits: Parameters<typeof outboxOf>[1]) {
  const sent: string[] = [];
  const outbox = outboxOf((text) => sent.push(text), limits);
  return {
    ...outbox,
    sent,
    ask: (id: string) => outbox.begin(id, () => `+${id}`),
    leave: (id: string) => outbox.end(id, `-${id}`),
  };
}

describe('a socket with room for two', () => {
  test('is sent a third when one is over, and the end before it', () => {
    const { ask, leave, end, sent } = watched({ subscriptionsPerSocket: 2 });
    for (const id of ['a', 'b', 'c', 'd']) ask(id);
    expect(sent).toEqual(['+a', '+b']);
    leave('a');
    expect(sent).toEqual(['+a', '+b', '-a', '+c']);
    end('b');
    expect(sent).toEqual(['+a', '+b', '-a', '+c', '+d']);
  });

  test('never hears of what was left while it waited', () => {
    const { ask, leave, sent } = watched({ subscriptionsPerSocket: 2 });
    for (const id of ['a', 'b', 'c', 'd']) ask(id);
    leave('c');
    leave('a');
    expect(sent).toEqual(['+a', '+b', '-a', '+d']);
  });

  test('is asked with what is true when its turn has come', () => {
    const { begin, ask, leave, sent } = watched({ subscriptionsPerSocket: 2 });
    let cursor = 1;
    ask('a');
    ask('b');
    begin('c', () => `+c after ${cursor}`);
    cursor = 2;
    leave('a');
    expect(sent.at(-1)).toBe('+c after 2');
  });
});

test('no more is begun in a second than the rate, ends count too, and all goes in time', async () => {
  const { ask, leave, sent, stop } = watched({ messageRate: 4 });
  ask('a');
  ask('b');
  leave('a');
  for (const id of ['c', 'd', 'e', 'f', 'g']) ask(id);
  expect(sent).toEqual(['+a', '+b', '-a', '+c']);
  await eventually('the rest', () => sent.length === 8);
  expect(sent.slice(4)).toEqual(['+d', '+e', '+f', '+g']);
  stop();
});

test('a long message counts for what it is', () => {
  const { begin, sent, stop } = watched({ messageRate: 4 });
  const long = 'x'.repeat(50_000);
  begin('a', () => long);
  begin('b', () => '+b');
  expect(sent).toEqual([long]);
  stop();
});

test('who tells no limits is sent everything', () => {
  const { ask, sent } = watched(undefined);
  for (let id = 0; id < 5_000; id++) ask(`${id}`);
  expect(sent).toHaveLength(5_000);
});

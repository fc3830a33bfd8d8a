import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryTickets, ticketLife, ticketOffice } from '../../../src/serve/identity/tickets.js';

function office() {
  const clock = { now: 1_000_000 };
  const store = memoryTickets(() => clock.now);
  const keys: string[] = [];
  const spied = {
    ...store,
    set(key: string, value: string, ttl: number) {
      keys.push(key);
      return store.set(key, value, ttl);
    },
  };
  return { clock, keys, ...ticketOffice(spied, () => clock.now) };
}

describe('a ticket', () => {
  test('opens one stream; the same again is refused without a cursor', async () => {
    const tickets = office();
    const ticket = await tickets.issue('token', null);
    const first = await tickets.redeem(ticket, false, 's1');
    expect(first?.token).toBe('token');
    expect(await tickets.redeem(ticket, false, 's2')).toBeNull();
    expect(await first?.holds()).toBe(true);
  });

  test('redeemed by two at once is given to one', async () => {
    const tickets = office();
    const ticket = await tickets.issue('token', null);
    const all = await Promise.all(['s1', 's2', 's3'].map((stream) => tickets.redeem(ticket, false, stream)));
    expect(all.filter((one) => one !== null).map(({ token }) => token)).toEqual(['token']);
  });

  test('resumes its stream, and the older one no longer holds it', async () => {
    const tickets = office();
    const ticket = await tickets.issue('token', null);
    const first = await tickets.redeem(ticket, false, 's1');
    tickets.clock.now += 3_600_000;
    const second = await tickets.redeem(ticket, true, 's2');
    expect(second?.token).toBe('token');
    expect(await first?.holds()).toBe(false);
    expect(await second?.holds()).toBe(true);
  });

  test('not used within a minute is worth nothing, with a cursor neither', async () => {
    const tickets = office();
    const ticket = await tickets.issue('token', null);
    tickets.clock.now += ticketLife;
    expect(await tickets.redeem(ticket, true, 's1')).toBeNull();
  });

  test('ends with its token', async () => {
    const tickets = office();
    const ticket = await tickets.issue('token', tickets.clock.now + 30_000);
    const first = await tickets.redeem(ticket, false, 's1');
    tickets.clock.now += 30_000;
    expect(await tickets.redeem(ticket, true, 's2')).toBeNull();
    // Its stream ends by its token, and runs on where that was renewed.
    expect(await first?.holds()).toBe(true);
    const late = await tickets.issue('token', tickets.clock.now - 1);
    expect(await tickets.redeem(late, false, 's3')).toBeNull();
  });

  test('is not what the store keeps: who reads the store cannot use it', async () => {
    const tickets = office();
    const ticket = await tickets.issue('token', null);
    await tickets.redeem(ticket, false, 's1');
    expect(tickets.keys).toHaveLength(2);
    for (const key of tickets.keys) expect(key).not.toContain(ticket);
  });

  test('made up or foreign is refused', async () => {
    const tickets = office();
    expect(await tickets.redeem('made-up', true, 's1')).toBeNull();
  });

  test('of a token without an end resumes its stream for as long as that runs, and for a day after it', async () => {
    const tickets = office();
    const ticket = await tickets.issue('token', null);
    let stream = await tickets.redeem(ticket, false, 's0');
    for (let days = 1; days <= 3; days++) {
      for (let hour = 0; hour < 25; hour++) {
        tickets.clock.now += 3_600_000;
        expect(await stream?.holds()).toBe(true);
      }
      stream = await tickets.redeem(ticket, true, `s${days}`);
      expect(stream?.token).toBe('token');
    }
    tickets.clock.now += 24 * 3_600_000;
    expect(await tickets.redeem(ticket, true, 'late')).toBeNull();
  });
});

test('tickets that were never used are forgotten', async () => {
  const clock = { now: 0 };
  const store = memoryTickets(() => clock.now);
  await store.set('a', '1', 100);
  clock.now = 100;
  await store.set('b', '2', 100);
  expect(await store.get('a')).toBeNull();
  expect(await store.take('b')).toBe('2');
  expect(await store.take('b')).toBeNull();
});

describe('while a clock is set, back and forward by up to an hour', () => {
  const ms = (most: number) => fc.integer({ min: -most, max: most });
  const hour = 3_600_000;
  /** How far off each of the two clocks is, from when. */
  const which = fc.constantFrom('store' as const, 'replica' as const);

  function twoClocks() {
    const at = { time: 1e12, store: 0, replica: 0 };
    const store = memoryTickets(() => at.time + at.store);
    return { at, tickets: ticketOffice(store, () => at.time + at.replica) };
  }

  test('of the store or of a replica, no ticket opens a stream after its minute', async () => {
    const day = fc.array(fc.record({ pass: fc.integer({ min: 0, max: 40_000 }), off: ms(hour) }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(which, ms(hour), day, async (clock, off, days) => {
        const { at, tickets } = twoClocks();
        at[clock] = off;
        const ticket = await tickets.issue('token', null);
        const begun = at.time;
        for (const { pass, off } of days) {
          at.time += pass;
          at[clock] = off;
        }
        const redeemed = await tickets.redeem(ticket, true, 's1');
        if (at.time - begun >= ticketLife) expect(redeemed).toBeNull();
      }),
    );
  });

  test('of both together, as on one machine, a ticket is not good for an hour', async () => {
    const { at, tickets } = twoClocks();
    const ticket = await tickets.issue('token', null);
    [at.store, at.replica] = [-hour, -hour];
    at.time += ticketLife;
    expect(await tickets.redeem(ticket, true, 's1')).toBeNull();
  });

  test('of the store, a ticket that was used resumes its stream until its token ends, and no longer', async () => {
    const moment = fc.record({ pass: fc.integer({ min: 1, max: 600_000 }), off: ms(hour), beats: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(moment, { maxLength: 10 }), async (days) => {
        const { at, tickets } = twoClocks();
        const end = at.time + hour;
        const ticket = await tickets.issue('token', end);
        let stream = await tickets.redeem(ticket, false, 's');
        for (const [n, { pass, off, beats }] of days.entries()) {
          at.time += pass;
          at.store = off;
          if (beats) expect(await stream?.holds()).toBe(true);
          const resumed = await tickets.redeem(ticket, true, `s${n}`);
          expect(resumed?.token ?? null).toBe(at.time < end ? 'token' : null);
          stream = resumed ?? stream;
        }
      }),
    );
  });
});

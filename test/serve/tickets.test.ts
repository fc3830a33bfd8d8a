import { describe, expect, test } from 'vitest';
import { memoryTickets, ticketLife, ticketOffice } from '../../src/serve/tickets.js';

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

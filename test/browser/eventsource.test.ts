import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { fleet, pay, positions, sampleRiver, subscribed } from '../support/sample.js';
import { type Door, door } from '../support/servers/door.js';
import { browser } from './chromium.js';

interface Heard {
  readonly events: { readonly result: Result; readonly id: string }[];
  readonly state: number;
}

/** `new EventSource(path)` in the page, the browser's own. */
async function listen(page: Page, path: string, withCredentials = false): Promise<() => Promise<Heard>> {
  const at = await page.evaluateHandle(
    ({ path, withCredentials }) => {
      const source = new EventSource(path, { withCredentials });
      const events: { result: unknown; id: string }[] = [];
      source.addEventListener('next', ({ data, lastEventId }) => {
        events.push({ result: JSON.parse(data), id: lastEventId });
      });
      return { source, events };
    },
    { path, withCredentials },
  );
  return () =>
    at.evaluate(({ source, events }) => ({ events: [...events], state: source.readyState })) as Promise<Heard>;
}

const asking = (query: string, more: Record<string, string> = {}) =>
  `/graphql/stream?${new URLSearchParams({ query, ...more })}`;
const trams = asking('subscription { vehicle { lat } }');
const mine = 'subscription { transaction { id } }';
const latsOf = ({ events }: Heard) => events.map(({ result }) => result.data.vehicle.lat);
const idsOf = ({ events }: Heard) => events.map(({ result }) => result.data.transaction.id);
/** A page of the gateway's own origin that asks for nothing more. */
const plain = ({ url }: { url: string }) => url.replace('/graphql', '/healthz');
const closed = 2;

/** Breaks the stream, as the network does, and gives the browser no way back until something was missed. */
async function whileAway(front: Door, back: { url: string }, happen: () => Promise<void>) {
  front.lead({ url: 'http://127.0.0.1:1/graphql' });
  front.cut();
  await happen();
  front.lead(back);
}

describe("the browser's own EventSource", () => {
  test('hears next events with their ids, and resumes by itself on another replica after its stream was killed', async () => {
    await using chromium = await browser();
    await using r = await sampleRiver();
    const other = await r.replica();
    await using front = await door(r);
    const heard = await listen(await chromium.open(plain(front)), trams);
    await subscribed(r, 1);
    for (const lat of [1, 2]) await r.publish(fleet, positions(lat, `tram-${lat}`));
    const { events } = await eventually('two events', async () => {
      const now = await heard();
      return now.events.length === 2 ? now : null;
    });
    for (const { result, id } of events) expect(id).toBe(result.extensions.cursor);
    await whileAway(front, other, async () => {
      for (const lat of [3, 4, 5]) await r.publish(fleet, positions(lat, `tram-${lat}`));
    });
    await eventually('what it missed', async () => (await heard()).events.length >= 5);
    await r.publish(fleet, positions(6, 'tram-6'));
    await eventually('what is new', async () => (await heard()).events.length >= 6);
    expect(latsOf(await heard())).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('resumes a stream that had shown nothing yet: its position came with the first byte', async () => {
    await using chromium = await browser();
    await using r = await sampleRiver();
    await using front = await door(r);
    const heard = await listen(await chromium.open(plain(front)), trams);
    await subscribed(r, 1);
    await eventually('it is open', async () => (await heard()).state === 1);
    await whileAway(front, r, async () => {
      await subscribed(r, 0);
      await r.publish(fleet, positions(1, 'tram-6-01'));
    });
    await eventually('what it missed', async () => (await heard()).events.length >= 1);
    await r.publish(fleet, positions(2, 'tram-6-02'));
    await eventually('what is new', async () => (await heard()).events.length >= 2);
    expect(latsOf(await heard())).toEqual([1, 2]);
  });

  test('comes back after a rolling restart, which ends every stream', async () => {
    await using chromium = await browser();
    await using r = await sampleRiver();
    const other = await r.replica();
    await using front = await door(r);
    const heard = await listen(await chromium.open(plain(front)), trams);
    await subscribed(r, 1);
    await r.publish(fleet, positions(1, 'tram-6-01'));
    await eventually('an event', async () => (await heard()).events.length === 1);
    front.lead(other);
    await r.retire();
    await r.publish(fleet, positions(2, 'tram-6-02'));
    await eventually('what it missed', async () => (await heard()).events.length >= 2);
    expect(latsOf(await heard())).toEqual([1, 2]);
  });

  test('signs in by a ticket from fetch, and resumes with it', async () => {
    await using chromium = await browser();
    await using r = await sampleRiver();
    await using front = await door(r);
    const page = await chromium.open(plain(front));
    const ticket = await page.evaluate(
      async (token) => {
        const answer = await fetch('/graphql/ticket', {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
        });
        return ((await answer.json()) as { ticket: string }).ticket;
      },
      await tokenFor({ sub: 'ada' }),
    );
    const heard = await listen(page, asking(mine, { ticket }));
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', async () => (await heard()).events.length === 1);
    await whileAway(front, r, async () => {
      await pay(r, 'grace', 2);
      await pay(r, 'ada', 3);
    });
    await eventually('what it missed', async () => (await heard()).events.length >= 2);
    await pay(r, 'ada', 4);
    await eventually('what is new', async () => (await heard()).events.length >= 3);
    expect(idsOf(await heard())).toEqual(['1', '3', '4']);

    const copied = await listen(page, asking(mine, { ticket }));
    await eventually('a copied address is refused', async () => (await copied()).state === closed);
  });

  test("signs in by the cookie on the gateway's own pages; another origin's page is refused with it", async () => {
    await using chromium = await browser();
    await using r = await sampleRiver();
    await using elsewhere = await sampleRiver();
    const value = await tokenFor({ sub: 'ada' });
    // Cookies do not know ports: both origins send it.
    await chromium.context.addCookies([{ name: 'tailrace_token', value, url: r.url, httpOnly: true, sameSite: 'Lax' }]);
    const heard = await listen(await chromium.open(plain(r)), asking(mine));
    await subscribed(r, 1);
    const stolen = await listen(await chromium.open(plain(elsewhere)), new URL(asking(mine), r.url).href, true);
    await eventually('the other page is refused', async () => (await stolen()).state === closed);
    await pay(r, 'grace', 1);
    await pay(r, 'ada', 2);
    await eventually('her event', async () => (await heard()).events.length === 1);
    expect(idsOf(await heard())).toEqual(['2']);
    expect((await stolen()).events).toEqual([]);
  });

  test('is stopped by what can never succeed', async () => {
    await using chromium = await browser();
    await using r = await sampleRiver();
    const page = await chromium.open(plain(r));
    for (const query of [mine, 'subscription { nothing }', 'mutation { sendTyping(room: "a") }']) {
      const heard = await listen(page, asking(query));
      await eventually(`${query} is refused`, async () => (await heard()).state === closed);
    }
  });
});

import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type River, tokenFor } from '../support/river.js';
import { pay, paymentsUpTo, sampleRiver, subscribed } from '../support/sample.js';
import { balancer } from '../support/servers/balancer.js';
import { bundled } from './bundled.js';
import { browser } from './chromium.js';
import type * as reactPage from './react-page.js';

/** As the page has it. */
declare const page: typeof reactPage;

/** With the checks of React's development, as StrictMode's second mount is one. */
function bundledWith(version: string): Promise<string> {
  const at = (name: string) => (version === '19' ? name : `react-18/node_modules/${name}`);
  return bundled('page', {
    entryPoints: ['test/browser/react-page.ts'],
    alias: { react: at('react'), 'react-dom': at('react-dom') },
    define: { 'process.env.NODE_ENV': '"development"' },
  });
}

/** A page of ada's behind two replicas, whose messages to them are counted by type. */
async function opened(r: River, script: string, wish: reactPage.Wish = {}) {
  const chromium = await browser();
  const other = await r.replica();
  const front = await balancer([r, other].map(({ url }) => Number(new URL(url).port)));
  const tab: Page = await chromium.open(`http://127.0.0.1:${front.port}/healthz`);
  const sent = { subscribe: 0, complete: 0 };
  const sockets = new Set<unknown>();
  tab.on('websocket', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('framesent', ({ payload }) => {
      const { type } = JSON.parse(String(payload)) as { type: keyof typeof sent };
      if (type in sent) sent[type]++;
    });
  });
  await tab.addScriptTag({ content: script });
  await tab.evaluate(({ token, wish }) => page.start(token, wish), { token: await tokenFor({ sub: 'ada' }), wish });
  return {
    front,
    other,
    sent,
    sockets,
    /** But for the icon, which no gateway has. */
    faults: () => chromium.faults.filter((fault) => !fault.includes('status of 404')),
    look: () => tab.evaluate(() => page.look()),
    wish: (next: reactPage.Wish) => tab.evaluate((next) => page.wish(next), next),
    unmount: () => tab.evaluate(() => page.unmount()),
    async [Symbol.asyncDispose]() {
      await chromium[Symbol.asyncDispose]();
      await front[Symbol.asyncDispose]();
    },
  };
}

describe.each(['18', '19'])('React %s', async (version) => {
  const script = await bundledWith(version);

  test('shows every event once and in order while sockets are cut and a replica retires, in fewer renders', async () => {
    await using r = await sampleRiver();
    await using tab = await opened(r, script);
    const { front } = tab;
    await eventually('nothing is missed from here on', async () => (await tab.look()).ready);
    let last = 0;
    for (let round = 0; round < 8; round++) {
      await pay(r, 'ada', ++last, ++last);
      await pay(r, 'grace', 1_000 + last);
      if (round === 4) await tab.other.retire();
      front.cut();
      await pay(r, 'ada', ++last);
      await eventually('all has arrived', async () => (await tab.look()).ids.length >= last);
    }
    front.refuse();
    await eventually('the indicator says so', async () => (await tab.look()).state === 'resuming');
    const before = (await tab.look()).renders;
    for (let more = 0; more < 80; more++) await pay(r, 'ada', ++last);
    front.open();
    await eventually('all of the catch-up', async () => (await tab.look()).ids.length >= last);
    await eventually('the indicator is live', async () => (await tab.look()).state === 'live');
    const { ids, heard, renders, error, gap } = await tab.look();
    expect([ids, heard]).toEqual([paymentsUpTo(last), paymentsUpTo(last)]);
    // StrictMode renders twice; then the indicator's own changes.
    expect(renders - before).toBeLessThan(60);
    expect([error, gap]).toEqual(['', '']);
  });

  test("StrictMode's second mount opens nothing twice, and unmounting leaves the server and closes the socket", async () => {
    await using r = await sampleRiver();
    await using tab = await opened(r, script);
    await eventually('nothing is missed from here on', async () => (await tab.look()).ready);
    expect(tab.sent).toEqual({ subscribe: 1, complete: 0 });
    await pay(r, 'ada', 1);
    await eventually('its event', async () => (await tab.look()).ids.length === 1);
    await tab.unmount();
    await subscribed(r, 0);
    expect(tab.sent).toEqual({ subscribe: 1, complete: 1 });
    await eventually('its socket is closed', () => tab.sockets.size === 0);
  });

  test('equal variables ask for nothing new, others leave the old subscription and begin anew', async () => {
    await using r = await sampleRiver();
    await using tab = await opened(r, script, { least: 20 });
    await eventually('nothing is missed from here on', async () => (await tab.look()).ready);
    await pay(r, 'ada', 1, 2, 3);
    await eventually('what is large', async () => (await tab.look()).ids.length === 2);
    const { renders } = await tab.look();
    await tab.wish({ least: 20 });
    await eventually('it has rendered', async () => (await tab.look()).renders > renders);
    expect(tab.sent).toEqual({ subscribe: 1, complete: 0 });
    await tab.wish({ least: 40 });
    await eventually('it asks anew', async () => (await tab.look()).ready && tab.sent.subscribe === 2);
    expect([(await tab.look()).ids, tab.sent]).toEqual([[], { subscribe: 2, complete: 1 }]);
    await subscribed(r, 1);
    await pay(r, 'ada', 3, 4);
    await eventually('what is larger', async () => (await tab.look()).ids.length > 0);
    expect((await tab.look()).ids).toEqual([4]);
    await tab.wish({ least: 40, skip: true });
    await subscribed(r, 0);
    expect((await tab.look()).ids).toEqual([4]);
    expect(tab.faults()).toEqual([]);
  });

  test('a store outlives its row: scrolled back into sight it has all that came meanwhile, and nothing twice', async () => {
    await using r = await sampleRiver();
    await using tab = await opened(r, script, { outlives: true });
    await eventually('nothing is missed from here on', async () => (await tab.look()).ready);
    await pay(r, 'ada', 1, 2);
    await eventually('its events', async () => (await tab.look()).ids.length === 2);
    await tab.wish({ away: true });
    await subscribed(r, 0);
    await pay(r, 'ada', 3, 4);
    await tab.wish({ outlives: true });
    await eventually('what came meanwhile', async () => (await tab.look()).ids.length >= 4);
    await pay(r, 'ada', 5);
    await eventually('what is new', async () => (await tab.look()).ids.length >= 5);
    expect((await tab.look()).ids).toEqual([1, 2, 3, 4, 5]);
  });
});

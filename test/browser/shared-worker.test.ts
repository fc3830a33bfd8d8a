import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { tokenFor } from '../support/river.js';
import { pay, paymentsUpTo, sampleRiver, subscribed } from '../support/sample.js';
import { balancer } from '../support/servers/balancer.js';
import { bundled } from './bundled.js';
import { browser } from './chromium.js';
import type * as tabsPage from './tabs-page.js';

/** As the page has it. */
declare const page: typeof tabsPage;

const [pageScript, workerScript] = await Promise.all(
  ['tabs-page', 'tabs-worker'].map((file) => bundled('page', { entryPoints: [`test/browser/${file}.ts`] })),
);

/** Where the page comes from: a server of its own, so that nothing but WebSockets comes to the gateway's address. */
async function site() {
  const server = createServer(({ url = '' }, response) => {
    const isWorker = url.startsWith('/worker.js');
    response.writeHead(url.startsWith('/none') ? 404 : 200, {
      'content-type': isWorker ? 'text/javascript' : 'text/html',
    });
    response.end(isWorker ? workerScript : '<!doctype html><title>Tabs</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A browser whose tabs have one worker, and a gateway of two replicas at one address. */
async function scene() {
  const at = await site();
  const r = await sampleRiver({ origins: [at.origin] });
  const other = await r.replica();
  const front = await balancer([r, other].map(({ url }) => Number(new URL(url).port)));
  const chromium = await browser();
  const url = `ws://127.0.0.1:${front.port}/graphql`;
  const worker = `${at.origin}/worker.js?${new URLSearchParams({ url })}`;

  async function tab(given: Partial<tabsPage.Given> & { listens?: boolean } = {}) {
    const opened: Page = await chromium.open(at.origin);
    await opened.addScriptTag({ content: pageScript });
    const { listens = true, viewer = 'ada', ...more } = given;
    await opened.evaluate((given) => page.start(given), {
      worker,
      url,
      viewer,
      token: await tokenFor({ sub: viewer }),
      ...more,
    });
    const look = async () => {
      const { wrong, ...seen } = await opened.evaluate(() => page.look());
      expect(wrong).toEqual([]);
      return seen;
    };
    if (listens) {
      await opened.evaluate(() => void page.listen());
      await eventually('nothing is missed from here on', async () => (await look()).ready === 1);
    }
    const has = (count: number) => eventually(`${count} events`, async () => (await look()).ids.length >= count);
    return { page: opened, look, has };
  }

  return {
    r,
    other,
    front,
    worker,
    origin: at.origin,
    tab,
    async [Symbol.asyncDispose]() {
      await chromium[Symbol.asyncDispose]();
      await front[Symbol.asyncDispose]();
      await r[Symbol.asyncDispose]();
      await at[Symbol.asyncDispose]();
    },
  };
}

test('all tabs share one socket, each has every event once, and it closes with the last of them', async () => {
  await using s = await scene();
  const one = await s.tab();
  const other = await s.tab();
  await subscribed(s.r, 2);
  expect(s.front.connections()).toBe(1);
  let last = 0;
  for (let round = 0; round < 8; round++) {
    await pay(s.r, 'ada', ++last, ++last);
    await pay(s.r, 'grace', 1_000 + last);
    s.front.cut();
    if (round === 4) await s.other.retire();
    await pay(s.r, 'ada', ++last);
    await one.has(last);
  }
  await other.has(last);
  expect([(await one.look()).ids, (await other.look()).ids]).toEqual([paymentsUpTo(last), paymentsUpTo(last)]);
  expect(s.front.connections()).toBe(1);
  await one.page.close();
  await subscribed(s.r, 1);
  await pay(s.r, 'ada', ++last);
  await other.has(last);
  expect((await other.look()).ids).toEqual(paymentsUpTo(last));
  await other.page.close();
  await eventually('its socket is closed', () => s.front.connections() === 0);
});

test('a tab that is killed is noticed, also with the worker in its process, and the other one misses nothing', async () => {
  await using s = await scene();
  // The worker lives in the process of the tab that made it.
  const first = await s.tab();
  const second = await s.tab();
  await pay(s.r, 'ada', 1, 2);
  await second.has(2);
  await first.page.goto('chrome://crash').catch(() => undefined);
  await pay(s.r, 'ada', 3);
  await second.has(3);
  await subscribed(s.r, 1);
  await pay(s.r, 'ada', 4);
  await second.has(4);
  expect((await second.look()).ids).toEqual(paymentsUpTo(4));
  expect((await second.look()).ready).toBe(1);
  expect(s.front.connections()).toBe(1);
});

test('a worker that ends is started again, and every tab goes on where it was', async () => {
  await using s = await scene();
  const tabs = [await s.tab(), await s.tab()];
  await pay(s.r, 'ada', 1, 2);
  for (const { has } of tabs) await has(2);
  await tabs[0]?.page.evaluate((worker) => page.killWorker(worker), s.worker);
  await subscribed(s.r, 0);
  await pay(s.r, 'ada', 3, 4);
  for (const { has } of tabs) await has(4);
  await pay(s.r, 'ada', 5);
  for (const { has, look } of tabs) {
    await has(5);
    expect((await look()).ids).toEqual(paymentsUpTo(5));
  }
  expect(s.front.connections()).toBe(1);
});

test('two viewers never share a socket, and each tab has its own events', async () => {
  await using s = await scene();
  const ada = await s.tab();
  const grace = await s.tab({ viewer: 'grace' });
  expect(s.front.connections()).toBe(2);
  await pay(s.r, 'ada', 1);
  await pay(s.r, 'grace', 2);
  await ada.has(1);
  await grace.has(1);
  expect([(await ada.look()).ids, (await grace.look()).ids]).toEqual([[1], [2]]);
});

test('a tab that goes on begins where the one before it was, not at now, and is shown nothing from before', async () => {
  await using s = await scene();
  // It keeps the worker, and with it the connection, alive.
  await s.tab({ listens: false });
  const first = await s.tab({ goesOn: true });
  await pay(s.r, 'ada', 1, 2);
  await first.has(2);
  await first.page.close();
  await subscribed(s.r, 0);
  await pay(s.r, 'ada', 3, 4);
  const second = await s.tab({ goesOn: true });
  const third = await s.tab();
  await second.has(2);
  await pay(s.r, 'ada', 5);
  await second.has(3);
  await third.has(1);
  const { ids } = await second.look();
  // What its predecessor had shown in its last moments it may not have told: such an event comes again.
  expect(ids.slice(-3)).toEqual([3, 4, 5]);
  expect(ids).toEqual(paymentsUpTo(5).slice(-ids.length));
  expect((await third.look()).ids).toEqual([5]);
});

test('where the worker cannot be started a tab has a socket of its own', async () => {
  await using s = await scene();
  const one = await s.tab({ worker: `${s.origin}/none.js` });
  const other = await s.tab({ worker: `${s.origin}/none.js` });
  expect([(await one.look()).alone, (await other.look()).alone, s.front.connections()]).toEqual([1, 1, 2]);
  await pay(s.r, 'ada', 1);
  await one.has(1);
  await other.has(1);
  expect((await one.look()).ids).toEqual([1]);
});

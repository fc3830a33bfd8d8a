import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { opened } from '../support/opened.js';
import { launch } from './chromium.js';
import { dragScrollbar, scrollThrough } from './dashboard/scrolling.js';
import { sleep } from './dashboard/sleeping.js';
import { type Stage, stage } from './dashboard/stage.js';
import { visit } from './dashboard/visit.js';

// examples/dashboard as it is built, behind the proxies of examples/proxies, at default limits. Everything has a number:
// what a page has shown is held against what Kafka was given.

const proxies = ['nginx', 'HAProxy'] as const;
const users = ['scrolls', 'train', 'tokens', 'strict', 'tabs', 'hidden', 'wall', 'deploys'];

const scope = opened();
let browser: Browser;
let all: Stage;
beforeAll(async () => {
  all = scope.use(await stage(users, (user) => (user === 'tokens' ? 15_000 : 300_000)));
  browser = await launch();
  scope.defer(() => browser.close());
}, 120_000);
afterAll(() => scope[Symbol.asyncDispose]());

/** What lasts is counted by what was sent meanwhile: one number a second. */
const sentMeanwhile = (count: number) => {
  const end = all.events.last() + count;
  return eventually(`${count} more are sent`, () => all.events.last() >= end, { within: 3_000 * count, every: 100 });
};

describe.concurrent('a dashboard of 168 live rows has no dead row, shows nothing twice and loses nothing', () => {
  test('when it was offline for 110 s, as on a train, and events come soon after', { timeout: 300_000 }, async () => {
    const visits = await Promise.all(proxies.map((proxy) => visit(browser, all, { user: 'train', proxy })));
    await Promise.all(visits.map(({ context }) => context.setOffline(true)));
    await Promise.all(
      visits.map(({ page }) => page.waitForSelector('.connection[data-state=offline]', { timeout: 60_000 })),
    );
    await sentMeanwhile(110);
    await Promise.all(visits.map(({ context }) => context.setOffline(false)));
    // A page that waits ever longer between its attempts takes a minute more.
    await Promise.all(visits.map(({ lives }) => lives()));
    for (const { judge } of visits) await judge();
  });

  test('while its tokens live for 15 s, and its socket is the same for a minute', { timeout: 180_000 }, async () => {
    const { page, judge, shown } = await visit(browser, all, { user: 'tokens', proxy: 'nginx' });
    const sockets: string[] = [];
    page.on('websocket', (socket) => sockets.push(socket.url()));
    await sentMeanwhile(60);
    await judge();
    expect(all.site.tokens('tokens')).toBeGreaterThan(3);
    expect(sockets).toEqual([]);
    expect((await shown()).states).toEqual(['connecting', 'live']);
  });

  test('when it slept in the background and comes back', { timeout: 180_000 }, async () => {
    await using sleeper = await launch();
    const { lives, judge } = await visit(sleeper, all, { user: 'hidden', proxy: 'HAProxy' });
    const wake = await sleep(sleeper);
    // Longer than a client may be silent: its gateway gives the socket up, and the page knows nothing of it.
    await sentMeanwhile(45);
    wake();
    await lives();
    await judge();
  });

  test('under StrictMode, which mounts everything twice', { timeout: 120_000 }, async () => {
    const { page, judge } = await visit(browser, all, { user: 'strict', proxy: 'HAProxy', path: '/strict/' });
    await scrollThrough(page, 2);
    await judge();
  });

  test('on a wall that shows all of them, which are subscribed at once', { timeout: 120_000 }, async () => {
    const { page, judge } = await visit(browser, all, { user: 'wall', proxy: 'nginx', height: 7_800 });
    expect(await page.locator('.vehicle').count()).toBe(168);
    await judge();
  });

  test('in two tabs', { timeout: 120_000 }, async () => {
    const first = await visit(browser, all, { user: 'tabs', proxy: 'nginx' });
    const second = await visit(browser, all, { user: 'tabs', proxy: 'nginx', context: first.context });
    await Promise.all([scrollThrough(first.page, 2), scrollThrough(second.page, 2)]);
    for (const { judge } of [first, second]) await judge();
  });

  test.each(proxies)(
    'when the whole list is scrolled in a second, four times, and dragged for eight, behind %s',
    { timeout: 120_000 },
    async (proxy) => {
      const { page, judge, lives } = await visit(browser, all, { user: 'scrolls', proxy });
      await scrollThrough(page, 4);
      await lives();
      await dragScrollbar(page, 8_000);
      await judge();
    },
  );
});

test('a dashboard goes on when a gateway is killed, and when both are restarted in turn', {
  timeout: 240_000,
}, async () => {
  const visits = await Promise.all(proxies.map((proxy) => visit(browser, all, { user: 'deploys', proxy })));
  const alive = () => Promise.all(visits.map(({ lives }) => lives()));
  const [first, second] = all.gateways;
  for (const [gateway, signal] of [
    [first, 'SIGKILL'],
    [first, 'SIGTERM'],
    [second, 'SIGTERM'],
  ] as const) {
    await gateway.end(signal);
    await alive();
    await gateway.start();
  }
  for (const { judge } of visits) await judge();
});

import { deepStrictEqual } from 'node:assert/strict';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { eventually } from '../../support/eventually.js';
import { record, type Shown } from './recorder.js';
import type { Stage } from './stage.js';

/** What a browser itself says of a connection that did not come about; nothing else may stand in the console. */
const ownOfBrowser = /^WebSocket connection to \S+ failed|^Failed to load resource: (net::|.* status of 50[234])/;

/** Rows that the smallest window shows. */
const fewest = 15;

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  shown(): Promise<Shown>;
  /**
   * Resolves when every row that is mounted, and the payments, show what was sent after the call; rejects when they do not
   * and so many more are sent.
   */
  lives(patience?: number): Promise<void>;
  /** Nothing twice, nothing lost, nothing in the console. */
  judge(): Promise<void>;
}

/** The page as a user opens it; in the `context` of another visit it is a second tab. */
export async function visit(
  browser: Browser,
  { events, proxies }: Stage,
  { user, proxy, path = '/', height = 800, context: given }: Place,
): Promise<Visit> {
  const context =
    given ??
    (await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height }, reducedMotion: 'reduce' }));
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  page.on('console', (message) => {
    const text = message.text();
    if (['error', 'warning'].includes(message.type()) && !ownOfBrowser.test(text)) faults.push(text);
  });
  // tsx has every function named by a helper of its own, which a page does not have.
  await page.addInitScript('globalThis.__name ??= (named) => named');
  await page.addInitScript(record);
  await page.goto(`${proxies[proxy].origin}${path}?${new URLSearchParams({ user })}`);
  const shown = () => page.evaluate(() => (window as unknown as { shown: Shown }).shown);

  /** What keeps the page from showing everything since then; null when it does. */
  async function lacks(since: number): Promise<string | null> {
    const rows = await page.$$eval('.vehicle', (all) =>
      all.map((row) => {
        const { id, time = '0' } = (row as HTMLElement).dataset;
        return { id, time: Number(time) };
      }),
    );
    const dead = rows.filter(({ time }) => time < since).map(({ id, time }) => `${id} at ${time}`);
    const { last, states } = await shown();
    if (rows.length >= fewest && dead.length === 0 && (last ?? 0) >= since) return null;
    return `${states.slice(-4).join(', ')}; payment ${last}; dead are ${dead.length} of ${rows.length}: ${dead.join(', ')}`;
  }

  async function lives(patience = 20) {
    const since = events.last() + 1;
    const what = `every row of ${user} behind ${proxy} shows ${since}`;
    const isOver = async () => (await lacks(since)) === null || events.last() > since + patience;
    await eventually(what, isOver, { within: 10_000 * patience, every: 100 });
    const why = await lacks(since);
    if (why !== null) throw new Error(`Not before ${events.last()}: ${what}. ${why}`);
  }

  async function judge() {
    await lives();
    const gaps = await page.$$eval('.gap', (all) => all.map(({ textContent }) => textContent));
    deepStrictEqual({ shown: (await shown()).faults, console: faults, gaps }, { shown: [], console: [], gaps: [] });
  }

  await lives(60);
  return { page, context, shown, lives, judge };
}

interface Place {
  readonly user: string;
  readonly proxy: keyof Stage['proxies'];
  readonly path?: string;
  /** Of the window, in pixels. */
  readonly height?: number;
  readonly context?: BrowserContext;
}

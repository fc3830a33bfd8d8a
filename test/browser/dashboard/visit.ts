import { deepStrictEqual } from 'node:assert/strict';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { eventually, type Patience } from '../../support/eventually.js';
import { record, type Shown } from './recorder.js';
import type { Stage } from './stage.js';

/** What a browser itself says of a connection that did not come about; nothing else may stand in the console. */
const ownOfBrowser = /^WebSocket connection to \S+ failed|^Failed to load resource: (net::|.* status of 50[234])/;

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  shown(): Promise<Shown>;
  /** Resolves when every row that is mounted, and the payments, show what was sent after the call. */
  lives(patience?: Patience): Promise<void>;
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
  await page.addInitScript(record);
  await page.goto(`${proxies[proxy].origin}${path}?${new URLSearchParams({ user })}`);
  const shown = () => page.evaluate(() => (window as unknown as { shown: Shown }).shown);

  async function lives(patience: Patience = { within: 30_000 }) {
    const since = events.last() + 1;
    const all = async () => {
      const rows = await page.$$eval('.vehicle', (all) =>
        all.map((row) => ({
          id: (row as HTMLElement).dataset.id,
          time: Number((row as HTMLElement).dataset.time ?? 0),
        })),
      );
      const dead = rows.filter(({ time }) => time < since).map(({ id, time }) => `${id} at ${time}`);
      const { last } = await shown();
      if (rows.length < 15 || dead.length > 0) throw new Error(`${dead.length} of ${rows.length}: ${dead.join(', ')}`);
      if ((last ?? 0) < since) throw new Error(`the last payment is ${last}`);
      return true;
    };
    await eventually(`every row of ${user} at ${proxy} shows ${since} or later`, all, { every: 100, ...patience });
  }

  async function judge() {
    await lives();
    const gaps = await page.$$eval('.gap', (all) => all.map(({ textContent }) => textContent));
    deepStrictEqual({ shown: (await shown()).faults, console: faults, gaps }, { shown: [], console: [], gaps: [] });
  }

  await lives({ within: 60_000 });
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

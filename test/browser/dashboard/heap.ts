import type { CDPSession } from 'playwright-core';
import { launch } from '../chromium.js';
import { scrollThrough } from './scrolling.js';
import { stage } from './stage.js';
import { trendOf } from './trend.js';
import { visit } from './visit.js';

// `npm run dashboard:heap`: once the list of payments is full, which takes three minutes and a half, it scrolls the dashboard
// for HEAP_MINUTES=10 and looks whether its heap stays flat. Fails where it rises by more than chance, and by more than a
// hundredth of itself a minute.

const minutes = Number(process.env.HEAP_MINUTES ?? 10);

/** Bytes that are in use after a collection, and what hangs on them. */
async function measure(devtools: CDPSession) {
  await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await devtools.send('Memory.getDOMCounters');
  return { bytes: usedSize, nodes, listeners: jsEventListeners };
}

await using all = await stage(['heap'], () => 60_000);
const browser = await launch();
try {
  const { page, context, judge } = await visit(browser, all, { user: 'heap', proxy: 'nginx' });
  const devtools = await context.newCDPSession(page);
  // Until as many payments are listed as the page keeps, its heap grows by them.
  while ((await page.locator('.payments li').count()) < 200) await scrollThrough(page, 10);
  const points: [minute: number, bytes: number][] = [];
  const begin = performance.now();
  const passed = () => (performance.now() - begin) / 60_000;
  console.log('minute      MB   nodes  listeners');
  while (passed() < minutes) {
    await scrollThrough(page, 10);
    const { bytes, nodes, listeners } = await measure(devtools);
    points.push([passed(), bytes]);
    const cells = [passed().toFixed(2).padStart(6), (bytes / 1e6).toFixed(2).padStart(7)];
    console.log(`${cells.join(' ')} ${String(nodes).padStart(7)} ${String(listeners).padStart(10)}`);
  }
  await judge();
  const { slope, error } = trendOf(points);
  const share = (slope / (points[0]?.[1] ?? 1)) * 100;
  const rises = slope > 3 * error && share > 1;
  console.log(
    `${(slope / 1e3).toFixed(1)} ± ${(error / 1e3).toFixed(1)} KB a minute, ${share.toFixed(2)} %: ${rises ? 'it rises' : 'flat'}`,
  );
  process.exitCode = rises ? 1 : 0;
} finally {
  await browser.close();
}

import type { Browser } from 'playwright-core';

/**
 * Stops the processes of all pages, as a phone does with what is in the background: no timer rings, nothing is answered.
 * Chromium's own freezing (`Page.setWebLifecycleState`) does nothing to a page that it takes for visible, and without a
 * screen each is. Gives what wakes them.
 */
export async function sleep(browser: Browser): Promise<() => void> {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  await devtools.detach();
  const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  if (pages.length === 0) throw new Error('no page has a process');
  const all = (signal: NodeJS.Signals) => {
    for (const pid of pages) process.kill(pid, signal);
  };
  all('SIGSTOP');
  return () => all('SIGCONT');
}

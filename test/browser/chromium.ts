import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type Browser as Chromium, chromium, type Page } from 'playwright-core';
import { chromiumPath } from '../support/servers/services.js';

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Browser extends AsyncDisposable {
  readonly context: BrowserContext;
  /** A page at this address. */
  open(url: string): Promise<Page>;
  /** The hosts that any page or worker has asked for something. */
  readonly hosts: Set<string>;
  /** What pages threw or wrote to their console as an error. */
  readonly faults: string[];
}

/** Headless Chromium with a profile of its own, which remembers until the end of the scope. `flags` are Chromium's own. */
export async function browser(...flags: readonly string[]): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'tailrace-chromium-'));
  const viewport = { width: 1280, height: 800 };
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    args: [...args, ...flags],
    viewport,
  });
  const hosts = new Set<string>();
  const faults: string[] = [];
  context.on('request', (request) => {
    const url = new URL(request.url().replace(/^blob:/, ''));
    hosts.add(url.protocol === 'data:' ? 'data:' : url.hostname);
  });
  context.on('weberror', (error) => faults.push(error.error().message));
  context.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  return {
    context,
    hosts,
    faults,
    async open(url) {
      const page = await context.newPage();
      await page.goto(url);
      return page;
    },
    async [Symbol.asyncDispose]() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Headless Chromium without a profile, for pages that are told apart by contexts; with scrollbars, which a mouse can drag. */
export const launch = (): Promise<Chromium> =>
  chromium.launch({ executablePath: chromiumPath(), args, ignoreDefaultArgs: ['--hide-scrollbars'] });

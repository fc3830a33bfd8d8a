import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { freePort } from '../../scripts/services/ports.mjs';
import { run } from '../bin/process.js';
import { eventually } from '../support/eventually.js';
import { river } from '../support/river.js';
import { browser } from './chromium.js';

/** `tailrace dev`, and the address of GraphiQL that it prints. */
async function dev(port = '0', env: Record<string, string> = {}) {
  const running = run(['dev'], { TAILRACE_PORT: port, TAILRACE_ADMIN_PORT: '0', ...env });
  const [, url = ''] = await running.until(/GraphiQL +(\S+)\n/);
  const [, token = ''] = await running.until(/token of ada\n +(\S+)/);
  return { ...running, url, token, port: new URL(url).port };
}

/** An editor's lines as one sees them; the ones outside its window are not in the page. */
async function shown(page: Page, editor: string): Promise<string> {
  const text = await page.locator(`${editor} .view-lines`).innerText();
  return text.replaceAll('\u00a0', ' ');
}

const idShown = async (page: Page) => /"id": "([^"]+)"/.exec(await shown(page, '.result-window'))?.[1] ?? null;

async function pressRun(page: Page) {
  await page.locator('.graphiql-execute-button').click();
}

test('GraphiQL opens with an example and its token in place, and pressing run shows events', async () => {
  await using chromium = await browser();
  await using tailrace = await dev();
  const page = await chromium.open(tailrace.url);
  expect(await page.title()).toBe('Tailrace');
  await eventually('the example is in place', async () => {
    expect(await shown(page, '.graphiql-query-editor')).toContain('subscription MyTransactions {');
  });
  await eventually('the token is in place', async () => {
    const start = `"authorization": "Bearer ${tailrace.token.slice(0, 20)}`;
    expect(await shown(page, '.graphiql-editor-tool .graphiql-editor:not(.hidden)')).toContain(start);
  });
  await pressRun(page);
  const first = await eventually('an event', () => idShown(page));
  expect(await shown(page, '.result-window')).toContain('"cardNumber": "•••• •••• •••• ');
  await eventually('another event', async () => (await idShown(page)) !== first);
  expect([...chromium.hosts], 'nothing is loaded from elsewhere').toEqual(['127.0.0.1']);
  expect(chromium.faults).toEqual([]);
});

test('the second example is public, and runs too', async () => {
  await using chromium = await browser();
  await using tailrace = await dev();
  const page = await chromium.open(tailrace.url);
  await page.locator('.graphiql-tab', { hasText: 'Tram' }).locator('button').first().click();
  await eventually('its query', async () => (await shown(page, '.graphiql-query-editor')).includes('vehicle(id: '));
  await pressRun(page);
  await eventually('where the tram is', async () => {
    const result = await shown(page, '.result-window');
    // GraphiQL notices which operation a tab holds a moment after it shows its text.
    if (result.includes('Cannot infer operation')) await pressRun(page);
    expect(result).toMatch(/"lat": \d+/);
  });
});

test('its page is Tailrace’s and names the schema, in the tab and beside the logo, and loads nothing from elsewhere', async () => {
  const sdl = (head: string) => `${head} type Subscription { order: Int @kafka(topic: "orders") @public }`;
  await using chromium = await browser();
  const heading = async (page: Page) => {
    const logo = page.locator('.graphiql-logo');
    await logo.waitFor();
    expect(await page.locator('body').innerText()).not.toContain('Yoga');
    expect(await page.locator('link[rel=icon]').getAttribute('href')).toMatch(/^data:image\/svg\+xml,/);
    return [await page.title(), (await logo.innerText()).trim()];
  };
  await using unnamed = await river(sdl(''), { graphiql: {} });
  expect(await heading(await chromium.open(unnamed.url))).toEqual(['Tailrace', 'Tailrace']);
  const head = '"""\nFish & <b>chips</b>\nand more\n""" schema { subscription: Subscription }';
  await using named = await river(sdl(head), { graphiql: {} });
  const title = 'Tailrace: Fish & <b>chips</b>';
  const page = await chromium.open(named.url);
  expect(await heading(page)).toEqual([title, title]);
  expect([...chromium.hosts]).toEqual(['127.0.0.1']);
  expect(chromium.faults).toEqual([]);
});

test('below a base path it is at the address that is printed, and asks there', async () => {
  await using chromium = await browser();
  await using tailrace = await dev('0', { TAILRACE_BASE_PATH: '/events' });
  expect(new URL(tailrace.url).pathname).toBe('/events/graphql');
  const page = await chromium.open(tailrace.url);
  await eventually('its query', async () => (await shown(page, '.graphiql-query-editor')).includes('MyTransactions'));
  await pressRun(page);
  await eventually('an event', () => idShown(page));
  expect(chromium.faults).toEqual([]);
});

test('the documentation shows what schema.graphql says', async () => {
  await using chromium = await browser();
  await using tailrace = await dev();
  const page = await chromium.open(tailrace.url);
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await page.locator('.graphiql-doc-explorer').getByText('Subscription', { exact: true }).last().click();
  await page.getByText('Card transactions of the signed-in user, as they happen.').waitFor();
});

test('a record of a topic of one’s own that is sent shows in GraphiQL, which opens with its field', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-own-'));
  const sdl = 'type Subscription { order: Order! @kafka(topic: "orders") @public } type Order { id: ID! total: Float }';
  writeFileSync(join(folder, 'schema.graphql'), sdl);
  const env = { TAILRACE_PORT: '0', TAILRACE_ADMIN_PORT: String(await freePort()) };
  await using chromium = await browser();
  await using tailrace = run(['dev'], env, folder);
  const [, url = ''] = await tailrace.until(/GraphiQL +(\S+)\n/);
  const page = await chromium.open(url);
  await eventually('its field', async () => (await shown(page, '.graphiql-query-editor')).includes('order {'));
  await pressRun(page);
  await eventually('the record is shown', async () => {
    await using sending = run(['send', 'orders'], env, folder);
    sending.child.stdin.end('{"id":7,"total":12.5}');
    // Pressed a moment ago, the stream may not be open yet.
    expect((await sending.ended).out).toContain('shown to 1 of 1 open stream');
  });
  await eventually('it is there', async () => {
    expect(await shown(page, '.result-window')).toMatch(/"id": "7",\s+"total": 12\.5/);
  });
});

test('started anew on the same port, the same browser gets the new token: the old one is not kept', async () => {
  await using chromium = await browser();
  const before = await dev();
  const old = await chromium.open(before.url);
  await pressRun(old);
  const first = await eventually('an event', () => idShown(old));
  // GraphiQL stores its tabs half a second after a change.
  await eventually('the tabs are stored', () => old.evaluate(() => localStorage.getItem('graphiql:tabState') !== null));
  await before[Symbol.asyncDispose]();
  await old.close();

  await using after = await dev(before.port);
  expect(after.token).not.toBe(before.token);
  const page = await chromium.open(after.url);
  await eventually('the example', async () => (await shown(page, '.graphiql-query-editor')).includes('MyTransactions'));
  await pressRun(page);
  expect(await eventually('an event', () => idShown(page))).not.toBe(first);
  const kept = await page.evaluate(() => JSON.stringify(Object.entries(localStorage)));
  expect(kept).not.toContain(after.token);
});

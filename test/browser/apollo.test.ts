import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { tokenFor } from '../support/river.js';
import { pay, payment, payments, paymentsUpTo, sampleRiver, subscribed } from '../support/sample.js';
import { balancer } from '../support/servers/balancer.js';
import type * as apolloPage from './apollo-page.js';
import { bundled } from './bundled.js';
import { browser } from './chromium.js';

/** As the page has it. */
declare const page: typeof apolloPage;

const script = await bundled('page', {
  entryPoints: ['test/browser/apollo-page.ts'],
  define: { 'process.env.NODE_ENV': '"development"' },
});

test("Apollo's useSubscription: onData hears every event once in each component, also where two share a subscription", async () => {
  await using chromium = await browser();
  await using r = await sampleRiver();
  const other = await r.replica();
  await using front = await balancer([r, other].map(({ url }) => Number(new URL(url).port)));
  const tab = await chromium.open(`http://127.0.0.1:${front.port}/healthz`);
  await tab.addScriptTag({ content: script });
  const token = await tokenFor({ sub: 'ada' });
  await tab.evaluate((token) => page.start(token, ['one', 'other', 'alone']), token);
  const look = async (name: string) => (await tab.evaluate(() => page.look()))[name];
  const has = (name: string, count: number) =>
    eventually(`${count} events`, async () => ((await look(name))?.heard.length ?? 0) >= count);
  // Apollo takes one document with equal variables for one subscription, and the context of the first who asks.
  await subscribed(r, 2);
  for (const name of ['one', 'alone']) {
    await eventually('it is ready', async () => ((await look(name))?.ready ?? 0) > 0);
  }
  let last = 0;
  for (let round = 0; round < 6; round++) {
    await pay(r, 'ada', ++last, ++last);
    await pay(r, 'grace', 1_000 + last);
    if (round === 3) await other.retire();
    front.cut();
    await pay(r, 'ada', ++last);
    await has('one', last);
  }
  front.refuse();
  for (let more = 0; more < 80; more++) await pay(r, 'ada', ++last);
  front.open();
  for (const name of ['one', 'other', 'alone']) {
    await has(name, last);
    expect(await look(name)).toMatchObject({ heard: paymentsUpTo(last), errors: [], gaps: [] });
  }
  await tab.evaluate(() => page.boards(['one']));
  await subscribed(r, 1);
});

test("an event that fails ends nothing, with errorPolicy 'all' and by default", async () => {
  await using chromium = await browser();
  await using r = await sampleRiver();
  const tab = await chromium.open(`${new URL(r.url).origin}/healthz`);
  await tab.addScriptTag({ content: script });
  const token = await tokenFor({ sub: 'ada' });
  await tab.evaluate((token) => page.start(token, ['all', 'by default']), token);
  await subscribed(r, 1);
  await r.publish(payments, payment('ada', 1, { amount: 'a lot' }));
  await r.publish(payments, payment('ada', 2, { id: null }));
  await pay(r, 'ada', 3);
  const look = () => tab.evaluate(() => page.look());
  await eventually('the last event', async () => Object.values(await look()).every(({ heard }) => heard.at(-1) === 3));
  const boards = await look();
  for (const name of ['all', 'by default']) {
    expect(boards[name]?.heard).toEqual([3]);
    expect(boards[name]?.errors).toEqual([
      expect.stringContaining('Float cannot represent'),
      expect.stringContaining('Cannot return null'),
    ]);
  }
});

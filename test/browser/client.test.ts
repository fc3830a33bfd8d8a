import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Gap } from '../../src/client/index.js';
import { lose } from '../client/lose.js';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { pay, paymentsUpTo, sampleRiver } from '../support/sample.js';
import { balancer } from '../support/servers/balancer.js';
import { bundled } from './bundled.js';
import { browser } from './chromium.js';

// A plain EventSource needs nothing of tailrace/client: eventsource.test.ts.

/** What a page of a user's application loads: tailrace/client with the two libraries. */
const script = await bundled('tailrace', {
  stdin: {
    contents: `
      export { createClient as createWebSocketClient } from 'graphql-ws';
      export { createClient as createEventsClient } from 'graphql-sse';
      export * from './src/client/index.ts';`,
    resolveDir: process.cwd(),
  },
});

/** As the page has it. */
declare const tailrace: typeof import('../../src/client/index.js') & {
  createWebSocketClient: typeof import('graphql-ws').createClient;
  createEventsClient: typeof import('graphql-sse').createClient;
};

interface Heard {
  readonly results: Result[];
  readonly ends: string[];
  /** How many cursors have come. */
  readonly cursors: number;
  readonly gaps: Gap[];
}

const query = 'subscription { transaction { id } }';

const overWebSocket = (page: Page, token: string) =>
  page.evaluateHandle(
    ({ token, query }) => {
      const heard = { results: [] as unknown[], ends: [] as string[], cursors: 0, gaps: [] as unknown[] };
      const options = {
        url: '/graphql',
        connectionParams: async () => ({ Authorization: `Bearer ${token}` }),
        retryAttempts: 1_000,
        retryWait: () => new Promise<void>((resolve) => setTimeout(resolve, 20)),
      };
      const client = tailrace.createWebSocketClient(
        tailrace.resumingWebSocket(options, {
          onCursor: () => void heard.cursors++,
          onGap: (gap) => void heard.gaps.push(gap),
        }),
      );
      client.subscribe(
        { query },
        {
          next: (result) => heard.results.push(result),
          error: (error) => heard.ends.push(String(error)),
          complete: () => heard.ends.push('complete'),
        },
      );
      return heard;
    },
    { token, query },
  );

const overEvents = (page: Page, token: string) =>
  page.evaluateHandle(
    ({ token, query }) => {
      const heard = { results: [] as unknown[], ends: [] as string[], cursors: 0, gaps: [] as unknown[] };
      const options = {
        url: '/graphql',
        headers: async () => ({ Authorization: `Bearer ${token}` }),
        retryAttempts: 1_000,
        retry: () => new Promise<void>((resolve) => setTimeout(resolve, 20)),
      };
      const client = tailrace.createEventsClient(
        tailrace.resumingEvents(options, {
          onCursor: () => void heard.cursors++,
          onGap: (gap) => void heard.gaps.push(gap),
        }),
      );
      client.subscribe(
        { query },
        {
          next: (result) => heard.results.push(result),
          error: (error) => heard.ends.push(String(error)),
          complete: () => heard.ends.push('complete'),
        },
      );
      return heard;
    },
    { token, query },
  );

test.each([
  ['graphql-ws', overWebSocket],
  ['graphql-sse', overEvents],
])(
  'in a browser %s gets every event once and in order while its connections are cut, also before its first event',
  async (_, connect) => {
    await using chromium = await browser();
    await using r = await sampleRiver();
    const other = await r.replica();
    await using front = await balancer([r, other].map(({ url }) => Number(new URL(url).port)));
    const page = await chromium.open(`http://127.0.0.1:${front.port}/healthz`);
    await page.addScriptTag({ content: script });
    const handle = await connect(page, await tokenFor({ sub: 'ada' }));
    const heard = () => handle.jsonValue() as Promise<Heard>;
    const has = (count: number) => eventually(`${count} events`, async () => (await heard()).results.length >= count);

    await eventually('it has a place to resume from', async () => (await heard()).cursors > 0);
    for (let last = 0; last < 60; last += 3) {
      front.cut();
      await pay(r, 'ada', last + 1, last + 2);
      if (last % 2 === 0) await has(last + 2);
      await pay(r, 'ada', last + 3);
      await pay(r, 'grace', 1_000 + last);
    }
    await has(60);
    const { results, ends } = await heard();
    expect(results.map(({ data }) => Number(data.transaction.id))).toEqual(paymentsUpTo(60));
    expect(ends).toEqual([]);
  },
);

test('a page is told of a gap before its next event, and again when it has grown', async () => {
  await using chromium = await browser();
  await using r = await sampleRiver({ heartbeat: 200 });
  const page = await chromium.open(`${new URL(r.url).origin}/healthz`);
  await page.addScriptTag({ content: script });
  const handle = await overWebSocket(page, await tokenFor({ sub: 'ada' }));
  const heard = () => handle.jsonValue() as Promise<Heard>;
  const has = (count: number) => eventually(`${count} events`, async () => (await heard()).results.length === count);
  await eventually('it has a place to resume from', async () => (await heard()).cursors > 0);
  await pay(r, 'ada', 1);
  await has(1);
  for (const [missed, told] of [
    [7, 1],
    [8, 2],
  ] as const) {
    await lose(r, missed);
    await eventually(`${told} gaps`, async () => (await heard()).gaps.length === told);
  }
  await pay(r, 'ada', 2);
  await has(2);
  const { gaps, results } = await heard();
  expect(gaps.map(({ missed }) => missed)).toEqual([7, 15]);
  expect(results[1]?.extensions?.gap).toEqual({ reason: 'SOURCE_LOST', missed: 15, times: 2 });
});

test.each([
  ['graphql-ws', 'WebSocket'],
  ['graphql-sse', 'Events'],
] as const)(
  'without network a page of %s is offline at once, and back at once when it returns, not when its wait is over',
  async (_, kind) => {
    await using chromium = await browser();
    await using r = await sampleRiver();
    await using front = await balancer([Number(new URL(r.url).port)]);
    const page = await chromium.open(`http://127.0.0.1:${front.port}/healthz`);
    await page.addScriptTag({ content: script });
    const handle = await page.evaluateHandle(
      ({ token, query, kind }) => {
        const heard = { ids: [] as string[], cursors: 0, states: [] as string[], dropped: 0, drop: false };
        // A wait for a retry never ends by its timer from here on: only a sign can end it.
        Math.random = () => 0.9;
        const [later, waits] = [setTimeout, [450, 900, 1_800, 3_600, 7_200, 9_000]];
        window.setTimeout = ((run: () => void, milliseconds: number) => {
          if (!heard.drop || !waits.includes(milliseconds)) return later(run, milliseconds);
          heard.dropped++;
          return 0;
        }) as never;
        const connection = tailrace.connectionStatus();
        connection.subscribe(() => void heard.states.push(connection.current.state));
        const headers = async () => ({ authorization: `Bearer ${token}` });
        const resuming = { connection, onCursor: () => void heard.cursors++ };
        const client =
          kind === 'WebSocket'
            ? tailrace.createWebSocketClient(
                tailrace.resumingWebSocket({ url: '/graphql', connectionParams: headers }, resuming),
              )
            : tailrace.createEventsClient(tailrace.resumingEvents({ url: '/graphql', headers }, resuming));
        client.subscribe(
          { query },
          {
            next: ({ data }) => heard.ids.push((data as { transaction: { id: string } }).transaction.id),
            error: (error) => heard.states.push(String(error)),
            complete() {},
          },
        );
        return heard;
      },
      { token: await tokenFor({ sub: 'ada' }), query, kind },
    );
    const heard = () => handle.jsonValue();
    await eventually('it has a place to resume from', async () => (await heard()).cursors > 0);
    await pay(r, 'ada', 1);
    await eventually('an event', async () => (await heard()).ids.length === 1);
    await page.evaluate((heard) => {
      heard.drop = true;
    }, handle);

    await chromium.context.setOffline(true);
    await eventually('it is offline', async () => (await heard()).states.at(-1) === 'offline');
    front.refuse();
    await eventually('it waits for another attempt', async () => (await heard()).dropped > 0);
    await pay(r, 'ada', 2);
    front.open();
    await chromium.context.setOffline(false);
    await eventually('what it missed', async () => (await heard()).ids.length >= 2);
    const { ids, states } = await heard();
    expect(ids).toEqual(['1', '2']);
    expect([...new Set(states)]).toEqual(['live', 'offline', 'resuming']);
    expect(states.at(-1)).toBe('live');
  },
);

test('a WebSocket that looks open after a time without network is asked whether it is, and replaced when it is silent', async () => {
  await using chromium = await browser();
  await using r = await sampleRiver();
  await using front = await balancer([Number(new URL(r.url).port)]);
  const page = await chromium.open(`http://127.0.0.1:${front.port}/healthz`);
  await page.addScriptTag({ content: script });
  const handle = await overWebSocket(page, await tokenFor({ sub: 'ada' }));
  const heard = () => handle.jsonValue() as Promise<Heard>;
  await eventually('it has a place to resume from', async () => (await heard()).cursors > 0);
  await chromium.context.setOffline(true);
  front.stall();
  await pay(r, 'ada', 1);
  await chromium.context.setOffline(false);
  // Its silence alone would count after 30 s.
  await eventually('what it missed', async () => (await heard()).results.length === 1);
  expect((await heard()).ends).toEqual([]);
});

import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { pay, sampleRiver } from '../clients/sample.js';
import { balancer } from '../support/balancer.js';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { browser } from './chromium.js';

// A plain EventSource needs nothing of tailrace/client: eventsource.test.ts.

/** What a page of a user's application loads: tailrace/client with the two libraries. */
const { outputFiles } = await build({
  stdin: {
    contents: `
      export { createClient as createWebSocketClient } from 'graphql-ws';
      export { createClient as createEventsClient } from 'graphql-sse';
      export * from './src/client/index.ts';`,
    resolveDir: process.cwd(),
  },
  bundle: true,
  format: 'iife',
  globalName: 'tailrace',
  platform: 'browser',
  write: false,
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
}

const query = 'subscription { transaction { id } }';

const overWebSocket = (page: Page, token: string) =>
  page.evaluateHandle(
    ({ token, query }) => {
      const heard = { results: [] as unknown[], ends: [] as string[], cursors: 0 };
      const options = {
        url: '/graphql',
        connectionParams: async () => ({ Authorization: `Bearer ${token}` }),
        retryAttempts: 1_000,
        retryWait: () => new Promise<void>((resolve) => setTimeout(resolve, 20)),
      };
      const client = tailrace.createWebSocketClient(
        tailrace.resumingWebSocket(options, { onCursor: () => void heard.cursors++ }),
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
      const heard = { results: [] as unknown[], ends: [] as string[], cursors: 0 };
      const options = {
        url: '/graphql',
        headers: async () => ({ Authorization: `Bearer ${token}` }),
        retryAttempts: 1_000,
        retry: () => new Promise<void>((resolve) => setTimeout(resolve, 20)),
      };
      const client = tailrace.createEventsClient(
        tailrace.resumingEvents(options, { onCursor: () => void heard.cursors++ }),
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
    await page.addScriptTag({ content: outputFiles[0]?.text ?? '' });
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
    expect(results.map(({ data }) => Number(data.transaction.id))).toEqual(
      Array.from({ length: 60 }, (_, at) => at + 1),
    );
    expect(ends).toEqual([]);
  },
);

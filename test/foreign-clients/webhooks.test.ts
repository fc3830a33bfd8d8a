import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { opened } from '../support/opened.js';
import { type Listening, listen, listenSse, type Result, river, tokenFor } from '../support/river.js';
import { subscribed } from '../support/sample.js';
import { claimsOf, expected, headersOf, query, sdlFor, variablesOf, viewers, webhooks } from './webhooks.js';

test("GitHub's recorded webhooks: each viewer gets exactly the events of their repositories, in order", async () => {
  await using r = await river(sdlFor('github-webhooks'));
  await using open = opened();
  const clients: Listening[] = [];
  for (const [n, viewer] of viewers.entries()) {
    const options = { token: await tokenFor(claimsOf(viewer, n)), variables: variablesOf(viewer) };
    clients.push(open.use(n % 2 ? listenSse(r.url, query, options) : listen(r.wsUrl, query, options)));
  }
  await subscribed(r, viewers.length);
  for (const webhook of webhooks) {
    await r.publish('github-webhooks', webhook.payload, { headers: headersOf(webhook) });
  }
  const shown = (results: Result[]) => results.map((result) => result.data?.webhook ?? result);
  await eventually('each has as many as the rule says', () => {
    expect(clients.map(({ results }) => results.length)).toEqual(viewers.map((viewer) => expected(viewer).length));
  });
  for (const [n, viewer] of viewers.entries()) expect(shown(clients[n]?.results ?? [])).toEqual(expected(viewer));

  const sizes = viewers.map((viewer) => expected(viewer).length);
  const withRepository = webhooks.filter(({ payload }) => payload.repository).length;
  expect(withRepository, 'events without a repository are for nobody').toBeLessThan(webhooks.length);
  expect(sizes[3], 'this viewer may see every repository').toBe(withRepository);
  expect(sizes.filter((size) => size > 0)).toHaveLength(5);
});

test('what was recorded before is there by cursor and by rewind, judged by the claims of today', async () => {
  await using r = await river(sdlFor('github-webhooks'));
  for (const webhook of webhooks) {
    await r.publish('github-webhooks', webhook.payload, { headers: headersOf(webhook) });
  }
  const all = expected(viewers[0] as object);
  const rewound = query.replace('{', '@resume(rewind: 1000) {');
  await using first = listen(r.wsUrl, rewound, { token: await tokenFor(claimsOf(viewers[0] as object, 0)) });
  await eventually('all of them', () => first.results.length >= all.length);
  expect(first.results.map(({ data }) => data.webhook)).toEqual(all);
  const middle = first.results[99].extensions.cursor;
  await using other = listen(r.wsUrl, query, { token: await tokenFor({ repos: [] }), extensions: { after: middle } });
  await using same = listen(r.wsUrl, query, {
    token: await tokenFor(claimsOf(viewers[0] as object, 7)),
    extensions: { after: middle },
  });
  await eventually('the rest', () => same.results.length >= all.length - 100);
  expect(same.results.map(({ data }) => data.webhook)).toEqual(all.slice(100));
  expect(other.results).toEqual([]);
});

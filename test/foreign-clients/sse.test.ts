import { createClient } from 'graphql-sse';
import { describe, expect, test } from 'vitest';
import { eventsOf } from '../support/clients/event-stream.js';
import { eventually } from '../support/eventually.js';
import { listenSse, type Result, tokenFor } from '../support/river.js';
import { fleet, pay, payment, payments, positions, sampleRiver, subscribed } from '../support/sample.js';

const mine = 'subscription { transaction { id amount } }';

describe.each([
  ['/graphql', ''],
  ['/graphql/stream', '/stream'],
])('graphql-sse on %s', (_, path) => {
  test("streams the viewer's own events, and one that does not fit its type ends nothing", async () => {
    await using r = await sampleRiver();
    await using ada = listenSse(r.url + path, mine, { token: await tokenFor({ sub: 'ada' }) });
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await pay(r, 'grace', 2);
    await r.publish(payments, payment('ada', 3, { amount: 'a lot' }));
    await pay(r, 'ada', 4);
    await eventually('three results', () => ada.results.length === 3);
    expect(ada.results[0].data).toEqual({ transaction: { id: '1', amount: 10 } });
    expect(ada.results[1].errors[0].message).toContain('Float cannot represent non numeric value');
    expect(ada.results[2].data).toEqual({ transaction: { id: '4', amount: 40 } });
  });

  test('answers queries and mutations with one result', async () => {
    await using r = await sampleRiver();
    const token = await tokenFor({ sub: 'ada' });
    for (const [query, data] of [
      ['{ viewer { sub } }', { viewer: { sub: 'ada' } }],
      ['mutation { sendTyping(room: "lobby") }', { sendTyping: true }],
    ] as const) {
      await using ada = listenSse(r.url + path, query, { token });
      expect(await ada.ended).toBeNull();
      expect(ada.results).toEqual([{ data }]);
    }
  });

  test('streams what others type', async () => {
    await using r = await sampleRiver();
    const typing = 'subscription { typing(room: "lobby") { userId } }';
    await using ada = listenSse(r.url + path, typing, { token: await tokenFor({ sub: 'ada' }) });
    const say = { token: await tokenFor({ sub: 'grace' }) };
    await eventually('ada hears grace', async () => {
      await listenSse(r.url + path, 'mutation { sendTyping(room: "lobby") }', say).ended;
      return ada.results.length > 0;
    });
    expect(ada.results[0]).toEqual({ data: { typing: { userId: 'grace' } } });
  });

  test('tells a refused operation as a result with errors, and completes', async () => {
    await using r = await sampleRiver();
    await using nobody = listenSse(r.url + path, mine);
    expect(await nobody.ended).toBeNull();
    expect(nobody.results.map(({ errors }) => errors[0].extensions.code)).toEqual(['UNAUTHENTICATED']);
  });

  test('refuses a bad token with 401, for a public field too', async () => {
    await using r = await sampleRiver();
    await using nobody = listenSse(r.url + path, 'subscription { vehicle { id } }', { token: 'swordfish' });
    expect(String(await nobody.ended)).toContain('401');
  });

  test('rewinds and resumes on another replica', async () => {
    await using r = await sampleRiver();
    const other = await r.replica();
    const token = await tokenFor({ sub: 'ada' });
    await pay(r, 'ada', 1, 2, 3);
    await using first = listenSse(r.url + path, 'subscription @resume(rewind: 1) { transaction { id } }', { token });
    await eventually('the last one', () => first.results.length === 1);
    first.close();
    await pay(r, 'ada', 4);
    const after = first.results[0].extensions.cursor;
    await using next = listenSse(other.url + path, mine, { token, extensions: { after } });
    await eventually('the missed one', () => next.results.length === 1);
    expect([first, next].map(({ results }) => results[0].data.transaction.id)).toEqual(['3', '4']);
  });

  test('a client that goes away leaves nothing behind', async () => {
    await using r = await sampleRiver();
    await using nobody = listenSse(r.url + path, 'subscription { vehicle { id } }');
    await subscribed(r, 1);
    nobody.close();
    await subscribed(r, 0);
  });
});

test('the single connection mode is refused with 501 and a sentence that says what to use', async () => {
  await using r = await sampleRiver();
  const url = `${r.url}/stream`;
  const client = createClient({ url, singleConnection: true, retryAttempts: 0 });
  const sink = { next: () => undefined, complete: () => undefined };
  const refused = await new Promise<unknown>((resolve) => {
    client.subscribe({ query: 'subscription { vehicle { id } }' }, { ...sink, error: resolve });
  });
  expect(String(refused)).toContain('501');
  client.dispose();
  const answer = await fetch(url, { method: 'PUT' });
  const { errors } = (await answer.json()) as Result;
  expect(errors[0].message).toContain('use distinct connections');
});

test('a stream is not cached, not buffered by a proxy, and every event has an id', async () => {
  await using r = await sampleRiver();
  const body = JSON.stringify({ query: 'subscription { vehicle(id: "tram-6-01") { lat } }' });
  const headers = { accept: 'text/event-stream', 'content-type': 'application/json' };
  const answer = await fetch(r.url, { method: 'POST', headers, body });
  expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
  expect(answer.headers.get('cache-control')).toBe('no-cache, no-transform');
  expect(answer.headers.get('x-accel-buffering')).toBe('no');
  await subscribed(r, 1);
  for (const lat of [51.01, 51.02]) await r.publish(fleet, positions(lat, 'tram-6-01', 'tram-6-02'));
  const shown: string[] = [];
  for await (const { event, text } of eventsOf(answer)) {
    if (event === 'next') shown.push(text);
    if (text.includes('51.02')) break;
  }
  expect(shown).toHaveLength(2);
  for (const event of shown) expect(event).toMatch(/^id: [\w-]+\nevent: next\ndata: \{.*\}$/);
});

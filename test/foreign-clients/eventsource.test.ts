import { type ErrorEvent, EventSource } from 'eventsource';
import { describe, expect, test } from 'vitest';
import { LogUnavailable } from '../../src/log/channel-log.js';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { fleet, pay, positions, sampleRiver, subscribed } from '../support/sample.js';
import { door } from '../support/servers/door.js';

/** `new EventSource(url)`, as a page does it. `headers` are what the browser would add by itself. */
function source(url: string, headers: Record<string, string> = {}) {
  const withHeaders: typeof fetch = (input, init) =>
    fetch(input, { ...init, headers: { ...init?.headers, ...headers } });
  const events = new EventSource(url, { fetch: withHeaders as never });
  const results: Result[] = [];
  const ids: string[] = [];
  const errors: ErrorEvent[] = [];
  events.addEventListener('next', ({ data, lastEventId }) => {
    results.push(JSON.parse(data));
    ids.push(lastEventId);
  });
  events.addEventListener('complete', () => events.close());
  events.addEventListener('error', (error) => errors.push(error));
  return {
    results,
    ids,
    /** The status that stopped it. */
    refused: () =>
      eventually('it was refused', () => (events.readyState === EventSource.CLOSED && errors.at(-1)) || null).then(
        ({ code }) => code,
      ),
    [Symbol.dispose]: () => events.close(),
  };
}

const asking = (url: string, query: string, more: Record<string, string> = {}) =>
  `${url}?${new URLSearchParams({ query, ...more })}`;
const mine = 'subscription { transaction { id } }';
const idsOf = (results: Result[]): string[] => results.map(({ data }) => data.transaction.id);

async function ticketFor(url: string, token: string): Promise<string> {
  const answer = await fetch(`${url}/ticket`, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
  expect(answer.status).toBe(201);
  const { ticket, expiresIn } = (await answer.json()) as { ticket: string; expiresIn: number };
  expect(expiresIn).toBe(60);
  return ticket;
}

describe.concurrent.each([
  ['/graphql', ''],
  ['/graphql/stream', '/stream'],
])('EventSource on %s', (_, path) => {
  test('needs nothing for a public field; each event has an id', async () => {
    await using r = await sampleRiver();
    const query = 'subscription Where($id: ID) { vehicle(id: $id) { id lat } }';
    using tram = source(asking(r.url + path, query, { variables: '{"id":"tram-6-01"}' }));
    await subscribed(r, 1);
    await r.publish(fleet, positions(51.05, 'tram-6-02', 'tram-6-01'));
    await eventually('an event', () => tram.results.length === 1);
    expect(tram.results[0].data).toEqual({ vehicle: { id: 'tram-6-01', lat: 51.05 } });
    expect(tram.ids[0]).toBe(tram.results[0].extensions.cursor);
  });

  test('comes back by itself after a broken connection, to another replica, without a hole and without a repeat', async () => {
    await using r = await sampleRiver();
    const other = await r.replica();
    await using front = await door(r);
    using trams = source(asking(front.url + path, 'subscription { vehicle { lat } }'));
    await subscribed(r, 1);
    for (const lat of [1, 2]) await r.publish(fleet, positions(lat, `tram-${lat}`));
    await eventually('two events', () => trams.results.length === 2);
    front.lead(other);
    front.cut();
    for (const lat of [3, 4]) await r.publish(fleet, positions(lat, `tram-${lat}`));
    await eventually('it is back with what it missed', () => trams.results.length >= 4);
    await r.publish(fleet, positions(5, 'tram-5'));
    await eventually('what is new', () => trams.results.length >= 5);
    expect(trams.results.map(({ data }) => data.vehicle.lat)).toEqual([1, 2, 3, 4, 5]);
  });

  test('signs in by the cookie tailrace_token, from a page of the same origin only', async () => {
    await using r = await sampleRiver();
    const cookie = `theme=dark; tailrace_token=${await tokenFor({ sub: 'ada' })}`;
    using ada = source(asking(r.url + path, mine), { cookie, origin: new URL(r.url).origin });
    await subscribed(r, 1);
    await pay(r, 'grace', 1);
    await pay(r, 'ada', 2);
    await eventually('her event', () => ada.results.length === 1);
    expect(idsOf(ada.results)).toEqual(['2']);
    using without = source(asking(r.url + path, mine), { cookie });
    expect(await without.refused()).toBe(401);
    using elsewhere = source(asking(r.url + path, mine), { cookie, origin: 'https://elsewhere.example' });
    expect(await elsewhere.refused()).toBe(403);
  });

  test('signs in by a ticket, which resumes by itself on another replica', async () => {
    await using r = await sampleRiver();
    await using front = await door(r);
    const ticket = await ticketFor(r.url, await tokenFor({ sub: 'ada' }));
    using ada = source(asking(front.url + path, mine, { ticket }));
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => ada.results.length === 1);
    front.cut();
    await pay(r, 'ada', 2);
    await pay(r, 'grace', 3);
    await eventually('it is back with what it missed', () => ada.results.length >= 2);
    await pay(r, 'ada', 4);
    await eventually('what is new', () => ada.results.length >= 3);
    expect(idsOf(ada.results)).toEqual(['1', '2', '4']);
  });

  test('a used ticket opens no second stream without Last-Event-ID, and an unknown one none at all', async () => {
    await using r = await sampleRiver();
    const ticket = await ticketFor(r.url, await tokenFor({ sub: 'ada' }));
    using ada = source(asking(r.url + path, mine, { ticket }));
    await subscribed(r, 1);
    using copied = source(asking(r.url + path, mine, { ticket }));
    expect(await copied.refused()).toBe(401);
    using invented = source(asking(r.url + path, mine, { ticket: 'x'.repeat(32) }));
    expect(await invented.refused()).toBe(401);
    await pay(r, 'ada', 1);
    await eventually('the first stream goes on', () => ada.results.length === 1);
    expect(copied.results).toEqual([]);
  });

  test('a token in the URL is refused, even a good one', async () => {
    await using r = await sampleRiver();
    const token = await tokenFor({ sub: 'ada' });
    for (const name of ['token', 'access_token', 'authorization']) {
      using ada = source(asking(r.url + path, mine, { [name]: token }));
      expect(await ada.refused()).toBe(401);
    }
  });

  test('is stopped by what can never succeed, instead of trying for ever', async () => {
    await using r = await sampleRiver();
    for (const [query, status] of [
      [mine, 401],
      ['subscription { nothing }', 400],
      ['{ version }', 405],
      ['subscription {', 400],
    ] as const) {
      using refused = source(asking(r.url + path, query));
      expect(await refused.refused(), query).toBe(status);
    }
  });

  test('Last-Event-ID beats the variable that the address still holds', async () => {
    await using r = await sampleRiver();
    const token = await tokenFor({ sub: 'ada' });
    const headers = { authorization: `Bearer ${token}` };
    await pay(r, 'ada', 1, 2, 3);
    using all = source(asking(r.url + path, 'subscription @resume(rewind: 3) { transaction { id } }'), headers);
    await eventually('three events', () => all.results.length === 3);
    const [first, second] = all.ids as [string, string];
    const url = asking(
      r.url + path,
      'subscription Mine($after: String) @resume(after: $after) { transaction { id } }',
      {
        variables: JSON.stringify({ after: first }),
      },
    );
    using resumed = source(url, { ...headers, 'last-event-id': second });
    await eventually('the third', () => resumed.results.length >= 1);
    expect(idsOf(resumed.results)).toEqual(['3']);
  });
});

test('an EventSource never executes a mutation: a link must not be able to act', async () => {
  await using r = await sampleRiver();
  const headers = { authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` };
  using heard = source(asking(r.url, 'subscription { typing(room: "lobby") { userId } }'), headers);
  const mutation = 'mutation { sendTyping(room: "lobby") }';
  using acting = source(asking(r.url, mutation), headers);
  expect(await acting.refused()).toBe(405);
  await eventually('a real mutation is heard', async () => {
    const post = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' } };
    await fetch(r.url, { ...post, body: JSON.stringify({ query: 'mutation { sendTyping(room: "lobby") }' }) });
    return heard.results.length > 0;
  });
});

describe.concurrent('what passes is no end: EventSource comes back by itself', () => {
  test('from a replica that has gone', async () => {
    await using r = await sampleRiver();
    await using another = await sampleRiver();
    await using front = await door(r);
    using trams = source(asking(front.url, 'subscription { vehicle { lat } }'));
    await subscribed(r, 1);
    front.lead(another);
    await r.retire();
    await subscribed(another, 1);
    await another.publish(fleet, positions(1, 'tram-6-01'));
    await eventually('an event', () => trams.results.length === 1);
  });

  test('from a replica that is full', async () => {
    await using full = await sampleRiver({ limits: { connections: 0 } });
    await using another = await sampleRiver();
    await using front = await door(full);
    using trams = source(asking(front.url, 'subscription { vehicle { lat } }'));
    await eventually('it was turned away', () => front.count() > 0);
    front.lead(another);
    front.cut();
    await subscribed(another, 1);
    await another.publish(fleet, positions(1, 'tram-6-01'));
    await eventually('an event', () => trams.results.length === 1);
  });

  test('from a replica that cannot reach the log', async () => {
    await using r = await sampleRiver();
    const log = { ...r.log, close: async () => {}, tail: () => Promise.reject(new LogUnavailable('not there')) };
    await using blind = await sampleRiver({ log });
    await using front = await door(r);
    using trams = source(asking(front.url, 'subscription { vehicle { lat } }'));
    await subscribed(r, 1);
    await r.publish(fleet, positions(1, 'tram-6-01'));
    await eventually('an event', () => trams.results.length === 1);
    const before = front.count();
    front.lead(blind);
    front.cut();
    await eventually('it was turned away', () => front.count() > before);
    front.lead(r);
    front.cut();
    await r.publish(fleet, positions(2, 'tram-6-02'));
    await eventually('what it missed', () => trams.results.length === 2);
  });
});

test('a ticket is given for a token in the header only', async () => {
  await using r = await sampleRiver();
  const status = async (method: string, headers: Record<string, string> = {}) =>
    (await fetch(`${r.url}/ticket`, { method, headers })).status;
  expect(await status('POST')).toBe(401);
  expect(await status('POST', { authorization: 'Bearer swordfish' })).toBe(401);
  expect(await status('POST', { cookie: `tailrace_token=${await tokenFor({ sub: 'ada' })}` })).toBe(401);
  expect(await status('GET', { authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` })).toBe(405);
});

test('a page of another origin neither gets a ticket nor uses one up', async () => {
  await using r = await sampleRiver();
  const token = await tokenFor({ sub: 'ada' });
  for (const origin of ['https://evil.example', 'null', `https://${new URL(r.url).host}.evil.example`]) {
    const headers = { authorization: `Bearer ${token}`, origin };
    const answer = await fetch(`${r.url}/ticket`, { method: 'POST', headers });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  }
  const url = asking(`${r.url}/stream`, mine, { ticket: await ticketFor(r.url, token) });
  expect((await fetch(url, { headers: { origin: 'https://evil.example' } })).status).toBe(403);
  const own = await fetch(url, { headers: { origin: new URL(r.url).origin } });
  expect([own.status, own.headers.has('tailrace-stream')]).toEqual([200, true]);
  await own.body?.cancel();
});

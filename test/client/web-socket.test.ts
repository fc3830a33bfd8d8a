import { createServer } from 'node:net';
import { type ClientOptions, createClient } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Gap, resumingWebSocket } from '../../src/client/index.js';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { pay, sampleRiver, subscribed } from '../support/sample.js';
import { graphqlWs } from './kinds.js';
import { lose } from './lose.js';
import { wire } from './wire.js';

const mine = 'subscription { transaction { id } }';
const idsOf = (results: Result[]): number[] => results.map(({ data }) => Number(data.transaction.id));

test('what a given-up socket still brings comes neither twice nor between', async () => {
  await using r = await sampleRiver();
  await using line = await wire(r);
  const token = await tokenFor({ sub: 'ada' });
  await using client = graphqlWs({ url: line.url, token: async () => token });
  const { results } = client.listen(mine);
  await subscribed(r, 1);
  await pay(r, 'ada', 1);
  await eventually('an event', () => results.length === 1);
  line.hold();
  await pay(r, 'ada', 2, 3);
  client.client.terminate();
  await eventually('a new connection brings them', () => results.length >= 3);
  await line.release();
  await pay(r, 'ada', 4);
  await eventually('what is new', () => results.length >= 4);
  expect(idsOf(results)).toEqual([1, 2, 3, 4]);
});

test('a connection that falls silent is given up for another', async () => {
  await using r = await sampleRiver({ heartbeat: 100 });
  await using line = await wire(r);
  const token = await tokenFor({ sub: 'ada' });
  await using client = graphqlWs({ url: line.url, token: async () => token, silence: 1_000 });
  const { results } = client.listen(mine);
  await subscribed(r, 1);
  await pay(r, 'ada', 1);
  await eventually('an event', () => results.length === 1);
  expect(line.count()).toBe(1);
  line.hold();
  await pay(r, 'ada', 2);
  await eventually('what came meanwhile', () => results.length >= 2);
  expect([idsOf(results), line.count()]).toEqual([[1, 2], 2]);
});

test('a quiet connection with heartbeats is not given up', async () => {
  await using r = await sampleRiver({ heartbeat: 100 });
  const token = await tokenFor({ sub: 'ada' });
  let heartbeats = 0;
  const onCursor = () => void heartbeats++;
  await using client = graphqlWs({ url: r.url, token: async () => token, silence: 1_000, onCursor });
  client.listen(mine);
  await eventually('heartbeats for longer than that', () => heartbeats >= 20);
  expect(client.connects()).toBe(1);
});

test('a heartbeat that comes before a new connection has its operations does not make them begin anew', async () => {
  await using r = await sampleRiver({ heartbeat: 20 });
  const ada = await tokenFor({ sub: 'ada' });
  let pings = 0;
  let before = Number.POSITIVE_INFINITY;
  // A page that has to ask for a new token first, for longer than a heartbeat.
  const token = async () => {
    if (pings > 0) before = pings;
    await eventually('heartbeats meanwhile', () => pings === 0 || pings > before + 2);
    return ada;
  };
  const on = { ping: () => void pings++ };
  await using client = graphqlWs({ url: r.url, token }, { on });
  const { results } = client.listen(mine);
  await subscribed(r, 1);
  await pay(r, 'ada', 1);
  await eventually('an event and heartbeats', () => results.length === 1 && pings > 0);
  client.client.terminate();
  await subscribed(r, 0);
  await pay(r, 'ada', 2);
  await subscribed(r, 1);
  await pay(r, 'ada', 3);
  await eventually('what is new', () => results.length >= 2 && idsOf(results).includes(3));
  expect(idsOf(results)).toEqual([1, 2, 3]);
});

test('a refused connection is no end: it tries again', async () => {
  const refused = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => refused.listen(0, '127.0.0.1', resolve));
  const { port } = refused.address() as { port: number };
  await using r = await sampleRiver();
  let tries = 0;
  const url = () => (tries++ < 3 ? `ws://127.0.0.1:${port}` : r.wsUrl);
  const token = await tokenFor({ sub: 'ada' });
  await using client = graphqlWs({ url: r.url, token: async () => token }, { url });
  const { results, ends } = client.listen(mine);
  await subscribed(r, 1);
  await pay(r, 'ada', 1);
  await eventually('an event', () => results.length === 1);
  expect([tries, ends]).toEqual([4, []]);
  await new Promise((resolve) => refused.close(resolve));
});

test('a gap is told by the heartbeat when the event behind it is long in coming, and only once, cut off meanwhile or not', async () => {
  // A client that has no turn between two beats is cut off.
  await using r = await sampleRiver({ heartbeat: 200 });
  const token = await tokenFor({ sub: 'ada' });
  const gaps: Gap[] = [];
  const cursors: string[] = [];
  let [pings, connects] = [0, 0];
  await using client = graphqlWs(
    {
      url: r.url,
      token: async () => token,
      onGap: (gap) => void gaps.push(gap),
      onCursor: (cursor) => void cursors.push(cursor),
    },
    { on: { ping: () => void pings++, connected: () => void connects++ } },
  );
  const heartbeats = async () => {
    const before = pings;
    await eventually('more heartbeats', () => pings > before + 2);
  };
  const { results } = client.listen(mine);
  await subscribed(r, 1);
  await pay(r, 'ada', 1);
  await lose(r, 7);
  await eventually('the gap', () => gaps.length > 0);
  expect(idsOf(results)).toEqual([1]);
  await heartbeats();
  await pay(r, 'ada', 2);
  await eventually('the event behind it', () => results.length === 2);
  await lose(r, 8);
  await eventually('another gap', () => gaps.length > 1);
  const known = cursors.at(-1);
  const before = connects;
  client.client.terminate();
  await eventually('it is back', () => connects > before);
  await subscribed(r, 1);
  await heartbeats();
  await pay(r, 'ada', 3);
  await eventually('the event behind that one', () => results.length === 3);
  expect(results[2].extensions.gap).toEqual({ reason: 'SOURCE_LOST', missed: 8 });
  expect(gaps.map(({ missed }) => missed)).toEqual([7, 8]);
  expect(known).toBe(results[1].extensions.cursor);
  // The same again is another one, now that an event lies between.
  await lose(r, 8);
  await eventually('one more gap', () => gaps.length > 2);
});

test('a gap that has grown since a heartbeat told it is told again, once', async () => {
  await using r = await sampleRiver({ heartbeat: 200 });
  const token = await tokenFor({ sub: 'ada' });
  const gaps: Gap[] = [];
  let pings = 0;
  await using client = graphqlWs(
    { url: r.url, token: async () => token, onGap: (gap) => void gaps.push(gap) },
    { on: { ping: () => void pings++ } },
  );
  const { results } = client.listen(mine);
  await subscribed(r, 1);
  await pay(r, 'ada', 1);
  await lose(r, null);
  await eventually('the gap', () => gaps.length === 1);
  await lose(r, null);
  await eventually('it has grown', () => gaps.length === 2);
  const before = pings;
  await eventually('more heartbeats', () => pings > before + 2);
  await pay(r, 'ada', 2);
  await eventually('the event behind it', () => results.length === 2);
  expect(results[1].extensions.gap).toEqual({ reason: 'SOURCE_LOST', missed: null, times: 2 });
  expect(gaps.length).toBe(2);
});

describe('an id that its user gives again begins anew', () => {
  test('after the operation was left', async () => {
    await using r = await sampleRiver();
    const token = await tokenFor({ sub: 'ada' });
    await using client = graphqlWs({ url: r.url, token: async () => token }, { generateID: () => 'one' });
    const first = client.listen(mine);
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => first.results.length === 1);
    first.stop();
    await subscribed(r, 0);
    await pay(r, 'ada', 2);
    const second = client.listen(mine);
    await subscribed(r, 1);
    await pay(r, 'ada', 3);
    await eventually('what is new', () => second.results.length > 0);
    expect(idsOf(second.results)).toEqual([3]);
  });

  test('after it was left while there was no connection', async () => {
    await using r = await sampleRiver({ heartbeat: 50 });
    const token = await tokenFor({ sub: 'ada' });
    const ids = ['one', 'other', 'one'];
    let cursors = 0;
    const onCursor = () => void cursors++;
    const generateID = () => ids.shift() as string;
    await using client = graphqlWs({ url: r.url, token: async () => token, onCursor }, { generateID });
    const first = client.listen(mine);
    const stays = client.listen(mine);
    await subscribed(r, 2);
    await pay(r, 'ada', 1);
    await eventually('an event', () => first.results.length === 1 && stays.results.length === 1);
    client.client.terminate();
    first.stop();
    await pay(r, 'ada', 2);
    await eventually('the other is back', () => stays.results.length === 2);
    const before = cursors;
    await eventually('a heartbeat', () => cursors > before);
    await subscribed(r, 1);
    const again = client.listen(mine);
    await subscribed(r, 2);
    await pay(r, 'ada', 3);
    await eventually('what is new', () => again.results.length > 0);
    expect([first, again].map(({ results }) => idsOf(results))).toEqual([[1], [3]]);
  });
});

describe('what its user gives to graphql-ws stays', () => {
  test('listeners are called, and the replacer sees every message as it is sent', async () => {
    await using r = await sampleRiver();
    const seen = new Set<string>();
    const sent: unknown[] = [];
    const client = createClient(
      resumingWebSocket<ClientOptions>({
        url: r.wsUrl,
        webSocketImpl: WebSocket,
        connectionParams: { Authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` },
        on: {
          opened: () => seen.add('opened'),
          connected: () => seen.add('connected'),
          message: ({ type }) => seen.add(type),
          closed: () => seen.add('closed'),
        },
        jsonMessageReplacer(key, value) {
          if (key === '') sent.push(value.type);
          return key === 'least' ? 20 : value;
        },
      }),
    );
    const results: Result[] = [];
    const query = 'subscription Large($least: Float) { transaction(minAmount: $least) { id } }';
    const stop = client.subscribe(
      { query, variables: { least: 10 } },
      { next: (result) => results.push(result), error: () => {}, complete: () => {} },
    );
    await subscribed(r, 1);
    await pay(r, 'ada', 1, 2);
    await eventually('the event that the replacer asked for', () => results.length > 0);
    stop();
    await eventually('it is closed', () => seen.has('closed'));
    expect(idsOf(results)).toEqual([2]);
    expect(seen).toEqual(new Set(['closed', 'connected', 'connection_ack', 'next', 'opened', 'ping']));
    expect(sent).toEqual(['connection_init', 'subscribe', 'pong', 'complete']);
  });

  test('its payload is not touched: the same frozen one may be subscribed twice', async () => {
    await using r = await sampleRiver();
    await using line = await wire(r);
    const token = await tokenFor({ sub: 'ada' });
    await using client = graphqlWs({ url: line.url, token: async () => token });
    const payload = Object.freeze({ query: mine, extensions: Object.freeze({ mine: true }) });
    const results: Result[][] = [[], []];
    for (const heard of results) {
      const sink = { next: (result: Result) => heard.push(result), error: () => {}, complete: () => {} };
      client.client.subscribe(payload, sink);
      await subscribed(r, results.indexOf(heard) + 1);
      await pay(r, 'ada', results.indexOf(heard) + 1);
    }
    await eventually('both have theirs', () => results[0]?.length === 2 && results[1]?.length === 1);
    client.client.terminate();
    await pay(r, 'ada', 3);
    await eventually('both are back', () => results.flat().length === 5);
    expect(results.map(idsOf)).toEqual([
      [1, 2, 3],
      [2, 3],
    ]);
    expect(payload).toEqual({ query: mine, extensions: { mine: true } });
  });
});

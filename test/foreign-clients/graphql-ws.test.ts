import { type Client, createClient, type SubscribePayload } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { socket } from '../support/clients/socket.js';
import { eventually } from '../support/eventually.js';
import { listen, type Result, tokenFor } from '../support/river.js';
import { fleet, pay, positions, sampleRiver, subscribed } from '../support/sample.js';
import { door } from '../support/servers/door.js';

const mine = 'subscription { transaction { id } }';
const idsOf = (results: Result[]): string[] => results.map(({ data }) => data.transaction.id);
const cursorOf = (results: Result[], at = -1): string => results.at(at).extensions.cursor;

async function once(client: Client, payload: SubscribePayload): Promise<Result> {
  for await (const result of client.iterate(payload)) return result;
}

const clientOf = (url: string, token?: string): Client & AsyncDisposable => {
  const connectionParams = token ? { Authorization: `Bearer ${token}` } : {};
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams });
  return { ...client, [Symbol.asyncDispose]: async () => client.dispose() };
};

describe('after a disconnect, on another replica', () => {
  test.each([
    [
      '@resume(after: $after)',
      (after: string) => ({
        query: 'subscription Mine($after: String) @resume(after: $after) { transaction { id } }',
        variables: { after },
      }),
    ],
    ['extensions: {after}', (after: string) => ({ query: mine, extensions: { after } })],
  ])('%s goes on without a hole and without a repeat', async (_, resumed) => {
    await using r = await sampleRiver();
    const other = await r.replica();
    const token = await tokenFor({ sub: 'ada' });
    const before = listen(r.wsUrl, mine, { token });
    await subscribed(r, 1);
    await pay(r, 'ada', 1, 2, 3);
    await eventually('three events', () => before.results.length === 3);
    before.close();
    await subscribed(r, 0);
    await pay(r, 'ada', 4);
    await pay(r, 'grace', 5);
    await pay(r, 'ada', 6);
    await using after = listen(other.wsUrl, '', { token, ...resumed(cursorOf(before.results)) });
    await eventually('what was missed', () => after.results.length >= 2);
    await pay(r, 'ada', 7);
    await eventually('what is new', () => after.results.length >= 3);
    expect(idsOf(after.results)).toEqual(['4', '6', '7']);
  });

  test('any cursor will do: from an older one, everything after it comes once more', async () => {
    await using r = await sampleRiver();
    const token = await tokenFor({ sub: 'ada' });
    await using before = listen(r.wsUrl, mine, { token });
    await subscribed(r, 1);
    await pay(r, 'ada', 1, 2, 3);
    await eventually('three events', () => before.results.length === 3);
    await using after = listen(r.wsUrl, mine, { token, extensions: { after: cursorOf(before.results, 0) } });
    await eventually('two events', () => after.results.length >= 2);
    expect(idsOf(after.results)).toEqual(['2', '3']);
  });

  test("the client's own silent retry resumes when it keeps payload.extensions.after current", async () => {
    await using r = await sampleRiver();
    const other = await r.replica();
    await using front = await door(r);
    const client = createClient({
      url: front.wsUrl,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` },
      retryAttempts: 5,
      retryWait: async () => {},
      shouldRetry: () => true,
    });
    const payload = { query: mine, extensions: {} as { after?: string } };
    const results: Result[] = [];
    const next = (result: Result) => {
      payload.extensions.after = result.extensions.cursor;
      results.push(result);
    };
    client.subscribe(payload, { next, error: () => undefined, complete: () => undefined });
    await subscribed(r, 1);
    await pay(r, 'ada', 1, 2);
    await eventually('two events', () => results.length === 2);
    front.lead(other);
    front.cut();
    await pay(r, 'ada', 3, 4);
    await eventually('it has come back and has all', () => results.length >= 4);
    await pay(r, 'ada', 5);
    await eventually('what is new', () => results.length >= 5);
    expect(idsOf(results)).toEqual(['1', '2', '3', '4', '5']);
    expect(front.count()).toBeGreaterThanOrEqual(2);
    await client.dispose();
  });

  test('a cursor of another field, or one that was changed, is refused with CURSOR_INVALID', async () => {
    await using r = await sampleRiver();
    const token = await tokenFor({ sub: 'ada' });
    await using before = listen(r.wsUrl, mine, { token });
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => before.results.length === 1);
    const cursor = cursorOf(before.results);
    const changed = `${cursor[0] === 'A' ? 'B' : 'A'}${cursor.slice(1)}`;
    const vehicles = 'subscription { vehicle { id } }';
    for (const [query, after] of [
      [vehicles, cursor],
      [mine, changed],
      [mine, 'abc'],
      [mine, 7],
      [mine, ''],
    ] as const) {
      const [error] = (await listen(r.wsUrl, query, { token, extensions: { after } }).ended) as Result[];
      expect(error.extensions.code, String(after)).toBe('CURSOR_INVALID');
    }
  });
});

test('@resume(rewind: n) begins with the last n events this viewer may see, then goes on live', async () => {
  await using r = await sampleRiver();
  await pay(r, 'ada', 1, 2, 3);
  await pay(r, 'grace', 4, 5, 6, 7);
  await pay(r, 'ada', 8);
  const token = await tokenFor({ sub: 'ada' });
  await using ada = listen(r.wsUrl, 'subscription @resume(rewind: 2) { transaction { id } }', { token });
  await eventually('the last two', () => ada.results.length >= 2);
  await pay(r, 'ada', 9);
  await eventually('a new one', () => ada.results.length >= 3);
  expect(idsOf(ada.results)).toEqual(['3', '8', '9']);
});

test('a query and a mutation over WebSocket are answered and completed', async () => {
  await using r = await sampleRiver();
  await using client = clientOf(r.wsUrl, await tokenFor({ sub: 'ada' }));
  expect(await once(client, { query: '{ version viewer { sub claims } }' })).toEqual({
    data: { version: '1.2.3', viewer: { sub: 'ada', claims: expect.objectContaining({ sub: 'ada' }) } },
  });
  const heard: Result[] = [];
  const sink = { next: (result: Result) => heard.push(result), error: () => undefined, complete: () => undefined };
  client.subscribe({ query: 'subscription { typing(room: "lobby") { userId } }' }, sink);
  const mutation = { query: 'mutation Say($room: ID!) { sendTyping(room: $room) }', variables: { room: 'lobby' } };
  await eventually('the mutation is heard', async () => {
    expect(await once(client, mutation)).toEqual({ data: { sendTyping: true } });
    return heard.length > 0;
  });
  expect(heard[0]).toEqual({ data: { typing: { userId: 'ada' } } });
});

test('without a token a public field streams and a private one gets UNAUTHENTICATED, on one socket that stays', async () => {
  await using r = await sampleRiver();
  await using ws = socket(r.wsUrl);
  await ws.init();
  await ws.subscribe('tram', { query: 'subscription { vehicle(id: "tram-6-01") { id lat } }' });
  for (const [id, query] of [
    ['stream', mine],
    ['typing', 'subscription { typing(room: "lobby") { userId } }'],
    ['mutation', 'mutation { sendTyping(room: "lobby") }'],
    ['alias', 'subscription { mine: transaction { id } }'],
    ['fragment', 'subscription { ...F } fragment F on Subscription { transaction { id } }'],
  ] as const) {
    await ws.subscribe(id, { query });
    const { payload } = await ws.message('error', id);
    expect(payload[0].extensions.code, id).toBe('UNAUTHENTICATED');
  }
  await subscribed(r, 1);
  await r.publish(fleet, positions(51.05, 'tram-6-01', 'tram-6-02'));
  const { payload } = await ws.message('next', 'tram');
  expect(payload.data).toEqual({ vehicle: { id: 'tram-6-01', lat: 51.05 } });
  expect(ws.isOpen()).toBe(true);
  expect(ws.messages.filter(({ type }) => type === 'next')).toHaveLength(1);
});

test('the token of the connection may stand under Authorization or authorization', async () => {
  await using r = await sampleRiver();
  for (const name of ['Authorization', 'authorization']) {
    await using ws = socket(r.wsUrl);
    await ws.init({ [name]: `Bearer ${await tokenFor({ sub: 'ada' })}` });
    await ws.subscribe('1', { query: '{ viewer { sub } }' });
    expect((await ws.message('next', '1')).payload.data.viewer).toEqual({ sub: 'ada' });
  }
});

describe('a bad token closes with 4403 at once, with the reason but never the token', () => {
  test.each([
    ['signed with another key', async () => `${(await tokenFor({ sub: 'ada' })).slice(0, -4)}AAAA`],
    ['expired', () => tokenFor({ sub: 'ada' }, -60_000)],
    ['no token at all', async () => 'swordfish'],
    ['unsigned', async () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"ada"}')}.`.replaceAll('=', '')],
  ])('%s', async (_, tokenOf) => {
    await using r = await sampleRiver();
    await using ws = socket(r.wsUrl);
    const token = await tokenOf();
    await ws.send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
    const { code, reason } = await ws.closed;
    expect(code).toBe(4403);
    expect(reason).toMatch(/^This needs a valid token: ./);
    expect(reason).not.toContain(token);
    expect(ws.messages).toEqual([]);
  });

  test.each([
    ['a string without Bearer', 'Basic YWRhOmFkYQ=='],
    ['a number', 7],
    ['an object', { sub: 'ada' }],
  ])('an Authorization that is %s', async (_, Authorization) => {
    await using r = await sampleRiver();
    await using ws = socket(r.wsUrl);
    await ws.send({ type: 'connection_init', payload: { Authorization } });
    expect((await ws.closed).code).toBe(4403);
  });
});

describe('what breaks the protocol closes with its own code', () => {
  test.each<[string, number, (ws: ReturnType<typeof socket>) => Promise<void>]>([
    ['subscribe before connection_init', 4401, (ws) => ws.subscribe('1', { query: '{ version }' })],
    [
      'a second connection_init',
      4429,
      async (ws) => {
        await ws.init();
        await ws.send({ type: 'connection_init' });
      },
    ],
    [
      'an id that is in use',
      4409,
      async (ws) => {
        await ws.init();
        for (let n = 0; n < 2; n++) await ws.subscribe('same', { query: 'subscription { vehicle { id } }' });
      },
    ],
    [
      'a message of unknown type',
      4400,
      async (ws) => {
        await ws.init();
        await ws.send({ type: 'start', id: '1', payload: { query: '{ version }' } });
      },
    ],
  ])('%s', async (_, code, misbehave) => {
    await using r = await sampleRiver();
    await using ws = socket(r.wsUrl);
    await misbehave(ws);
    expect((await ws.closed).code).toBe(code);
    await subscribed(r, 0);
  });

  test('no connection_init in time', async () => {
    await using r = await sampleRiver({ limits: { initTimeout: 50 } });
    await using ws = socket(r.wsUrl);
    expect((await ws.closed).code).toBe(4408);
  });

  test('another path than /graphql is refused before it is a WebSocket', async () => {
    await using r = await sampleRiver();
    await using ws = socket(r.wsUrl.replace('/graphql', '/other'));
    await expect(ws.sendText('')).rejects.toThrow('404');
  });
});

test('completing a subscription ends it on the server, and its id is free again', async () => {
  await using r = await sampleRiver();
  await using ws = socket(r.wsUrl);
  await ws.init({ Authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` });
  await ws.subscribe('1', { query: mine });
  await subscribed(r, 1);
  await ws.send({ type: 'complete', id: '1' });
  await subscribed(r, 0);
  await pay(r, 'ada', 1);
  await ws.subscribe('1', { query: mine });
  await subscribed(r, 1);
  await pay(r, 'ada', 2);
  await ws.message('next', '1');
  expect(ws.messages.filter(({ type }) => type === 'next').map(({ payload }) => payload.data.transaction.id)).toEqual([
    '2',
  ]);
});

test('every heartbeat brings a cursor for each stream, also for one that has shown nothing, and it resumes', async () => {
  await using r = await sampleRiver({ heartbeat: 20 });
  const token = await tokenFor({ sub: 'ada' });
  await using ws = socket(r.wsUrl);
  await ws.init({ Authorization: `Bearer ${token}` });
  await ws.subscribe('quiet', { query: mine });
  await subscribed(r, 1);
  const { payload } = await eventually('a ping', () => ws.messages.find((m) => m.payload?.cursors?.quiet) ?? null);
  await pay(r, 'ada', 1);
  await using after = listen(r.wsUrl, mine, { token, extensions: { after: payload.cursors.quiet } });
  await eventually('what came after the heartbeat', () => after.results.length === 1);
});

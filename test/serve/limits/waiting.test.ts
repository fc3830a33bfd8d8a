import { describe, expect, test } from 'vitest';
import type { AuditEntry } from '../../../src/observe/audit.js';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import type { GatewayParts } from '../../../src/serve/gateway.js';
import type { GatewayLimits } from '../../../src/serve/limits/limits.js';
import { upTo } from '../../support/cards.js';
import { socket } from '../../support/clients/socket.js';
import { eventually } from '../../support/eventually.js';
import { river, tokenFor } from '../../support/river.js';

const sdl = `
  type Query { one: Int! @public }
  type Subscription {
    row(id: ID!): Row! @kafka(topic: "rows") @where(rule: "event.id == args.id") @public
    mine(id: ID!): Row! @kafka(topic: "rows") @where(rule: "event.id == args.id && event.team == claims.team")
  }
  type Row { id: ID! n: Int team: String }`;
const query = 'subscription ($id: ID!) { row(id: $id) { id n } }';
const mine = 'subscription ($id: ID!) { mine(id: $id) { id n } }';
const row = (id: number | string, its = query) => ({ query: its, variables: { id: String(id) } });
/** Longer than any test: who waits so long waits for room, and not for the end of its patience. */
const forLong = 600_000;

async function fullRiver(limits: Partial<GatewayLimits>, parts: Partial<GatewayParts> = {}) {
  const limited: string[] = [];
  const waits: string[] = [];
  let subscribed = 0;
  const metrics = {
    ...noGatewayMetrics,
    limited: (limit: string) => void limited.push(limit),
    waitedForRoom: (limit: string) => void waits.push(limit),
    subscribed: (_: string, change: number) => {
      subscribed += change;
    },
  };
  const resolvers = { Query: { one: () => 1 } };
  const r = await river(sdl, { limits: { roomWait: forLong, ...limits }, metrics, resolvers, ...parts });
  return Object.assign(r, { limited, waits, subscribed: () => subscribed });
}

type Client = ReturnType<typeof socket>;
const authorization = async (claims: object) => ({ authorization: `Bearer ${await tokenFor({ ...claims })}` });
const complete = (client: Client, id: number | string) => client.send({ type: 'complete', id: String(id) });
const rowsOf = ({ messages }: Client) =>
  messages.filter(({ type }) => type === 'next').map(({ id, payload }) => [id, Object.values(payload.data)[0]]);

describe('a page that subscribes to its next rows before it completes the last ones', () => {
  test('is refused none of 150, though both together are more than a socket may have; each row has its events', async () => {
    await using r = await fullRiver({ subscriptionsPerSocket: 200 });
    await using page = socket(r.wsUrl);
    await page.init();
    for (const n of upTo(150)) void page.subscribe(`old ${n}`, row(n));
    await eventually('all are there', () => r.subscribed() === 150);
    for (const n of upTo(150)) void page.subscribe(`new ${n}`, row(150 + n));
    for (const n of upTo(150)) void complete(page, `old ${n}`);
    await eventually(
      'the new ones are there',
      () => page.messages.filter(({ type }) => type === 'ping').length === 300,
    );
    await eventually('the old ones have gone', () => r.subscribed() === 150);
    for (const n of upTo(150)) await r.publish('rows', { id: 150 + n, n });
    await eventually('all have come', () => rowsOf(page).length === 150);
    expect(rowsOf(page)).toEqual(upTo(150).map((n) => [`new ${n}`, { id: String(150 + n), n }]));
    expect(page.messages.filter(({ type }) => type === 'error')).toEqual([]);
    expect(r.waits).toEqual(Array(100).fill('subscriptionsPerSocket'));
    expect(r.limited).toEqual([]);
  });
});

describe('what waits for room', () => {
  test('is refused when nothing has ended in time, and what runs goes on', async () => {
    await using r = await fullRiver({ subscriptionsPerSocket: 1, roomWait: 30 });
    await using page = socket(r.wsUrl);
    await page.init();
    await page.subscribe('1', row(1));
    await page.subscribe('2', row(2));
    const { payload } = await page.message('error', '2');
    expect(payload[0].extensions).toEqual({ code: 'LIMIT_EXCEEDED', limit: 'subscriptionsPerSocket', max: 1 });
    expect([r.waits, r.limited]).toEqual([['subscriptionsPerSocket'], ['subscriptionsPerSocket']]);
    await r.publish('rows', { id: 1 });
    await page.message('next', '1');
    // The refused one has left nothing behind.
    await complete(page, '1');
    await page.subscribe('3', row(3));
    await eventually('it has begun', () => page.messages.filter(({ type }) => type === 'ping').length === 2);
  });

  test('begins in the order in which it was asked for, over all connections of a user', async () => {
    await using r = await fullRiver({ subscriptionsPerUser: 2 });
    const ada = await authorization({ sub: 'ada' });
    await using one = socket(r.wsUrl);
    await using other = socket(r.wsUrl);
    for (const client of [one, other]) await client.init(ada);
    const begun = () =>
      [one, other].flatMap(({ messages }) => messages.flatMap(({ payload }) => Object.keys(payload?.cursors ?? {})));
    for (const id of ['a', 'b']) await one.subscribe(id, row(id));
    await eventually('both have begun', () => begun().length === 2);
    for (const [client, id] of [
      [other, 'c'],
      [one, 'd'],
      [other, 'e'],
    ] as const) {
      const before = r.waits.length;
      await client.subscribe(id, row(id));
      await eventually('it waits', () => r.waits.length === before + 1);
    }
    for (const [ended, next] of [
      ['a', 'c'],
      ['b', 'd'],
      ['d', 'e'],
    ] as const) {
      await complete(one, ended);
      await eventually('the next one begins', () => begun().includes(next));
      expect(r.subscribed()).toBe(2);
    }
    expect(r.waits).toEqual(Array(3).fill('subscriptionsPerUser'));
  });

  test('takes no room once its client has completed it, and its id is free for another', async () => {
    const begun: unknown[] = [];
    const audit = (entry: AuditEntry) => {
      if (entry.event === 'subscribed') begun.push([entry.peer?.operation, entry.args.id]);
    };
    await using r = await fullRiver({ subscriptionsPerSocket: 2 }, { audit });
    await using page = socket(r.wsUrl);
    await page.init();
    for (const id of ['kept', '1']) await page.subscribe(id, row(id));
    await page.subscribe('2', row('given up'));
    await complete(page, '2');
    await page.subscribe('3', row('3'));
    await eventually('both have waited', () => r.waits.length === 2);
    await complete(page, '1');
    await eventually('the next one has begun', () => page.messages.some(({ payload }) => payload?.cursors?.['3']));
    await page.subscribe('2', row('given up too'));
    await complete(page, '2');
    await page.subscribe('2', row('again'));
    await complete(page, '3');
    await eventually('so has the last', () => page.messages.some(({ payload }) => payload?.cursors?.['2']));
    for (const id of ['given up', 'given up too', 'again']) await r.publish('rows', { id });
    await page.message('next', '2');
    expect(rowsOf(page)).toEqual([['2', { id: 'again', n: null }]]);
    expect(begun).toEqual([...['kept', '1', '3'].map((id) => [id, id]), ['2', 'again']]);
    expect(r.subscribed()).toBe(2);
  });

  test('is gone with its connection: others of its user need not wait for it', async () => {
    await using r = await fullRiver({ subscriptionsPerUser: 1 });
    const ada = await authorization({ sub: 'ada' });
    const leaving = socket(r.wsUrl);
    await using staying = socket(r.wsUrl);
    for (const client of [leaving, staying]) await client.init(ada);
    await leaving.subscribe('1', row(1));
    await leaving.message('ping');
    await leaving.subscribe('2', row(2));
    await eventually('it waits', () => r.waits.length === 1);
    await staying.subscribe('3', row(3));
    await eventually('it waits behind it', () => r.waits.length === 2);
    await leaving[Symbol.asyncDispose]();
    await staying.message('ping');
    await eventually('one is there', () => r.subscribed() === 1);
    await r.publish('rows', { id: 3 });
    await staying.message('next', '3');
  });

  test('begins with the claims of then, where the token was renewed meanwhile, and has kept its turn', async () => {
    await using r = await fullRiver({ subscriptionsPerSocket: 2 });
    await using page = socket(r.wsUrl);
    await page.init(await authorization({ sub: 'ada', team: 'red' }));
    for (const id of ['kept', '1']) await page.subscribe(id, row(id));
    await page.subscribe('2', row(2, mine));
    await page.subscribe('3', row(3, mine));
    await eventually('both wait', () => r.waits.length === 2);
    const { authorization: Authorization } = await authorization({ sub: 'ada', team: 'blue' });
    await page.send({ type: 'ping', payload: { Authorization } });
    expect((await page.message('pong')).payload).toEqual({ ok: true });
    await complete(page, '1');
    await eventually('it has begun', () => page.messages.some(({ payload }) => payload?.cursors?.['2']));
    for (const [n, team] of ['red', 'blue'].entries()) await r.publish('rows', { id: 2, n, team });
    await page.message('next', '2');
    expect(rowsOf(page)).toEqual([['2', { id: '2', n: 1 }]]);
  });

  test('never begins where the token ends, or the gateway retires, before there is room', async () => {
    await using r = await fullRiver({ subscriptionsPerSocket: 1 });
    const ends: [Client, number][] = [];
    for (const [claims, code] of [
      [{ sub: 'ada' }, 4403],
      [{ sub: 'grace' }, 1001],
    ] as const) {
      const client = socket(r.wsUrl);
      await client.init(await authorization(claims));
      for (const id of ['1', '2']) await client.subscribe(id, row(id));
      ends.push([client, code]);
    }
    await eventually('both wait', () => r.waits.length === 2 && r.subscribed() === 2);
    await r.revoke({ sub: 'ada' });
    await eventually('one has gone', () => r.subscribed() === 1);
    await r.retire();
    for (const [client, code] of ends) {
      expect((await client.closed).code).toBe(code);
      expect(client.messages.filter(({ payload }) => payload?.cursors?.['2'])).toEqual([]);
    }
    expect(r.subscribed()).toBe(0);
  });

  test('is so many and so long at most: one more is refused at once', async () => {
    await using r = await fullRiver({ subscriptionsPerSocket: 40 });
    await using many = socket(r.wsUrl);
    await using long = socket(r.wsUrl);
    for (const client of [many, long]) await client.init();
    for (const n of upTo(81)) void many.subscribe(String(n), row(n));
    expect((await many.message('error', '80')).payload[0].extensions.limit).toBe('subscriptionsPerSocket');
    expect(r.waits).toHaveLength(40);
    // Each is counted for 60 of the 1024 KiB that may wait.
    const padded = { ...row(1), variables: { id: 'x'.repeat(60 * 1_024) } };
    for (const n of upTo(40)) void long.subscribe(`short ${n}`, row(n));
    for (const n of upTo(18)) void long.subscribe(`long ${n}`, padded);
    await long.message('error', 'long 17');
    expect(r.waits).toHaveLength(57);
    expect(r.limited).toEqual(['subscriptionsPerSocket', 'subscriptionsPerSocket']);
  });
});

test('a query needs no room among the subscriptions of its user', async () => {
  await using r = await fullRiver({ subscriptionsPerUser: 1 });
  await using page = socket(r.wsUrl);
  await page.init(await authorization({ sub: 'ada' }));
  for (const id of ['1', '2']) await page.subscribe(id, row(id));
  await eventually('one waits', () => r.waits.length === 1);
  await page.subscribe('3', { query: '{ one }' });
  expect((await page.message('next', '3')).payload).toEqual({ data: { one: 1 } });
});

import { describe, expect, test } from 'vitest';
import { LogUnavailable } from '../../src/log/channel-log.js';
import { noGatewayMetrics } from '../../src/observe/metrics.js';
import type { GatewayLimits } from '../../src/serve/limits/limits.js';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { pay, sampleRiver, subscribed } from '../support/sample.js';
import { balancer } from '../support/servers/balancer.js';
import { door } from '../support/servers/door.js';
import { kinds } from './kinds.js';

const mine = 'subscription { transaction { id } }';
const idsOf = (results: Result[]): number[] => results.map(({ data }) => Number(data.transaction.id));
const [[, overWebSocket], [, overEvents]] = kinds as [(typeof kinds)[0], (typeof kinds)[0]];

/** A gateway with little room, which tells what it refused. */
async function small(limits: Partial<GatewayLimits>) {
  const limited: string[] = [];
  let running = 0;
  let most = 0;
  let started = 0;
  const metrics = {
    ...noGatewayMetrics,
    limited: (limit: string) => void limited.push(limit),
    subscribed(_: string, change: number) {
      running += change;
      started += Math.max(0, change);
      most = Math.max(most, running);
    },
  };
  // Whoever waits for room on the server is refused soon: here the client is to wait.
  const r = await sampleRiver({ limits: { roomWait: 1, ...limits } as never, metrics });
  return Object.assign(r, { limited, subscribed: () => running, started: () => started, most: () => most });
}

describe('a page with more rows than its socket has room for', () => {
  test('is refused nothing: rows begin as others are left, and what is left while it waits never begins', async () => {
    await using r = await small({ subscriptionsPerSocket: 3 });
    const token = await tokenFor({ sub: 'ada' });
    await using client = overWebSocket({ url: r.url, token: async () => token });
    const rows = Array.from({ length: 8 }, () => client.listen(mine));
    await subscribed(r, 3);
    await pay(r, 'ada', 1);
    await eventually('the rows that run have it', () => rows.slice(0, 3).every(({ results }) => results.length === 1));
    for (const row of [4, 0, 1, 2]) rows[row]?.stop();
    await eventually('others have begun', () => r.started() === 6);
    await pay(r, 'ada', 2);
    await eventually('they have it', () => [3, 5, 6].every((row) => rows[row]?.results.length));
    expect(rows.map(({ results }) => idsOf(results))).toEqual([[1], [1], [1], [2], [], [2], [2], []]);
    expect(rows.flatMap(({ ends }) => ends).filter((end) => end !== 'complete')).toEqual([]);
    expect([r.limited, r.most()]).toEqual([[], 3]);
  });

  test('keeps every place while its connections are cut and rows wait', async () => {
    await using r = await small({ subscriptionsPerSocket: 2 });
    await using front = await balancer([Number(new URL(r.url).port)]);
    const token = await tokenFor({ sub: 'ada' });
    let ready = 0;
    await using client = overWebSocket({
      url: `http://127.0.0.1:${front.port}/graphql`,
      token: async () => token,
      onReady: () => void ready++,
    });
    const rows = Array.from({ length: 5 }, () => client.listen(mine));
    // Cut off before it knows where it has begun, a row begins anew.
    await eventually('nothing is missed from here on', () => ready === 2);
    let last = 0;
    for (let round = 0; round < 8; round++) {
      const connects = client.connects();
      await pay(r, 'ada', ++last);
      front.cut();
      await pay(r, 'ada', ++last);
      await eventually('it is back', () => client.connects() > connects);
    }
    await eventually('all has arrived', () => rows.slice(0, 2).every(({ results }) => results.length >= last));
    const before = r.started();
    rows[0]?.stop();
    rows[1]?.stop();
    await eventually('the next have begun', () => r.started() === before + 2);
    await pay(r, 'ada', ++last);
    await eventually('they have it', () => rows.slice(2, 4).every(({ results }) => results.length === 1));
    const all = Array.from({ length: last - 1 }, (_, at) => at + 1);
    expect(rows.map(({ results }) => idsOf(results))).toEqual([all, all, [last], [last], []]);
    expect(r.limited).toEqual([]);
  });
});

test.each(kinds.slice(0, 2))(
  '%s: what a user has no room for now begins once there is some, without an error',
  async (_, connect) => {
    await using r = await small({ subscriptionsPerUser: 1 });
    const token = await tokenFor({ sub: 'ada' });
    await using phone = overWebSocket({ url: r.url, token: async () => token });
    const first = phone.listen(mine);
    await subscribed(r, 1);
    await using laptop = connect({ url: r.url, token: async () => token });
    const second = laptop.listen(mine);
    await eventually('it was turned away more than once', () => r.limited.length > 1);
    first.stop();
    await eventually('the second has begun', () => r.started() === 2);
    await pay(r, 'ada', 1);
    await eventually('an event', () => second.results.length === 1);
    expect([idsOf(second.results), second.ends, new Set(r.limited)]).toEqual([
      [1],
      [],
      new Set(['subscriptionsPerUser']),
    ]);
  },
);

test('an operation that is turned away is not asked for again once it is left', async () => {
  await using r = await small({ subscriptionsPerUser: 1 });
  const token = await tokenFor({ sub: 'ada' });
  await using phone = overWebSocket({ url: r.url, token: async () => token });
  const first = phone.listen(mine);
  await subscribed(r, 1);
  await using laptop = overWebSocket({ url: r.url, token: async () => token });
  const kept = laptop.listen(mine);
  const left = laptop.listen(mine);
  await eventually('both were turned away', () => r.limited.length > 1);
  left.stop();
  first.stop();
  await eventually('the one that stays has begun', () => r.started() === 2);
  kept.stop();
  await subscribed(r, 0);
  expect([left.results, r.most()]).toEqual([[], 1]);
});

test('connections that are cut while an operation waits to be asked again lose and repeat nothing', async () => {
  await using r = await small({ subscriptionsPerUser: 1 });
  await using front = await door(r);
  const token = await tokenFor({ sub: 'ada' });
  await using phone = overWebSocket({ url: r.url, token: async () => token });
  await using laptop = overWebSocket({ url: front.url, token: async () => token });
  const second = laptop.listen(mine);
  await subscribed(r, 1);
  await pay(r, 'ada', 1);
  await eventually('an event', () => second.results.length === 1);
  front.lead({ url: 'http://127.0.0.1:1' });
  front.cut();
  await subscribed(r, 0);
  const first = phone.listen(mine);
  await subscribed(r, 1);
  front.lead(r);
  for (let round = 0; round < 4; round++) {
    const before = r.limited.length;
    await eventually('it was turned away', () => r.limited.length > before);
    await pay(r, 'ada', round + 2);
    front.cut();
  }
  first.stop();
  await eventually('what it missed', () => second.results.length >= 5);
  await pay(r, 'ada', 6);
  await eventually('what is new', () => second.results.length >= 6);
  expect([idsOf(second.results), second.ends]).toEqual([[1, 2, 3, 4, 5, 6], []]);
});

test.each(kinds.slice(0, 2))(
  '%s: a replica that cannot reach the log now is tried again, and ends nothing',
  async (_, connect) => {
    await using r = await sampleRiver();
    const log = { ...r.log, close: async () => {}, tail: () => Promise.reject(new LogUnavailable('not there')) };
    let refused = 0;
    const metrics = { ...noGatewayMetrics, refusedOperation: () => void refused++ };
    await using blind = await sampleRiver({ log, metrics });
    await using front = await door(r);
    const token = await tokenFor({ sub: 'ada' });
    await using client = connect({ url: front.url, token: async () => token });
    const { results, ends } = client.listen(mine);
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => results.length === 1);
    front.lead(blind);
    front.cut();
    await eventually('it was turned away more than once', () => refused > 2);
    await pay(r, 'ada', 2);
    front.lead(r);
    front.cut();
    await eventually('what it missed', () => results.length >= 2);
    expect([idsOf(results), ends]).toEqual([[1, 2], []]);
  },
);

test('a limit that never passes is told at once', async () => {
  await using r = await small({ operationDepth: 1 });
  const token = await tokenFor({ sub: 'ada' });
  for (const connect of [overWebSocket, overEvents]) {
    await using client = connect({ url: r.url, token: async () => token });
    const { results, ends } = client.listen('subscription { transaction { merchant { name } } }');
    await eventually('its end', () => ends.length > 0);
    expect(JSON.stringify([results, ends])).toContain('operationDepth');
  }
});

test('a status that would be the same again ends the operation with it, and 429 and 503 do not', async () => {
  await using r = await sampleRiver();
  const token = await tokenFor({ sub: 'ada' });
  const statuses = [503, 429, 502, 408];
  let asked = 0;
  const { graphqlSse } = await import('./kinds.js');
  const fetchFn: typeof fetch = async () => {
    asked++;
    const status = statuses.shift() ?? 418;
    return new Response('', { status, headers: { 'retry-after': '0' } });
  };
  await using client = graphqlSse({ url: r.url, token: async () => token }, { fetchFn });
  const { ends } = client.listen(mine);
  await eventually('its end', () => ends.length > 0);
  expect([asked, (ends[0] as { response: Response }).response.status]).toEqual([5, 418]);
  expect(ends).toHaveLength(1);
});

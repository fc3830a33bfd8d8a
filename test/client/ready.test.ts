import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { pay, sampleRiver, subscribed } from '../support/sample.js';
import { door } from '../support/servers/door.js';
import { graphqlSse, graphqlWs } from './kinds.js';

const mine = 'subscription { transaction { id } }';
const idOf = ({ data }: Result) => Number(data.transaction.id);
const idsOf = (results: Result[]): number[] => results.map(idOf);

describe.each([
  ['graphql-ws', graphqlWs],
  ['graphql-sse', graphqlSse],
])('onReady, over %s,', (_, connect) => {
  /** A page that notes what it is told, in the order in which it is told. */
  async function page() {
    const r = await sampleRiver({ heartbeat: 50 });
    const front = await door(r);
    const token = await tokenFor({ sub: 'ada' });
    const ready: string[] = [];
    const told: unknown[] = [];
    let cursors = 0;
    const client = connect({
      url: front.url,
      token: async () => token,
      onReady(cursor) {
        ready.push(cursor);
        told.push('ready');
      },
      onCursor: () => void cursors++,
    });
    return {
      r,
      front,
      client,
      ready,
      told,
      async heartbeats() {
        const before = cursors;
        await eventually('more heartbeats', () => cursors > before + 2);
      },
      listen(extensions: { after?: string | undefined } = {}): Result[] {
        const results: Result[] = [];
        const next = (result: unknown) => {
          results.push(result as Result);
          told.push(idOf(result as Result));
        };
        client.client.subscribe({ query: mine, extensions }, { next, error() {}, complete() {} });
        return results;
      },
      async [Symbol.asyncDispose]() {
        await client[Symbol.asyncDispose]();
        await front[Symbol.asyncDispose]();
        await r[Symbol.asyncDispose]();
      },
    };
  }

  test('is told once for each operation, before its first event, and not again with heartbeats or after a cut', async () => {
    await using p = await page();
    const results = p.listen();
    await eventually('it is ready', () => p.ready.length > 0);
    await pay(p.r, 'ada', 1);
    await eventually('an event', () => results.length === 1);
    await p.heartbeats();
    p.front.cut();
    await pay(p.r, 'ada', 2);
    await eventually('it is back', () => results.length === 2);
    await p.heartbeats();
    expect(p.told).toEqual(['ready', 1, 2]);
    const others = p.listen();
    await eventually('another one is ready', () => p.ready.length > 1);
    await pay(p.r, 'ada', 3);
    await eventually('both have an event', () => results.length === 3 && others.length === 1);
    expect(p.told).toEqual(['ready', 1, 2, 'ready', 3, 3]);
  });

  test('is told before the events that one which begins at a cursor has missed', async () => {
    await using p = await page();
    p.listen();
    await eventually('a cursor', () => p.ready.length > 0);
    const [cursor] = p.ready;
    await pay(p.r, 'ada', 1, 2, 3);
    await eventually('three events', () => p.told.length === 4);
    p.listen({ after: cursor });
    await eventually('the same again', () => p.told.length === 8);
    expect(p.told).toEqual(['ready', 1, 2, 3, 'ready', 1, 2, 3]);
  });

  test('gives a cursor from which nothing is missed: neither what came at once, nor what came while it was away', async () => {
    await using p = await page();
    const first = p.listen();
    await eventually('a cursor', () => p.ready.length > 0);
    await pay(p.r, 'ada', 1);
    await eventually('an event', () => first.length === 1);
    p.front.cut();
    await pay(p.r, 'ada', 2);
    await eventually('it is back', () => first.length === 2);
    await using later = connect({ url: p.front.url, token: () => tokenFor({ sub: 'ada' }) });
    const again = later.listen(mine, { extensions: { after: p.ready[0] } });
    await eventually('all that came since', () => again.results.length === 2);
    await subscribed(p.r, 2);
    await pay(p.r, 'ada', 3);
    await eventually('what is new', () => again.results.length === 3);
    expect(idsOf(again.results)).toEqual([1, 2, 3]);
  });
});

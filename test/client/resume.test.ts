import { describe, expect, test } from 'vitest';
import type { Gap, Resuming } from '../../src/client/index.js';
import { eventually } from '../support/eventually.js';
import { type Result, type River, river, tokenFor } from '../support/river.js';
import { pay, paymentsUpTo, sampleRiver, subscribed } from '../support/sample.js';
import { balancer } from '../support/servers/balancer.js';
import { kinds } from './kinds.js';
import { lose } from './lose.js';

const mine = 'subscription Mine { transaction { id } }';
const large = 'subscription Large { transaction(minAmount: 40) { id } }';
const idsOf = (results: Result[]): number[] => results.map(({ data }) => Number(data.transaction.id));
/** Two replicas behind one address. */
async function behindOneAddress(r: River) {
  const other = await r.replica();
  const front = await balancer([r, other].map(({ url }) => Number(new URL(url).port)));
  return { ...front, url: `http://127.0.0.1:${front.port}/graphql` };
}

describe.each(kinds)('%s', (_, connect) => {
  test('gets every event once and in order while its connections are cut at random, on any replica', async () => {
    await using r = await sampleRiver();
    await using front = await behindOneAddress(r);
    const token = await tokenFor({ sub: 'ada' });
    const cursors: string[] = [];
    const onCursor = (cursor: string) => void cursors.push(cursor);
    await using client = connect({ url: front.url, token: async () => token, onCursor });
    const { results, ends } = client.listen(mine);
    await eventually('it has a place to resume from', () => cursors.length > 0);
    let last = 0;
    const some = async () => {
      for (let left = Math.floor(Math.random() * 6); left > 0; left--) {
        await pay(r, 'ada', ++last);
        await pay(r, 'grace', 1_000 + last);
      }
    };
    for (let round = 0; round < 25; round++) {
      const connects = client.connects();
      await some();
      // Now and then all has arrived before the cut, mostly it is still on its way.
      if (round % 4 === 0) await eventually('all has arrived', () => results.length >= last);
      await some();
      front.cut();
      await some();
      await eventually('it is connected again', () => client.connects() > connects);
    }
    await pay(r, 'ada', ++last);
    await eventually('the last event', () => results.at(-1)?.data.transaction.id === String(last));
    expect(idsOf(results)).toEqual(paymentsUpTo(last));
    expect(ends).toEqual([]);
  });

  test('loses nothing in a blip before its first event', async () => {
    await using r = await sampleRiver();
    await using front = await behindOneAddress(r);
    const token = await tokenFor({ sub: 'ada' });
    const cursors: string[] = [];
    const onCursor = (cursor: string) => void cursors.push(cursor);
    await using client = connect({ url: front.url, token: async () => token, onCursor });
    const { results } = client.listen(mine);
    await eventually('it has a place to resume from', () => cursors.length > 0);
    front.cut();
    await pay(r, 'ada', 1, 2);
    await eventually('what fell into the blip', () => results.length >= 2);
    await pay(r, 'ada', 3);
    await eventually('what came after', () => results.length >= 3);
    expect(idsOf(results)).toEqual([1, 2, 3]);
  });

  test('keeps a place for each of its operations', async () => {
    await using r = await sampleRiver();
    await using front = await behindOneAddress(r);
    const token = await tokenFor({ sub: 'ada' });
    const reached = new Map<string, number>();
    const onCursor = (_: string, { query }: { query?: string | null | undefined }) => {
      const name = /subscription (\w+)/.exec(query ?? '')?.[1] ?? '';
      reached.set(name, (reached.get(name) ?? 0) + 1);
    };
    await using client = connect({ url: front.url, token: async () => token, onCursor });
    const all = client.listen(mine);
    const some = client.listen(large);
    await eventually('both have a place', () => reached.size === 2);
    await pay(r, 'ada', 1, 2, 3);
    await eventually('three events', () => all.results.length === 3);
    front.cut();
    await pay(r, 'ada', 4, 5);
    await eventually('both have what they missed', () => all.results.length >= 5 && some.results.length >= 2);
    front.cut();
    await pay(r, 'ada', 6);
    await eventually('and again', () => all.results.length >= 6 && some.results.length >= 3);
    expect(idsOf(all.results)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(idsOf(some.results)).toEqual([4, 5, 6]);
  });

  test('does not come back with what its user has left, neither connected nor in the middle of a blip', async () => {
    await using r = await sampleRiver({ heartbeat: 50 });
    await using front = await behindOneAddress(r);
    const token = await tokenFor({ sub: 'ada' });
    await using client = connect({ url: front.url, token: async () => token });
    const stays = client.listen(mine);
    const early = client.listen(large);
    const late = client.listen('subscription Late { transaction { id amount } }');
    await subscribed(r, 3);
    await pay(r, 'ada', 4);
    await eventually('all have it', () => [stays, early, late].every(({ results }) => results.length === 1));
    early.stop();
    await subscribed(r, 2);
    front.cut();
    late.stop();
    await pay(r, 'ada', 5);
    await eventually('the one that stays is back', () => stays.results.length === 2);
    await subscribed(r, 1);
    expect([early, late].map(({ results }) => idsOf(results))).toEqual([[4], [4]]);
  });

  test('is told of a gap while it listens, before the event that comes after it', async () => {
    await using r = await sampleRiver({ heartbeat: 50 });
    const token = await tokenFor({ sub: 'ada' });
    const gaps: unknown[] = [];
    await using client = connect({ url: r.url, token: async () => token, onGap: (gap) => void gaps.push(gap) });
    const { results } = client.listen(mine);
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await lose(r, 7);
    await pay(r, 'ada', 2);
    await eventually('the event after the gap', () => results.length === 2);
    await eventually('the gap', () => gaps.length > 0);
    await pay(r, 'ada', 3);
    await eventually('one more', () => results.length === 3);
    expect(gaps).toEqual([{ reason: 'SOURCE_LOST', missed: 7, ended: false, oldest: null }]);
  });

  test('away for longer than history reaches: the gap is told, and it goes on with the oldest there is', async () => {
    await using r = await river(short, logAlone);
    await using front = await behindOneAddress(r);
    const token = await tokenFor({ sub: 'ada' });
    const gaps: unknown[] = [];
    const online = gate();
    const onGap: Resuming['onGap'] = (gap, { query }) => void gaps.push({ ...gap, query });
    await using client = connect({ url: front.url, token: online.given(token), onGap });
    const { results } = client.listen(mine);
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => results.length === 1);
    online.shut();
    front.cut();
    await pay(r, 'ada', 2, 3, 4, 5, 6, 7, 8);
    online.open();
    await eventually('what history still has', () => results.length >= 4);
    await pay(r, 'ada', 9);
    await eventually('what is new', () => results.length >= 5);
    expect(idsOf(results)).toEqual([1, 6, 7, 8, 9]);
    const query = expect.stringContaining('transaction');
    expect(gaps).toEqual([
      {
        reason: 'TRIMMED',
        missed: expect.toSatisfy((missed) => missed === null || missed === 4),
        ended: false,
        oldest: null,
        query,
      },
    ]);
  });

  test('back in a moment on the replica that heard them: it shows also what history has no more, and there is no gap', async () => {
    await using r = await river(short);
    await using front = await balancer([Number(new URL(r.url).port)]);
    const token = await tokenFor({ sub: 'ada' });
    const gaps: unknown[] = [];
    const online = gate();
    const url = `http://127.0.0.1:${front.port}/graphql`;
    await using client = connect({ url, token: online.given(token), onGap: (gap) => void gaps.push(gap) });
    // Somebody who stays: the replica hears the events, however long the other is away.
    await using other = connect({ url: r.url, token: async () => token });
    const stays = other.listen(mine);
    const { results } = client.listen(mine);
    await subscribed(r, 2);
    await pay(r, 'ada', 1);
    await eventually('an event', () => results.length === 1);
    online.shut();
    front.cut();
    await pay(r, 'ada', 2, 3, 4, 5, 6, 7, 8);
    await eventually('the replica has heard them', () => stays.results.length === 8);
    online.open();
    await eventually('all of them', () => results.length >= 8);
    expect([idsOf(results), gaps]).toEqual([paymentsUpTo(8), []]);
  });

  test('an operation that asks for FAIL ends at such a gap, and is told where it may begin again', async () => {
    await using r = await river(short, logAlone);
    await using front = await behindOneAddress(r);
    const token = await tokenFor({ sub: 'ada' });
    const gaps: Gap[] = [];
    const online = gate();
    const onGap = (gap: Gap) => void gaps.push(gap);
    await using client = connect({ url: front.url, token: online.given(token), onGap });
    const query = 'subscription Mine @resume(onGap: FAIL) { transaction { id } }';
    const { results } = client.listen(query);
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => results.length === 1);
    online.shut();
    front.cut();
    await pay(r, 'ada', 2, 3, 4, 5, 6, 7, 8);
    online.open();
    const { oldest, ...gap } = await eventually('the gap', () => gaps[0] ?? null);
    expect(gap).toMatchObject({ reason: 'TRIMMED', ended: true });
    await subscribed(r, 0);
    const again = client.listen(`subscription From($after: String) @resume(after: $after) { transaction { id } }`, {
      variables: { after: oldest },
    });
    await eventually('what history still has', () => again.results.length >= 3);
    expect(idsOf(again.results)).toEqual([6, 7, 8]);
    expect(gaps).toHaveLength(1);
  });
});

// Beside each other: a token lives for whole seconds.
describe.concurrent.each(kinds)('%s, whose token ends,', (_, connect) => {
  test('goes on with a new token when the old one has ended', async () => {
    await using r = await sampleRiver();
    const online = gate();
    const lives = [3_000, 60_000];
    const token = async () => online.given(await tokenFor({ sub: 'ada' }, lives.shift()))();
    await using client = connect({ url: r.url, token });
    const { results, ends } = client.listen(mine);
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => results.length === 1);
    online.shut();
    await subscribed(r, 0);
    await pay(r, 'ada', 2);
    online.open();
    await eventually('what came when it had no right to it', () => results.length >= 2);
    await pay(r, 'ada', 3);
    await eventually('what is new', () => results.length >= 3);
    expect(idsOf(results)).toEqual([1, 2, 3]);
    expect([lives, ends]).toEqual([[], []]);
  });

  test('brings a new token before the old one ends, and its connection and stream go on', async () => {
    await using r = await sampleRiver();
    const lives = [4_000, 60_000];
    const begun = Date.now();
    const token = () => tokenFor({ sub: 'ada' }, lives.shift());
    await using client = connect({ url: r.url, token });
    const { results, ends } = client.listen(mine);
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => results.length === 1);
    const connects = client.connects();
    await eventually('the end of the first one', () => Date.now() > begun + 5_000);
    await pay(r, 'ada', 2);
    await eventually('what came after it', () => results.length === 2);
    expect([idsOf(results), lives, ends, client.connects()]).toEqual([[1, 2], [], [], connects]);
  });
});

/** Whether a client can connect: what it needs for that is given while the gate is open. */
function gate() {
  let pass = Promise.resolve();
  let open = () => {};
  return {
    given: (token: string) => async () => {
      await pass;
      return token;
    },
    shut() {
      pass = new Promise((resolve) => {
        open = resolve;
      });
    },
    open: () => open(),
  };
}

/** Replicas that remember nothing: one that heard the events a moment ago would show them, though history has them no more. */
const logAlone = { limits: { tailBytes: 0 } };

/** History that holds three events. */
const short = `
  type Subscription {
    transaction(minAmount: Float): Transaction!
      @kafka(topic: "card-transactions") @where(rule: "event.userId == claims.sub") @history(max: 3)
  }
  type Transaction { id: ID!  userId: ID! }
`;

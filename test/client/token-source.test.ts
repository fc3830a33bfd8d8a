import { createClient } from 'graphql-sse';
import { describe, expect, test } from 'vitest';
import { connectionStatus, resumingEvents, tokenSource } from '../../src/client/index.js';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { pay, sampleRiver, subscribed } from '../support/sample.js';
import { graphqlSse, graphqlWs } from './kinds.js';

const query = 'subscription { transaction { id } }';

/** Where tokens come from, which may fail. */
function office(token: (count: number) => string | Promise<string>) {
  let asked = 0;
  const source = tokenSource(async () => token(++asked));
  return { source, asked: () => asked };
}

describe('a source of tokens', () => {
  test('asks once, however many ask it meanwhile and after', async () => {
    const { source, asked } = office(() => tokenFor({ sub: 'ada' }, 600_000));
    const tokens = await Promise.all(Array.from({ length: 50 }, () => source()));
    expect(await source.headers()).toEqual({ authorization: `Bearer ${tokens[0]}` });
    expect([new Set(tokens).size, asked()]).toEqual([1, 1]);
  });

  test('keeps what it cannot read', async () => {
    const { source, asked } = office((count) => `opaque-${count}`);
    expect([await source(), await source(), asked()]).toEqual(['opaque-1', 'opaque-1', 1]);
  });

  test('has a fresh one before the old one ends', async () => {
    const { source, asked } = office((count) => tokenFor({ sub: 'ada' }, count === 1 ? 4_000 : 600_000));
    const first = await source();
    const second = await eventually('another', async () => {
      const next = await source();
      return next !== first && next;
    });
    const [, payload = ''] = first.split('.');
    expect(Date.now()).toBeLessThan(JSON.parse(atob(payload)).exp * 1_000);
    expect([await source(), asked()]).toEqual([second, 2]);
  });

  test('fails for those who wait, and tries again when it is asked next', async () => {
    const { source, asked } = office((count) => {
      if (count === 1) throw new Error('no connection');
      return 'good';
    });
    const both = await Promise.allSettled([source(), source()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([await source(), asked()]).toEqual(['good', 2]);
  });

  test('gives a fresh one after a refusal, one for all who were refused the same', async () => {
    const { source, asked } = office((count) => `token-${count}`);
    await source();
    for (let connection = 0; connection < 5; connection++) source.refused('Bearer token-1');
    source.refused('token-0');
    expect([await source(), await source(), asked()]).toEqual(['token-2', 'token-2', 2]);
  });
});

test('a scroll through a hundred and twenty streams asks for one token', async () => {
  await using r = await sampleRiver();
  const { source, asked } = office(() => tokenFor({ sub: 'ada' }, 600_000));
  const client = createClient(resumingEvents({ url: r.url, headers: source.headers }));
  const sink = { next() {}, error() {}, complete() {} };
  for (let row = 0; row < 120; row += 30) {
    const rows = Array.from({ length: 30 }, () => client.subscribe({ query }, sink));
    await subscribed(r, 30);
    for (const leave of rows) leave();
    await subscribed(r, 0);
  }
  expect(asked()).toBe(1);
  client.dispose();
});

describe.each([
  ['graphql-ws', graphqlWs],
  ['graphql-sse', graphqlSse],
] as const)('%s, whose token is refused,', (name, connect) => {
  const option = name === 'graphql-ws' ? 'connectionParams' : 'headers';

  test('goes on with a fresh one of its source, though the old one looks good', async () => {
    await using r = await sampleRiver();
    const bad = `${(await tokenFor({ sub: 'ada' }, 600_000)).slice(0, -6)}AAAAAA`;
    const { source, asked } = office((count) =>
      count < 3 ? bad.replace('AAA', `AA${count}`) : tokenFor({ sub: 'ada' }),
    );
    const connection = connectionStatus();
    await using client = connect({ url: r.url, token: source, connection }, { [option]: source.headers } as never);
    const { results, ends } = client.listen(query);
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => results.length === 1);
    expect([asked(), ends, connection.current.state]).toEqual([3, [], 'live']);
  });

  test('does not send it again where its function has no other, and goes on once it has', async () => {
    await using r = await sampleRiver();
    const bad = `${(await tokenFor({ sub: 'ada' }, 600_000)).slice(0, -6)}AAAAAA`;
    const good = await tokenFor({ sub: 'ada' });
    let asked = 0;
    let tokenNow = bad;
    let sent = 0;
    const token = async () => {
      asked++;
      return tokenNow;
    };
    const fetchFn: typeof fetch = (url, init) => {
      sent++;
      return fetch(url, init);
    };
    const on = {
      connected: () => {},
      closed: (event: unknown) => void ((event as { code: number }).code === 4403 && sent++),
    };
    await using client = connect({ url: r.url, token }, (name === 'graphql-ws' ? { on } : { fetchFn }) as never);
    const { results, ends }: { results: Result[]; ends: unknown[] } = client.listen(query);
    await eventually('it was asked for another, more than once', () => asked > 4);
    expect(sent).toBe(1);
    tokenNow = good;
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => results.length === 1);
    expect(ends).toEqual([]);
  });
});

import { Client, type ClientOptions, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import { pipe, subscribe } from 'wonka';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.js';
import { type Result, type River, tokenFor } from '../support/river.js';
import { pay, payment, payments, sampleRiver, subscribed } from '../support/sample.js';

interface Urql extends AsyncDisposable {
  readonly client: Client;
}

/** As urql's documentation sets it up with graphql-ws. */
function overWebSocket({ url, wsUrl }: River, token: string): Urql {
  const webSockets = createClient({
    url: wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ Authorization: `Bearer ${token}` }),
  });
  const subscriptions = subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => {
        const unsubscribe = webSockets.subscribe({ ...request, query: request.query || '' } as never, sink as never);
        return { unsubscribe };
      },
    }),
  });
  const client = new Client({ ...common(url, token), exchanges: [cacheExchange, fetchExchange, subscriptions] });
  return { client, [Symbol.asyncDispose]: async () => void (await webSockets.dispose()) };
}

/** urql's own subscriptions, without another library: its `fetchExchange` over server-sent events. */
function overEvents({ url }: River, token: string): Urql {
  const client = new Client({
    ...common(url, token),
    exchanges: [cacheExchange, fetchExchange],
    fetchSubscriptions: true,
  });
  return { client, [Symbol.asyncDispose]: async () => {} };
}

const common = (url: string, token: string): Omit<ClientOptions, 'exchanges'> => ({
  url,
  fetchOptions: { headers: { authorization: `Bearer ${token}` } },
});

function listen({ client }: Urql, query: string, variables: Record<string, unknown> = {}) {
  const results: Result[] = [];
  const { unsubscribe } = pipe(
    client.subscription(query, variables),
    subscribe((result) => void results.push(result)),
  );
  return { results, stop: unsubscribe };
}

describe.each([
  ['graphql-ws in a subscriptionExchange', overWebSocket],
  ['fetchSubscriptions', overEvents],
])('urql with %s', (_, connect) => {
  test("gets the viewer's own events in order, and one that does not fit its type ends nothing", async () => {
    await using r = await sampleRiver();
    await using ada = connect(r, await tokenFor({ sub: 'ada' }));
    const { results } = listen(ada, 'subscription { transaction { id amount } }');
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await pay(r, 'grace', 2);
    await r.publish(payments, payment('ada', 3, { amount: 'a lot' }));
    await pay(r, 'ada', 4);
    await eventually('three results', () => results.length === 3);
    expect(results[0].data).toEqual({ transaction: { id: '1', amount: 10 } });
    expect(results[1].error.graphQLErrors[0].message).toContain('Float cannot represent non numeric value');
    // urql shows the old error beside it: what counts is that the data is here.
    expect(results[2].data).toEqual({ transaction: { id: '4', amount: 40 } });
    expect(results.map(({ stale, hasNext }) => ({ stale, hasNext }))).toEqual(
      results.map(() => ({ stale: false, hasNext: true })),
    );
  });

  test('leaves the server when it unsubscribes', async () => {
    await using r = await sampleRiver();
    await using ada = connect(r, await tokenFor({ sub: 'ada' }));
    const { stop } = listen(ada, 'subscription { transaction { id } }');
    await subscribed(r, 1);
    stop();
    await subscribed(r, 0);
  });

  test('is told why a subscription is refused', async () => {
    await using r = await sampleRiver();
    await using ada = connect(r, await tokenFor({ sub: 'ada' }));
    const { results } = listen(ada, 'subscription { transaction { pin } }');
    const { error } = await eventually('a result', () => results.at(-1) ?? null);
    expect(error.graphQLErrors[0].message).toContain('Cannot query field "pin" on type "Transaction".');
    expect(error.graphQLErrors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test('queries and mutates over HTTP beside it', async () => {
    await using r = await sampleRiver();
    await using ada = connect(r, await tokenFor({ sub: 'ada' }));
    const typing = listen(ada, 'subscription { typing(room: "lobby") { userId } }');
    expect((await ada.client.query('{ viewer { sub } }', {})).data).toMatchObject({ viewer: { sub: 'ada' } });
    await eventually('ada hears herself', async () => {
      const { data } = await ada.client.mutation('mutation { sendTyping(room: "lobby") }', {});
      expect(data).toEqual({ sendTyping: true });
      return typing.results.length > 0;
    });
    expect(typing.results[0].data).toEqual({ typing: { userId: 'ada' } });
  });
});

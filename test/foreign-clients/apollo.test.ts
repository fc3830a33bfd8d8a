import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition } from '@apollo/client/utilities';
import { createClient } from 'graphql-ws';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { pay, payment, payments, sampleRiver, subscribed } from '../support/sample.js';

// What Apollo takes from the browser, and Node 20 does not have.
globalThis.WebSocket ??= WebSocket as never;

/** Apollo Client as its documentation sets it up: subscriptions over WebSocket, the rest over HTTP. */
function apollo({ url, wsUrl }: { url: string; wsUrl: string }, token?: string) {
  const webSockets = createClient({
    url: wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: () => (token ? { Authorization: `Bearer ${token}` } : {}),
  });
  const link = ApolloLink.split(
    ({ query }) => {
      const definition = getMainDefinition(query);
      return definition.kind === 'OperationDefinition' && definition.operation === 'subscription';
    },
    new GraphQLWsLink(webSockets),
    new HttpLink({ uri: url, headers: token ? { authorization: `Bearer ${token}` } : {} }),
  );
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  return {
    client,
    listen(query: string, variables: Record<string, unknown> = {}) {
      const results: Result[] = [];
      const ends: unknown[] = [];
      const listening = client.subscribe({ query: gql(query), variables, errorPolicy: 'all' }).subscribe({
        next: (result) => results.push(result),
        error: (error) => ends.push(error),
        complete: () => ends.push('complete'),
      });
      return { results, ends, stop: () => listening.unsubscribe() };
    },
    async [Symbol.asyncDispose]() {
      client.stop();
      await webSockets.dispose();
    },
  };
}

test("with errorPolicy 'all' an event that does not fit its type is an error, and the next event arrives", async () => {
  await using r = await sampleRiver();
  await using ada = apollo(r, await tokenFor({ sub: 'ada' }));
  const { results, ends } = ada.listen('subscription { transaction { id amount } }');
  await subscribed(r, 1);
  await pay(r, 'ada', 1);
  await r.publish(payments, payment('ada', 2, { amount: 'a lot' }));
  await r.publish(payments, payment('ada', 3, { id: null }));
  await pay(r, 'grace', 4);
  await pay(r, 'ada', 5);
  await eventually('four results', () => results.length === 4);
  const [first, wrong, missing, next] = results;
  expect(first.data).toEqual({ transaction: { __typename: 'Transaction', id: '1', amount: 10 } });
  expect(CombinedGraphQLErrors.is(wrong.error)).toBe(true);
  expect(wrong.error.errors[0]).toMatchObject({ path: ['transaction', 'amount'] });
  expect(wrong.error.errors[0].message).toContain('Float cannot represent non numeric value: "a lot"');
  expect(missing.error.errors[0].message).toBe('Cannot return null for non-nullable field Transaction.id.');
  expect(next.error).toBeUndefined();
  expect(next.data.transaction.id).toBe('5');
  expect(ends).toEqual([]);
});

test('variables go by value: each subscription gets what its own arguments ask for', async () => {
  await using r = await sampleRiver();
  await using ada = apollo(r, await tokenFor({ sub: 'ada' }));
  const query = 'subscription Large($least: Float) { transaction(minAmount: $least) { id } }';
  const all = ada.listen(query);
  const large = ada.listen(query, { least: 30 });
  await subscribed(r, 2);
  await pay(r, 'ada', 1, 2, 3, 4);
  const ids = ({ results }: typeof all) => results.map(({ data }) => data.transaction.id);
  await eventually('both have theirs', () => all.results.length === 4 && large.results.length === 2);
  expect([ids(all), ids(large)]).toEqual([
    ['1', '2', '3', '4'],
    ['3', '4'],
  ]);
});

test('unsubscribing ends the subscription on the server', async () => {
  await using r = await sampleRiver();
  await using ada = apollo(r, await tokenFor({ sub: 'ada' }));
  const { stop } = ada.listen('subscription { transaction { id } }');
  await subscribed(r, 1);
  stop();
  await subscribed(r, 0);
});

test('what one user types reaches the others in the room, over two replicas too', async () => {
  await using r = await sampleRiver();
  const other = await r.replica();
  await using ada = apollo(r, await tokenFor({ sub: 'ada' }));
  await using grace = apollo(other, await tokenFor({ sub: 'grace' }));
  const query = 'subscription Typing($room: ID!) { typing(room: $room) { room userId } }';
  const mutation = gql('mutation Send($room: ID!) { sendTyping(room: $room) }');
  const heard = ada.listen(query, { room: 'a "room" {*}' });
  const elsewhere = ada.listen(query, { room: 'a' });
  const tell = (room: string) => grace.client.mutate({ mutation, variables: { room } });
  // Ephemeral: what is said before the listener is there is gone, so it is said until it is heard.
  await eventually('ada hears grace', async () => {
    expect((await tell('a "room" {*}')).data).toEqual({ sendTyping: true });
    return heard.results.length > 0;
  });
  expect(heard.results[0].data.typing).toEqual({ __typename: 'Typing', room: 'a "room" {*}', userId: 'grace' });
  await eventually('the other room is heard', async () => {
    await tell('a');
    return elsewhere.results.length > 0;
  });
  for (const { data } of elsewhere.results) expect(data.typing.room).toBe('a');
});

test('without a token a private subscription ends with UNAUTHENTICATED, and a query is answered', async () => {
  await using r = await sampleRiver();
  await using nobody = apollo(r);
  const { results, ends } = nobody.listen('subscription { transaction { id } }');
  await eventually('it has ended', () => ends.length > 0);
  expect(results.map(({ error }) => error.errors[0].extensions.code)).toEqual(['UNAUTHENTICATED']);
  const { data } = await nobody.client.query({ query: gql('{ version viewer { sub } }') });
  expect(data).toEqual({ version: '1.2.3', viewer: null });
});

import { ApolloClient, ApolloLink, gql, InMemoryCache, Observable } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client, subscriptionExchange } from '@urql/core';
import { print } from 'graphql';
import * as sse from 'graphql-sse';
import * as ws from 'graphql-ws';
import { pipe, subscribe } from 'wonka';
import { WebSocket } from 'ws';
import { type Resuming, resumingEvents, resumingWebSocket } from '../../src/client/index.js';
import type { Result } from '../support/river.js';

// What Apollo takes from the browser, and Node 20 does not have.
globalThis.WebSocket ??= WebSocket as never;

/** One client, as a page has it: connected through an address that may break at any time. */
export interface Kind extends AsyncDisposable {
  listen(query: string, request?: { variables?: object; extensions?: object }): Listening;
  /** How often it was connected. */
  connects(): number;
}

export interface Listening {
  readonly results: Result[];
  /** What ended it: an error, or 'complete'. */
  readonly ends: unknown[];
  stop(): void;
}

interface Given extends Resuming {
  readonly url: string;
  /** Asked at each connection; '' is none. */
  readonly token: () => Promise<string>;
}

type Sink = { next(result: Result): void; error(error: unknown): void; complete(): void };

function sinkOf() {
  const results: Result[] = [];
  const ends: unknown[] = [];
  const sink: Sink = {
    next: (result) => results.push(result),
    error: (error) => ends.push(error),
    complete: () => ends.push('complete'),
  };
  return { results, ends, sink };
}

/** Short, but never nothing: a socket that was refused tells it twice, and graphql-ws takes the second for the next one's. */
const soon = () => new Promise<void>((resolve) => setTimeout(resolve, 5 + Math.random() * 20));

export function graphqlWs({ url, token, ...resuming }: Given, more: Partial<ws.ClientOptions> = {}) {
  let connects = 0;
  const client = ws.createClient(
    resumingWebSocket(
      {
        url: url.replace('http:', 'ws:'),
        webSocketImpl: WebSocket,
        connectionParams: async () => ({ Authorization: `Bearer ${await token()}` }),
        retryAttempts: 1_000,
        retryWait: soon,
        on: { connected: () => void connects++ },
        ...more,
      },
      resuming,
    ),
  );
  return {
    client,
    connects: () => connects,
    listen(query: string, request: object = {}): Listening {
      const { sink, ...heard } = sinkOf();
      return { ...heard, stop: client.subscribe({ query, ...request }, sink) };
    },
    [Symbol.asyncDispose]: async () => client.dispose(),
  };
}

export function graphqlSse({ url, token, ...resuming }: Given, more: { fetchFn?: typeof fetch } = {}) {
  let connects = 0;
  const client = sse.createClient(
    resumingEvents(
      {
        url,
        headers: async () => {
          const bearer = await token();
          return (bearer ? { Authorization: `Bearer ${bearer}` } : {}) as Record<string, string>;
        },
        retryAttempts: 1_000,
        retry: soon,
        on: { connected: () => void connects++ },
        ...more,
      },
      resuming,
    ),
  );
  return {
    client,
    connects: () => connects,
    listen(query: string, request: object = {}): Listening {
      const { sink, ...heard } = sinkOf();
      return { ...heard, stop: client.subscribe({ query, ...request }, sink) };
    },
    [Symbol.asyncDispose]: async () => client.dispose(),
  };
}

/** Apollo with its own link for graphql-ws, unchanged. */
function apolloOverWs(given: Given): Kind {
  const below = graphqlWs(given);
  return { ...below, listen: apollo(new GraphQLWsLink(below.client)) };
}

/** Apollo over graphql-sse, for which it has no link: these few lines are one. */
function apolloOverSse(given: Given): Kind {
  const below = graphqlSse(given);
  const link = new ApolloLink(
    ({ query, variables, operationName, extensions }) =>
      new Observable((observer) =>
        below.client.subscribe({ query: print(query), variables, operationName, extensions }, observer as Sink),
      ),
  );
  return { ...below, listen: apollo(link) };
}

function apollo(link: ApolloLink): Kind['listen'] {
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  return (query, request = {}) => {
    const { sink, ...heard } = sinkOf();
    const options = { query: gql(query), errorPolicy: 'all' as const, ...request };
    const listening = client.subscribe(options as ApolloClient.SubscribeOptions).subscribe(sink);
    return { ...heard, stop: () => listening.unsubscribe() };
  };
}

/** urql with its own exchange, as its documentation forwards to graphql-ws. */
function urqlOverWs(given: Given): Kind {
  const below = graphqlWs(given);
  return { ...below, listen: urql(given, (request, sink) => below.client.subscribe(request, sink)) };
}

function urqlOverSse(given: Given): Kind {
  const below = graphqlSse(given);
  return { ...below, listen: urql(given, (request, sink) => below.client.subscribe(request, sink)) };
}

function urql({ url }: Given, forward: (request: { query: string }, sink: Sink) => () => void): Kind['listen'] {
  const exchange = subscriptionExchange({
    forwardSubscription: ({ query = '', ...request }) => ({
      subscribe: (sink) => ({ unsubscribe: forward({ query, ...request }, sink as Sink) }),
    }),
  });
  const client = new Client({ url, exchanges: [exchange], preferGetMethod: false });
  return (query, { variables = {} } = {}) => {
    const { sink, results, ends } = sinkOf();
    const { unsubscribe } = pipe(client.subscription(query, variables), subscribe(sink.next));
    return { results, ends, stop: unsubscribe };
  };
}

export const kinds: [string, (given: Given) => Kind][] = [
  ['graphql-ws', graphqlWs],
  ['graphql-sse', graphqlSse],
  ["Apollo's GraphQLWsLink", apolloOverWs],
  ['an ApolloLink over graphql-sse', apolloOverSse],
  ["urql's subscriptionExchange over graphql-ws", urqlOverWs],
  ["urql's subscriptionExchange over graphql-sse", urqlOverSse],
];

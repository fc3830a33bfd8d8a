import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import {
  type ConcreteRequest,
  Environment,
  Network,
  Observable,
  RecordSource,
  requestSubscription,
  Store,
} from 'relay-runtime';
import { pipe, subscribe } from 'wonka';
import { WebSocket } from 'ws';
import { tailraceLink } from '../../src/client/apollo.js';
import type { Gap } from '../../src/client/index.js';
import { type LiveClient, liveClient } from '../../src/client/live/index.js';
import { eventStore } from '../../src/client/react/index.js';
import { tailraceNetwork } from '../../src/client/relay.js';
import { tailraceExchange } from '../../src/client/urql.js';

export interface Heard {
  /** Of each event of which something could be shown, in order. */
  readonly ids: number[];
  /** What was wrong with events. */
  readonly faults: string[];
  readonly gaps: Gap[];
  readonly cursors: string[];
  /** How often it was told to be ready. */
  ready: number;
  /** What the subscription ended with. */
  readonly ends: unknown[];
  stop(): void;
}

export interface Preset extends AsyncDisposable {
  readonly live: LiveClient;
  /** Listens to one's own transactions, or to what else this text asks for. */
  listen(text?: string): Heard;
  /** Asks who one is; null where this preset is for subscriptions only. */
  whoAmI: (() => Promise<string | null>) | null;
}

interface Given {
  readonly url: string;
  readonly token: () => Promise<string>;
}

const mine = 'subscription Mine { transaction { id amount } }';

const soon = () => new Promise<void>((resolve) => setTimeout(resolve, 5 + Math.random() * 20));

const liveOf = ({ url, token }: Given) =>
  liveClient({ url: url.replace('http:', 'ws:'), token, webSocketImpl: WebSocket, retryWait: soon });

const hearing = (): Heard => ({ ids: [], faults: [], gaps: [], cursors: [], ready: 0, ends: [], stop() {} });

const contextOf = (heard: Heard) => ({
  onGap: (gap: Gap) => void heard.gaps.push(gap),
  onCursor: (cursor: string) => void heard.cursors.push(cursor),
  onReady: () => void heard.ready++,
});

type Payload = { transaction: { id: string } | null } | null | undefined;

function took(heard: Heard, data: Payload, fault?: string) {
  if (data?.transaction) heard.ids.push(Number(data.transaction.id));
  if (fault !== undefined) heard.faults.push(fault);
}

function apollo(given: Given): Preset {
  const live = liveOf(given);
  const http = new HttpLink({
    uri: given.url,
    fetch: async (uri, init) =>
      fetch(uri, { ...init, headers: { ...init?.headers, authorization: `Bearer ${await given.token()}` } }),
  });
  const client = new ApolloClient({ link: ApolloLink.from([tailraceLink(live), http]), cache: new InMemoryCache() });
  return {
    live,
    listen(text = mine) {
      const heard = hearing();
      const listening = client
        .subscribe<NonNullable<Payload>>({ query: gql(text), errorPolicy: 'all', context: contextOf(heard) })
        .subscribe({
          next: ({ data, error }) => took(heard, data, error?.message),
          error: (error) => void heard.ends.push(error),
          complete: () => void heard.ends.push('complete'),
        });
      return Object.assign(heard, { stop: () => listening.unsubscribe() });
    },
    whoAmI: async () =>
      (await client.query<{ viewer: { sub: string } }>({ query: gql('{ viewer { sub } }'), fetchPolicy: 'no-cache' }))
        .data?.viewer.sub ?? null,
    [Symbol.asyncDispose]: async () => live.dispose(),
  };
}

function urql(given: Given): Preset {
  const live = liveOf(given);
  const client = new Client({
    url: given.url,
    preferGetMethod: false,
    exchanges: [cacheExchange, tailraceExchange(live), fetchExchange],
    fetch: async (url, init) =>
      fetch(url, { ...init, headers: { ...init?.headers, authorization: `Bearer ${await given.token()}` } }),
  });
  return {
    live,
    listen(text = mine) {
      const heard = hearing();
      const { unsubscribe } = pipe(
        client.subscription(text, {}, contextOf(heard)),
        subscribe(({ data, error, hasNext }) => {
          took(heard, data, error?.message);
          if (!hasNext) heard.ends.push(error ?? 'complete');
        }),
      );
      return Object.assign(heard, { stop: unsubscribe });
    },
    whoAmI: async () => (await client.query('{ viewer { sub } }', {})).data.viewer.sub,
    [Symbol.asyncDispose]: async () => live.dispose(),
  };
}

/** What Relay's compiler makes of an operation on scalars. */
function compiled(kind: 'subscription' | 'query', name: string, body: string, field: object): ConcreteRequest {
  const operation = { argumentDefinitions: [], name, selections: [field] };
  return {
    kind: 'Request',
    fragment: { ...operation, kind: 'Fragment', metadata: null, type: kind, abstractKey: null },
    operation: { ...operation, kind: 'Operation' },
    params: { id: null, cacheID: name, metadata: {}, name, operationKind: kind, text: body },
  } as never;
}

const scalar = (name: string) => ({ kind: 'ScalarField', alias: null, args: null, name, storageKey: null });
const linked = (name: string, concreteType: string, ...fields: string[]) => ({
  kind: 'LinkedField',
  alias: null,
  args: null,
  concreteType,
  name,
  plural: false,
  selections: fields.map(scalar),
  storageKey: null,
});

function relay(given: Given): Preset {
  const live = liveOf(given);
  const all = new Set<Heard>();
  const each = (tell: (heard: Heard) => void) => all.forEach(tell);
  const { fetchQuery, subscribe } = tailraceNetwork({
    http: given.url,
    token: given.token,
    live,
    onGap: (gap) => each(({ gaps }) => gaps.push(gap)),
    onCursor: (cursor) => each(({ cursors }) => cursors.push(cursor)),
    onReady: () => each((heard) => void heard.ready++),
    onBadEvent: (error) => each(({ faults }) => faults.push(error.message)),
  });
  const environment = new Environment({
    network: Network.create(fetchQuery, subscribe),
    store: new Store(new RecordSource()),
  });
  return {
    live,
    listen(text = mine) {
      const heard = hearing();
      all.add(heard);
      const { dispose } = requestSubscription(environment, {
        subscription: compiled('subscription', 'Mine', text, linked('transaction', 'Transaction', 'id', 'amount')),
        variables: {},
        onNext: (data) => took(heard, data as Payload),
        onError: (error) => void heard.ends.push(error),
        onCompleted: () => void heard.ends.push('complete'),
      });
      return Object.assign(heard, { stop: dispose });
    },
    async whoAmI() {
      const query = compiled('query', 'Who', 'query Who { viewer { sub } }', linked('viewer', 'Viewer', 'sub'));
      const answer = await Observable.from(
        environment.getNetwork().execute(query.params, {}, { force: true }),
      ).toPromise();
      return (answer as { data: { viewer: { sub: string } } }).data.viewer.sub;
    },
    [Symbol.asyncDispose]: async () => live.dispose(),
  };
}

/** The store that useEvents stands on. */
function store(given: Given): Preset {
  const live = liveOf(given);
  return {
    live,
    listen(text = mine) {
      const heard = hearing();
      const events = eventStore<NonNullable<Payload>, never>(live, text, {
        onEvent: (transaction, cursor) => {
          took(heard, { transaction });
          if (cursor) heard.cursors.push(cursor);
        },
      });
      let isReady = false;
      events.subscribe(() => {
        const { gap, error, ended, ready } = events.getSnapshot();
        if (gap && !heard.gaps.includes(gap)) heard.gaps.push(gap);
        if (error && !heard.faults.includes(error.message)) heard.faults.push(error.message);
        if (ready && !isReady) heard.ready++;
        isReady = ready;
        if (ended) heard.ends.push(error ?? 'complete');
      });
      return Object.assign(heard, { stop: events.open() });
    },
    whoAmI: null,
    [Symbol.asyncDispose]: async () => live.dispose(),
  };
}

export const presets: [string, (given: Given) => Preset][] = [
  ['eventStore', store],
  ["Apollo's tailraceLink", apollo],
  ["urql's tailraceExchange", urql],
  ["Relay's tailraceNetwork", relay],
];

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache, type TypedDocumentNode } from '@apollo/client';
import { ApolloProvider, useSubscription } from '@apollo/client/react';
import { createElement as h, StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { type TailraceContext, tailraceLink } from '../../src/client/apollo.js';
import { liveClient } from '../../src/client/live/index.js';

// What a page with Apollo Client is: apollo.test.ts drives it.

declare const document: { createElement(name: string): never; readonly body: { append(element: never): void } };

interface Data {
  readonly transaction: { readonly id: string; readonly amount: number };
}

const TRANSACTIONS: TypedDocumentNode<Data, Record<string, never>> = gql`
  subscription { transaction { id amount } }
`;

interface Seen {
  /** By `onData`. */
  readonly heard: number[];
  readonly errors: string[];
  readonly gaps: string[];
  ready: number;
}

const seen: Record<string, Seen> = {};
const contexts: Record<string, TailraceContext & { queryDeduplication: boolean }> = {};
let show: (boards: readonly string[]) => void;

function Board({ name }: { name: string }) {
  seen[name] ??= { heard: [], errors: [], gaps: [], ready: 0 };
  const board = seen[name];
  contexts[name] ??= {
    queryDeduplication: name !== 'alone',
    onGap: ({ reason }) => void board.gaps.push(reason),
    onReady: () => void board.ready++,
  };
  const { data } = useSubscription(TRANSACTIONS, {
    ...(name === 'by default' ? {} : { errorPolicy: 'all' }),
    context: contexts[name],
    onData: ({ data: { data } }) => {
      if (data) board.heard.push(Number(data.transaction.id));
    },
    onError: (error) => void board.errors.push(error.message),
  });
  return h('p', {}, data?.transaction.id);
}

function Page({ first }: { first: readonly string[] }) {
  const [boards, setBoards] = useState(first);
  show = setBoards;
  return h(
    'div',
    {},
    boards.map((name) => h(Board, { key: name, name })),
  );
}

export function start(token: string, first: readonly string[]) {
  const client = liveClient({ url: '/graphql', token: () => token });
  const http = new HttpLink({ uri: '/graphql' });
  const apollo = new ApolloClient({ link: ApolloLink.from([tailraceLink(client), http]), cache: new InMemoryCache() });
  const place = document.createElement('main');
  document.body.append(place);
  // Its types ask for children as a property.
  const provided = ApolloProvider as (props: { client: ApolloClient }) => never;
  createRoot(place).render(h(StrictMode, {}, h(provided, { client: apollo }, h(Page, { first }))));
}

export const boards = (names: readonly string[]) => show(names);
export const look = () => structuredClone(seen);

import { createElement as h, StrictMode, useState } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { liveClient } from '../../src/client/live/index.js';
import {
  type EventStore,
  type Events,
  EventsProvider,
  eventStore,
  useConnection,
  useEvents,
} from '../../src/client/react/index.js';

// What a page of a user's application is, bundled with one version of React: react.test.ts drives it.

declare const document: { createElement(name: string): never; readonly body: { append(element: never): void } };

interface Transaction {
  readonly id: string;
  readonly amount: number;
}

export interface Wish {
  /** No board at all. */
  readonly away?: boolean;
  readonly least?: number;
  readonly skip?: boolean;
  /** Shows the store that outlives it. */
  readonly outlives?: boolean;
}

const query = 'subscription Large($least: Float) { transaction(minAmount: $least) { id amount } }';

/** What the last render showed, and all that was heard. */
const seen = { renders: 0, ids: [] as number[], ready: false, error: '', state: '', heard: [] as number[], gap: '' };
let store: EventStore<Transaction>;
let wishFor: (wish: Wish) => void;
let root: Root;

function Page({ first }: { first: Wish }) {
  const [wish, setWish] = useState(first);
  wishFor = setWish;
  return wish.away ? h('p', {}, 'away') : wish.outlives ? h(Store) : h(Board, wish);
}

function Board({ least, skip = false }: Wish) {
  const board = useEvents<{ transaction: Transaction }>(query, {
    // A new object in each render, as pages write it.
    variables: least === undefined ? {} : { least },
    keep: 1_000,
    skip,
    onEvent: ({ id }) => seen.heard.push(Number(id)),
  });
  return h(Shown, board);
}

function Store() {
  return h(Shown, useEvents(store));
}

function Shown({ events, ready, error, gap }: Events<Transaction>) {
  seen.renders++;
  seen.state = useConnection()?.state ?? '';
  Object.assign(seen, { ids: events.map(({ id }) => Number(id)), ready, error: error?.message ?? '' });
  seen.gap = gap?.reason ?? '';
  return h(
    'ul',
    {},
    events.map(({ id, amount }) => h('li', { key: id }, amount)),
  );
}

export function start(token: string, first: Wish = {}) {
  const client = liveClient({
    url: '/graphql',
    token: () => token,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 20)),
  });
  store = eventStore<{ transaction: Transaction }, object>(client, query, { keep: 1_000 });
  const place = document.createElement('main');
  document.body.append(place);
  root = createRoot(place);
  root.render(h(StrictMode, {}, h(EventsProvider, { client }, h(Page, { first }))));
}

export const wish = (next: Wish) => wishFor(next);
export const look = () => ({ ...seen });
export const unmount = () => root.unmount();

import { gql, type TypedDocumentNode } from '@apollo/client';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, expectTypeOf, test } from 'vitest';
import type { Request, Subscriber } from '../../../src/client/live/subscriber.js';
import { EventsProvider, eventStore, useConnection, useEvents } from '../../../src/client/react/index.js';

interface Data {
  readonly __typename?: 'Subscription';
  readonly transaction: { readonly id: string };
}
interface Variables {
  readonly least?: number;
}

/** As graphql-codegen's client preset makes it with `documentMode: 'string'`. */
class TypedDocumentString extends String {
  declare __apiType?: (variables: Variables) => Data;
}

const text = 'subscription Mine { transaction { id } }';
const node: TypedDocumentNode<Data, Variables> = gql(text);
const requests: Request[] = [];
const client: Subscriber = {
  subscribe(request) {
    requests.push(request);
    return () => {};
  },
};

test('on a server nothing is subscribed to, and a page is rendered as before its first event', () => {
  function Board() {
    const { events, ready, cursor, connection } = useEvents<Data>(text);
    return createElement('p', {}, JSON.stringify([events, ready, cursor, connection, useConnection()]));
  }
  const html = renderToString(createElement(EventsProvider, { client }, createElement(Board)));
  expect(html).toBe('<p>[[],false,null,null,null]</p>');
  expect(requests).toEqual([]);
});

test('without a client it says what is missing', () => {
  const Board = () => createElement('p', {}, useEvents(text).events.length);
  expect(() => renderToString(createElement(Board))).toThrow('put an EventsProvider around the page');
});

test.each<[string, Parameters<typeof eventStore>[1]]>([
  ['text', text],
  ["gql's", node as never],
  ["codegen's of text", new TypedDocumentString(text) as never],
])('a document may be %s', async (_, document) => {
  const close = eventStore(client, document).open();
  await new Promise((resolve) => setImmediate(resolve));
  close();
  expect(requests.at(-1)?.query.replace(/\s+/g, ' ')).toBe(text);
});

test('the types of events and variables are those of the document', () => {
  const store = () => eventStore(client, node, { variables: { least: 1 }, key: ({ id }) => id });
  expectTypeOf(store).returns.toHaveProperty('getSnapshot');
  type Event = ReturnType<ReturnType<typeof store>['getSnapshot']>['events'][number];
  expectTypeOf<Event>().toEqualTypeOf<Data['transaction']>();
  const ofText = () => useEvents(new TypedDocumentString(text), { variables: { least: 1 } }).latest;
  expectTypeOf(ofText).returns.toEqualTypeOf<Data['transaction'] | undefined>();
  // @ts-expect-error: not a variable of this document
  const wrong = () => useEvents(node, { variables: { most: 1 } });
  expectTypeOf(wrong).toBeFunction();
});

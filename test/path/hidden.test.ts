import { createHash } from 'node:crypto';
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, test } from 'vitest';
import type { Resolvers } from '../../src/graphql/executable.js';
import { socket } from '../support/clients/socket.js';
import { events } from '../support/clients/stream.js';
import { eventually } from '../support/eventually.js';
import { listen, type Result, type River, river, tokenFor } from '../support/river.js';

/** With what is hidden, and as if it had never been written. */
const sdl = (isWhole: boolean) => {
  const hidden = (text: string) => (isWhole ? text : '');
  return `
    type Query { me: Order @authenticated  node: Node @authenticated  thing: Thing @authenticated }
    type Mutation { place(id: ID!): Order! @authenticated }
    type Subscription {
      order: Order! @kafka(topic: "orders")
        ${hidden('@where(rule: "event.tenantId == claims.tenant && event.audit.by != claims.sub")')} @authenticated
      anything: Thing @kafka(topic: "things") @authenticated
      mail: Order! @authenticated
    }
    union Thing = Order ${hidden('| Audit')}
    interface Node { id: ID! ${hidden('tenantId: ID @hidden')} }
    type Order implements Node {
      id: ID!  label: String  tenanted: Int
      ${hidden('tenantId: ID! @hidden  audit: Audit  lane: Lane @hidden')}
    }
    ${hidden('type Audit @hidden { by: ID }  enum Lane { FAST SLOW }')}`;
};

const record = { __typename: 'Order', id: 'o1', tenantId: 'acme', audit: { by: 'grace' }, lane: 'FAST' };
const resolvers: Resolvers = {
  Query: { me: () => record, node: () => record, thing: () => ({ __typename: 'Audit', by: 'grace' }) },
  Mutation: { place: () => record },
  Subscription: {
    mail: {
      async *subscribe() {
        yield { mail: record };
      },
    },
  },
  Order: { label: { claims: [], resolve: ({ tenantId }: never) => `of ${tenantId}` } },
};

const operations = [
  '{ me { tenantId } }',
  '{ me { x: tenantId audit { by } lane } }',
  '{ me { tenantI audits lanes } }',
  '{ node { tenantId } }',
  '{ node { ... on Order { tenantId } } }',
  '{ me { ...F } } fragment F on Order { tenantId }',
  '{ me { ...F } } fragment F on Audit { by }',
  '{ thing { ... on Audit { by } } }',
  '{ thing { ... on Audi { by } } }',
  '{ thing { __typename } }',
  '{ __type(name: "Audit") { name } lane: __type(name: "Lane") { name } order: __type(name: "Order") { fields { name } } }',
  '{ __schema { types { name fields { name type { name } } } } }',
  '{ __type(name: "Thing") { possibleTypes { name } } }',
  'query ($lane: Lane) { me { id } }',
  'mutation { place(id: 1) { tenantId } }',
  'mutation { place(id: 1, tenantId: 2) { id } }',
  'subscription { order { tenantId } }',
  'subscription { order { id ...F } } fragment F on Node { tenantId }',
  'subscription { anything { ... on Audit { by } } }',
  'subscription { mail { tenantId } }',
  'subscription { order { audit { by } } }',
  getIntrospectionQuery(),
];
const named = /tenantI|audit|lane/i;
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const persisted = new Map(operations.map((text) => [hashOf(text), text]));

const ways: Readonly<Record<string, (r: River, query: string, token: string) => Promise<Result>>> = {
  async 'HTTP by POST'(r, query, token) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    return (await fetch(r.url, { method: 'POST', headers, body: JSON.stringify({ query }) })).json();
  },
  async 'HTTP by GET'(r, query, token) {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${r.url}?${new URLSearchParams({ query })}`, { headers })).json();
  },
  async 'HTTP by the id of a persisted operation'(r, query, token) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const body = JSON.stringify({ documentId: hashOf(query) });
    return (await fetch(r.url, { method: 'POST', headers, body })).json();
  },
  async 'server-sent events'(r, query, token) {
    await using stream = await events(`${r.url}/stream`, { query }, token);
    return await eventually('an answer', () => stream.results[0] ?? null);
  },
  async WebSocket(r, query, token) {
    await using client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${token}` });
    await client.subscribe('1', { query });
    return await eventually('an answer', () => client.messages.find(({ id }) => id === '1')?.payload ?? null);
  },
};

describe.each([true, false])('what is hidden, with introspection %s', (introspection) => {
  test.each(Object.entries(ways))('is by %s as if it had never been written', async (_, ask) => {
    const parts = { resolvers, introspection, operations: { persisted, only: false } };
    await using whole = await river(sdl(true), parts);
    await using without = await river(sdl(false), parts);
    const token = await tokenFor({ sub: 'ada', tenant: 'acme' });
    for (const query of operations) {
      const answer = await ask(whole, query, token);
      expect({ query, answer }).toEqual({ query, answer: await ask(without, query, token) });
      // What a client wrote itself comes back in an error.
      if (!named.test(query)) expect(JSON.stringify(answer)).not.toMatch(named);
    }
  });
});

test('a rule may ask for it, and a resolver gets it with its parent', async () => {
  await using r = await river(sdl(true), { resolvers });
  const token = await tokenFor({ sub: 'ada', tenant: 'acme' });
  await using acme = listen(r.wsUrl, 'subscription { order { id label } }', { token });
  await using other = listen(r.wsUrl, 'subscription { order { id label } }', {
    token: await tokenFor({ sub: 'bob', tenant: 'umbrella' }),
  });
  await eventually('both have started', () => r.subscribed() === 2);
  await r.publish('orders', { ...record, id: 'o2', tenantId: 'umbrella' });
  await r.publish('orders', { ...record, id: 'o3', audit: { by: 'ada' } });
  await r.publish('orders', record);
  await eventually('both have theirs', () => acme.results.length === 1 && other.results.length === 1);
  expect(acme.results.map(({ data }) => data.order)).toEqual([{ id: 'o1', label: 'of acme' }]);
  expect(other.results[0].data.order).toEqual({ id: 'o2', label: 'of umbrella' });
});

test('an event of a hidden type is an error that does not name it', async () => {
  await using r = await river(sdl(true), { resolvers });
  await using things = listen(r.wsUrl, 'subscription { anything { __typename ... on Order { id } } }', {
    token: await tokenFor({ sub: 'ada' }),
  });
  await eventually('it has started', () => r.subscribed() === 1);
  await r.publish('things', { __typename: 'Audit', by: 'grace' });
  await r.publish('things', record);
  await eventually('both came', () => things.results.length === 2);
  expect(things.results[0].errors).toHaveLength(1);
  expect(JSON.stringify(things.results)).not.toContain('Audit');
  expect(things.results[1].data).toEqual({ anything: { __typename: 'Order', id: 'o1' } });
});

test('a resolver for it is refused at the start: nobody could ask for it', async () => {
  const starting = river(sdl(true), { resolvers: { ...resolvers, Order: { tenantId: () => 'x' } } });
  await expect(starting).rejects.toThrow(/Order\.tenantId/);
});

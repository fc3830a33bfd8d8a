import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { getIntrospectionQuery, print } from 'graphql';
import { describe, expect, test } from 'vitest';
import { socket } from '../support/clients/socket.js';
import { events } from '../support/clients/stream.js';
import { eventually } from '../support/eventually.js';
import { type Result, type River, river } from '../support/river.js';

const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const version = '{ version }';
const notes = 'subscription { note { id } }';
const introspection = getIntrospectionQuery();
const persisted = new Map([version, notes, introspection].map((text) => [hashOf(text), text]));
const byHash = (text: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(text) } } });
const byId = (text: string) => ({ documentId: hashOf(text) });

const inUrl = (request: object) =>
  new URLSearchParams(
    Object.entries(request).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );

/** How each transport takes a request: the code of its refusal, or what came. */
const transports = {
  async 'HTTP by POST'(r: River, request: object, told = outcomeOf) {
    const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
    const answer = await fetch(r.url, { method: 'POST', headers, body: JSON.stringify(request) });
    return told((await answer.json()) as Result);
  },
  async 'HTTP by GET'(r: River, request: object, told = outcomeOf) {
    const headers = { accept: 'application/graphql-response+json' };
    const answer = await fetch(`${r.url}?${inUrl(request)}`, { headers });
    return told((await answer.json()) as Result);
  },
  async 'server-sent events by POST'(r: River, request: object, told = outcomeOf) {
    await using stream = await events(`${r.url}/stream`, request);
    return told(await first(r, stream.results));
  },
  async 'server-sent events by GET'(r: River, request: object, told = outcomeOf) {
    await using stream = await events(`${r.url}/stream?${inUrl(request)}`, null);
    return told(await first(r, stream.results));
  },
  async WebSocket(r: River, request: object, told = outcomeOf) {
    await using client = socket(r.wsUrl);
    await client.init();
    await client.subscribe('1', { query: '', ...request });
    const answers = () => client.messages.filter(({ id }: Result) => id === '1');
    const { type, payload } = await first(r, { at: () => answers()[0] });
    return told(type === 'error' ? { errors: payload } : payload);
  },
};
const operationOn = (transport: string) => (transport.includes('HTTP') ? version : notes);

/** An event comes as soon as somebody listens for one. */
async function first(r: River, results: { at(place: number): Result }): Promise<Result> {
  await eventually('it has started or was answered', () => results.at(0) || r.subscribed() > 0);
  if (!results.at(0)) await r.publish('notes', { id: 7 });
  return eventually('an answer', () => results.at(0) ?? null);
}

const messageOf = ({ errors }: Result) => errors[0].message;
const outcomeOf = ({ data, errors }: Result) => errors?.[0].extensions.code ?? data;
const expected = (transport: string) => (transport.includes('HTTP') ? { version: '1.2.3' } : { note: { id: '7' } });

describe.each(Object.entries(transports))('over %s', (transport, ask) => {
  const text = operationOn(transport);

  test('a persisted operation is executed by its hash and by its id, also where nothing else is', async () => {
    for (const only of [false, true]) {
      await using r = await river(sdl, { operations: { persisted, only } });
      for (const request of [byHash(text), byId(text)]) expect(await ask(r, request)).toEqual(expected(transport));
    }
  });

  test('one that is not there is named as Apollo does', async () => {
    await using r = await river(sdl, { operations: { persisted, only: false } });
    for (const request of [byHash('other'), byId('other')])
      expect(await ask(r, request)).toBe('PERSISTED_QUERY_NOT_FOUND');
  });

  test('one that asks for too much is refused as its text is', async () => {
    await using r = await river(sdl, { operations: { persisted, only: false }, limits: { operationTokens: 2 } });
    for (const request of [byHash(text), byId(text), { query: text }])
      expect(await ask(r, request)).toBe('LIMIT_EXCEEDED');
  });

  test('a text is executed, or refused where only persisted ones are wanted', async () => {
    await using open = await river(sdl, { operations: { persisted, only: false } });
    expect(await ask(open, { query: text })).toEqual(expected(transport));
    await using closed = await river(sdl, { operations: { persisted, only: true } });
    for (const query of [text, '{ __typename }', 'query Q { __schema { types { name } } }', 'no GraphQL'])
      expect(await ask(closed, { query })).toBe('PERSISTED_QUERY_ID_REQUIRED');
  });
});

describe.each(Object.entries(transports))('where introspection is off, over %s', (transport, ask) => {
  test('no guess is answered by the name that was meant', async () => {
    const schema = `
      type Query { salary(kind: Kind, by: By): Int @public }
      type Subscription { salaries(kind: Kind, by: By): Salary! @kafka(topic: "salaries") @public }
      type Salary { amount: Int }
      enum Kind { GROSS NET }
      input By { country: String }`;
    const [kind, root, end] = transport.includes('HTTP')
      ? ['query', 'salary', '']
      : ['subscription', 'salaries', '{ amount }'];
    const guesses: readonly object[] = [
      { query: `${kind} { ${root}y ${end} }` },
      { query: `${kind} { ${root}(knd: NET) ${end} }` },
      { query: `${kind} { ${root}(kind: NETT) ${end} }` },
      { query: `${kind} { ${root}(by: { contry: "" }) ${end} }` },
      { query: `${kind} ($kind: Knd) { ${root}(kind: $kind) ${end} }` },
      { query: `${kind} ($kind: Kind) { ${root}(kind: $kind) ${end} }`, variables: { kind: 'NETT' } },
      { query: `${kind} ($by: By) { ${root}(by: $by) ${end} }`, variables: { by: { contry: '' } } },
    ];
    const resolvers = { Query: { salary: () => 1 } };
    await using closed = await river(schema, { introspection: false, resolvers });
    await using open = await river(schema, { introspection: true, resolvers });
    for (const guess of guesses) {
      expect(await ask(open, guess, messageOf)).toContain('Did you mean');
      expect(await ask(closed, guess, messageOf)).not.toMatch(/did you mean/i);
    }
  });
});

describe('persisted operations', () => {
  test('do not open introspection where it is switched off, and do where it is on and they are it', async () => {
    const operations = { persisted, only: true };
    await using closed = await river(sdl, { operations, introspection: false });
    expect(await transports['HTTP by POST'](closed, byHash(introspection))).toBe('GRAPHQL_VALIDATION_FAILED');
    await using open = await river(sdl, { operations });
    expect(await transports['HTTP by POST'](open, byHash(introspection))).toHaveProperty('__schema');
  });

  test('that do not fit the schema are told when the gateway starts', async () => {
    const told: object[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (fields: object) => void told.push(fields) };
    const operations = { persisted: new Map([['old', '{ gone }']]), only: true };
    await using r = await river(sdl, { operations, logger });
    expect(told).toEqual([{ id: 'old', why: expect.stringContaining('gone') }]);
    expect(await transports['HTTP by POST'](r, { documentId: 'old' })).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test("are what Apollo's client sends; what is not there it sends again as a text", async () => {
    const asked: Result[] = [];
    const fetching: typeof fetch = (url, options) => {
      asked.push(JSON.parse(String(options?.body)));
      return fetch(url, options);
    };
    // Apollo's hash is that of the text as graphql-js prints it, with every `__typename`.
    const known = gql('{ viewer { sub __typename } }');
    const operations = { persisted: new Map([[hashOf(print(known)), print(known)]]), only: false };
    await using r = await river(sdl, { operations });
    const link = ApolloLink.from([
      new PersistedQueryLink({ sha256: async (text) => hashOf(text) }),
      new HttpLink({ uri: r.url, fetch: fetching }),
    ]);
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    expect((await client.query({ query: known })).data).toEqual({ viewer: null });
    expect(asked.map(({ query }) => typeof query)).toEqual(['undefined']);
    expect((await client.query({ query: gql(version) })).data).toEqual({ version: '1.2.3' });
    expect(asked.map(({ query }) => typeof query)).toEqual(['undefined', 'undefined', 'string']);
  });
});

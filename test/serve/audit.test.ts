import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { auditLines } from '../../src/observe/audit-lines.js';
import { socket } from '../support/clients/socket.js';
import { events } from '../support/clients/stream.js';
import { eventually } from '../support/eventually.js';
import { type Result, river, tokenFor } from '../support/river.js';

const sdl = `
  type Query {
    books(author: String): String @requiresScopes(scopes: [["books"]])
    shelf(name: String, least: Int): String @authenticated
    broken: String @authenticated
  }
  type Mutation { lend(book: ID!, to: String): String @authenticated }
  type Subscription {
    mine(kind: String, least: Int): Note! @kafka(topic: "notes") @where(rule: "event.user == claims.sub")
    secret: Note! @kafka(topic: "notes") @where(rule: "event.user == claims.sub") @requiresScopes(scopes: [["secrets"]])
    typing(room: ID!): Int! @authenticated
  }
  type Note { id: ID! user: ID }`;
const resolvers = {
  Query: {
    books: () => 'many',
    shelf: () => 'full',
    broken: () => {
      throw new Error('only the server may know');
    },
  },
  Mutation: { lend: () => 'lent' },
  Subscription: {
    typing: {
      subscribe: async function* () {
        yield { typing: 1 };
      },
    },
  },
};
const mine = 'subscription { mine(kind: "a very private kind") { id } }';
const ada = { sub: 'ada', iss: 'https://id.example' };

/** A river whose audit lines are kept, as they were written and read. */
async function audited() {
  const written: string[] = [];
  const audit = auditLines({ arguments: 'names' }, { write: (line: string) => void written.push(line) });
  const r = await river(sdl, { audit, resolvers: resolvers as never });
  return {
    r,
    text: () => written.join(''),
    /** Those of this kind, when there are so many. */
    told: (event: string, count = 1): Promise<Result[]> =>
      eventually(`${count} lines say ${event}`, () => {
        const found = written.map((line): Result => JSON.parse(line)).filter((line) => line.event === event);
        return found.length >= count ? found : null;
      }),
    [Symbol.asyncDispose]: () => r[Symbol.asyncDispose](),
  };
}

async function signedIn(wsUrl: string, token: string) {
  const client = socket(wsUrl);
  await client.init({ Authorization: `Bearer ${token}` });
  return client;
}

const from = (transport: string, more: object = {}) => ({ address: '127.0.0.1', transport, ...more });
const json = { 'content-type': 'application/json' };

describe('the audit log', () => {
  test('has a line for each subscription on every transport: who, from where, to what, by which name', async () => {
    await using a = await audited();
    const token = await tokenFor(ada);
    await using client = await signedIn(a.r.wsUrl, token);
    await client.subscribe('my-own-id', { query: mine });
    const [overWebSocket] = await a.told('subscribed');
    expect(overWebSocket).toMatchObject({ ...ada, ...from('websocket', { operation: 'my-own-id' }) });
    expect(overWebSocket).toMatchObject({ field: 'mine', arguments: ['kind'] });
    await client.subscribe('another', { query: 'subscription { typing(room: "a") }' });
    const [, another] = await a.told('subscribed', 2);
    expect(another).toMatchObject({ field: 'typing', arguments: ['room'], stream: overWebSocket?.stream });
    await using stream = await events(`${a.r.url}/stream`, { query: mine }, token);
    const [, , overSse] = await a.told('subscribed', 3);
    expect(overSse).toMatchObject({ ...ada, ...from('sse', { stream: stream.id }), field: 'mine' });
  });

  test('has a line for each refusal, with its code: of a token, of an operation, of a field', async () => {
    await using a = await audited();
    const token = await tokenFor(ada);
    const authorization = `Bearer ${token}`;
    const ask = (query: string, headers: object, path = '') =>
      fetch(`${a.r.url}${path}`, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify({ query }) });

    await ask('{ version }', { authorization: 'Bearer garbage' });
    await ask(mine, { authorization: 'Bearer garbage' }, '/stream');
    await using bad = socket(a.r.wsUrl);
    await bad.send({ type: 'connection_init', payload: { Authorization: 'Bearer garbage' } });
    await bad.closed;
    const ofTokens = await a.told('refused', 3);
    expect(ofTokens).toMatchObject(
      ['http', 'sse', 'websocket'].map((name) => ({ ...from(name), code: 'UNAUTHENTICATED' })),
    );
    for (const line of ofTokens) expect(line).not.toHaveProperty('sub');

    await ask('{ books(author: "somebody private") }', { authorization });
    await ask('subscription { secret { id } }', { authorization }, '/stream');
    await using client = await signedIn(a.r.wsUrl, token);
    await client.subscribe('1', { query: 'subscription { secret { id } }' });
    const ofFields = (await a.told('refused', 6)).slice(3);
    const forbidden = (name: string, path: string) => ({ ...ada, ...from(name), code: 'FORBIDDEN', paths: [path] });
    expect(ofFields).toMatchObject([
      forbidden('http', 'books'),
      forbidden('sse', 'secret'),
      forbidden('websocket', 'secret'),
    ]);
    await ask('{ nothing }', { authorization });
    expect((await a.told('refused', 7))[6]).toMatchObject({ ...ada, code: 'GRAPHQL_VALIDATION_FAILED' });
  });

  test('has a line for each query and mutation on every transport, with its root fields and their arguments', async () => {
    await using a = await audited();
    const token = await tokenFor(ada);
    const query = `query ($all: Boolean!) {
      ...some
      left: shelf(least: 1) @skip(if: $all)
      whole: shelf
    } fragment some on Query { shelf(name: "a very private shelf") }`;
    const asked = {
      kind: 'query',
      fields: [
        { field: 'shelf', arguments: ['name'] },
        { field: 'shelf', arguments: [] },
      ],
    };
    const body = { query, variables: { all: true } };
    const ask = (what: object, path = '') =>
      fetch(`${a.r.url}${path}`, {
        method: 'POST',
        headers: { ...json, authorization: `Bearer ${token}` },
        body: JSON.stringify(what),
      }).then((response) => response.text());
    await ask(body);
    await ask(body, '/stream');
    await using client = await signedIn(a.r.wsUrl, token);
    await client.subscribe('q', body);
    expect(await a.told('executed', 3)).toMatchObject([
      { ...ada, ...from('http'), ...asked },
      { ...ada, ...from('sse'), ...asked },
      { ...ada, ...from('websocket', { operation: 'q' }), ...asked },
    ]);

    await ask({ query: 'mutation { lend(book: "1") }' });
    await ask({ query: '{ broken }' });
    await ask({ query: '{ shelf }' });
    const [lent, broken, shelf] = (await a.told('executed', 6)).slice(3);
    expect(lent).toMatchObject({ kind: 'mutation', fields: [{ field: 'lend', arguments: ['book'] }] });
    expect(lent).not.toHaveProperty('code');
    expect(broken).toMatchObject({ fields: [{ field: 'broken' }], code: 'INTERNAL_SERVER_ERROR' });
    expect(shelf).toMatchObject({ ...ada, fields: [{ field: 'shelf' }] });

    await ask({ query: '{ books(author: "somebody private") }' });
    await ask({ query: 'mutation ($to: String!) { lend(book: "2", to: $to) }' });
    await client.subscribe('r', { query: '{ books(author: "somebody private") }' });
    expect(await a.told('refused', 3)).toMatchObject([
      { code: 'FORBIDDEN', kind: 'query', fields: [{ field: 'books', arguments: ['author'] }], paths: ['books'] },
      { code: 'BAD_USER_INPUT', kind: 'mutation', fields: [{ field: 'lend' }] },
      { code: 'FORBIDDEN', kind: 'query', fields: [{ field: 'books', arguments: ['author'] }], operation: 'r' },
    ]);
    expect(a.text()).not.toContain('private');
  });

  test('has a line for a page of another origin that would connect', async () => {
    await using a = await audited();
    const refused = await fetch(a.r.url, { headers: { origin: 'https://evil.example' } });
    expect(refused.status).toBe(403);
    const webSocket = new WebSocket(a.r.wsUrl, 'graphql-transport-ws', { origin: 'https://evil.example' });
    await new Promise((resolve) => webSocket.on('error', resolve));
    expect(await a.told('refused', 2)).toMatchObject([
      { ...from('http'), code: 'FORBIDDEN' },
      { ...from('websocket'), code: 'FORBIDDEN' },
    ]);
  });

  test('has a line for each renewal, also for one that was refused', async () => {
    await using a = await audited();
    const token = await tokenFor(ada);
    await using client = await signedIn(a.r.wsUrl, token);
    await using stream = await events(`${a.r.url}/stream`, { query: mine }, token);
    await client.send({ type: 'ping', payload: { Authorization: `Bearer ${await tokenFor({ sub: 'grace' })}` } });
    await client.message('pong');
    await stream.renew(await tokenFor({ ...ada, jti: 'new' }), a.r.url);
    expect(await a.told('renewed', 2)).toMatchObject([
      { ...ada, ...from('websocket'), ok: false, code: 'FORBIDDEN' },
      { ...ada, ...from('sse', { stream: stream.id }), ok: true },
    ]);
  });

  test('has a line for each revocation, and for each connection that it ended', async () => {
    await using a = await audited();
    await using client = await signedIn(a.r.wsUrl, await tokenFor(ada));
    await client.subscribe('1', { query: mine });
    await a.told('subscribed');
    await a.r.revoke({ sub: 'ada' });
    const [revoked] = await a.told('revoked');
    expect(revoked).toMatchObject({ claims: { sub: 'ada' }, issuedBefore: expect.stringMatching(/Z$/) });
    expect(await a.told('expelled')).toMatchObject([{ ...ada, ...from('websocket') }]);
  });

  test('never has a token, a ticket, a cursor, or the value of an argument', async () => {
    await using a = await audited();
    const token = await tokenFor(ada);
    const answer = await fetch(`${a.r.url}/ticket`, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
    const { ticket } = (await answer.json()) as Result;
    const url = (more: string) => `${a.r.url}/stream?query=${encodeURIComponent(mine)}${more}`;
    await using stream = await events(url(`&ticket=${ticket}`), null);
    await a.told('subscribed');
    const cursor = await eventually('a cursor', () => stream.cursor());
    await events(url(''), null, token, { 'last-event-id': `${cursor}x` });
    await events(url(`&ticket=${ticket}`), null);
    await events(url(`&token=${token}`), null);
    await a.told('refused', 3);
    await stream.renew(token, a.r.url);
    await a.told('renewed');
    for (const secret of [token, token.split('.')[2], ticket, cursor, 'a very private kind']) {
      expect(a.text()).not.toContain(secret);
    }
  });
});

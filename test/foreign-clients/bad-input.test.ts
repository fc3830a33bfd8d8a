import { describe, expect, test } from 'vitest';
import { socket } from '../support/clients/socket.js';
import { eventually } from '../support/eventually.js';
import { listenSse, type Result, type River, tokenFor } from '../support/river.js';
import { fleet, positions, sampleRiver, subscribed } from '../support/sample.js';

const trams = 'subscription { vehicle { lat } }';
const json = { 'content-type': 'application/json' };
/** Not UTF-8: the middle of a character without its beginning. */
const broken = Uint8Array.from(Buffer.from('{"query":"{ version }","operationName":"\x80"}', 'latin1'));

interface Bad {
  readonly what: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly status?: number;
  readonly message: RegExp;
}

const operations: readonly (Omit<Bad, 'body'> & { payload: object; code: string })[] = [
  {
    what: 'an operation that does not parse',
    payload: { query: 'subscription {' },
    code: 'GRAPHQL_PARSE_FAILED',
    message: /^Syntax Error: Expected Name, found <EOF>/,
  },
  {
    what: 'a field that does not exist',
    payload: { query: 'subscription { train { id } }' },
    code: 'GRAPHQL_VALIDATION_FAILED',
    message: /Cannot query field "train" on type "Subscription"/,
  },
  {
    what: 'an operation name that is unknown',
    payload: { query: `query A { version } ${trams.replace('subscription', 'subscription B')}`, operationName: 'C' },
    code: 'OPERATION_RESOLUTION_FAILURE',
    message: /Unknown operation named "C"/,
  },
  {
    what: 'several operations and no name',
    payload: { query: 'query A { version } query B { version }' },
    code: 'OPERATION_RESOLUTION_FAILURE',
    message: /Must provide .*operation name/i,
  },
  {
    what: 'two root fields',
    payload: { query: 'subscription { vehicle { lat } more: vehicle { lat } }' },
    code: 'GRAPHQL_VALIDATION_FAILED',
    message: /must select only one top level field/,
  },
  {
    what: 'a root field that depends on a variable',
    payload: { query: 'subscription T($on: Boolean!) { vehicle @include(if: $on) { lat } }', variables: { on: true } },
    code: 'GRAPHQL_VALIDATION_FAILED',
    message: /^The field of a subscription cannot depend on a variable/,
  },
  {
    what: 'a variable of the wrong type',
    payload: { query: 'subscription T($id: ID!) { vehicle(id: $id) { lat } }', variables: { id: { a: 1 } } },
    code: 'BAD_USER_INPUT',
    message: /Variable "\$id" got invalid value { a: 1 }/,
  },
  {
    what: 'a variable that is missing',
    payload: { query: 'subscription T($id: ID!) { vehicle(id: $id) { lat } }' },
    code: 'BAD_USER_INPUT',
    message: /Variable "\$id" of required type "ID!" was not provided/,
  },
];

/** Another client's stream, to show that nothing else was hurt. */
async function unhurt(r: River, misbehave: () => Promise<void>) {
  await using other = listenSse(r.url, trams);
  await subscribed(r, 1);
  await misbehave();
  await subscribed(r, 1);
  await r.publish(fleet, positions(7, 'tram-6-01'));
  await eventually('the other client has its event', () => other.results.length === 1);
}

const bodies: readonly Bad[] = [
  { what: 'malformed JSON', body: '{"query": "{ version }"', status: 400, message: /JSON/ },
  { what: 'an empty body', body: '', status: 400, message: /JSON|query/ },
  { what: 'JSON that is no object', body: '"{ version }"', status: 400, message: /object|query/i },
  { what: 'no query', body: '{}', status: 400, message: /query/ },
  { what: 'a query that is a number', body: '{"query": 7}', status: 400, message: /query/ },
  {
    what: 'an operation name that is a number',
    body: '{"query":"{ version }","operationName":7}',
    status: 400,
    message: /operationName/,
  },
  {
    what: 'variables that are a list',
    body: '{"query":"{ version }","variables":[1]}',
    status: 400,
    message: /variables/,
  },
  {
    what: 'variables that are text',
    body: '{"query":"{ version }","variables":"a"}',
    status: 400,
    message: /variables/,
  },
  { what: 'what is not UTF-8', body: broken, status: 400, message: /UTF-8/ },
  {
    what: 'more bytes than the limit',
    body: JSON.stringify({ query: '{ version }', variables: { long: 'é'.repeat(1_000_000) } }),
    status: 413,
    message: /^messageBytes is at most 65536/,
  },
];

describe.each([
  ['HTTP', 'application/graphql-response+json', ''],
  ['SSE on /graphql', 'text/event-stream', ''],
  ['SSE on /graphql/stream', 'text/event-stream', '/stream'],
])('over %s', (_, accept, path) => {
  test.each(bodies)('$what gets $status and a sentence', async ({ body, status, message }) => {
    await using r = await sampleRiver();
    await unhurt(r, async () => {
      const answer = await fetch(r.url + path, { method: 'POST', headers: { ...json, accept }, body });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toMatch(/^application\/(graphql-response\+)?json/);
      const { errors } = (await answer.json()) as Result;
      expect(errors[0].message).toMatch(message);
    });
  });
});

describe('over HTTP', () => {
  test.each(operations.filter(({ payload }) => !/subscription T/.test(JSON.stringify(payload))))(
    '$what gets $code',
    async ({ payload, code, message }) => {
      await using r = await sampleRiver();
      const headers = { ...json, accept: 'application/graphql-response+json' };
      const answer = await fetch(r.url, { method: 'POST', headers, body: JSON.stringify(payload) });
      expect(answer.status).toBe(400);
      const { errors } = (await answer.json()) as Result;
      expect(errors[0].message).toMatch(message);
      expect(errors[0].extensions.code).toBe(code);
    },
  );

  test('a subscription that takes only JSON gets 400 and where subscriptions are', async () => {
    await using r = await sampleRiver();
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const body = JSON.stringify({ query: trams });
      const answer = await fetch(r.url, { method: 'POST', headers: { ...json, accept }, body });
      expect(answer.status).toBe(400);
      const { errors } = (await answer.json()) as Result;
      expect(errors[0].message).toBe('Subscriptions come over WebSocket or with "Accept: text/event-stream".');
      expect(errors[0].extensions).toEqual({ code: 'BAD_REQUEST' });
    }
  });

  test('a mutation in a URL is not executed', async () => {
    await using r = await sampleRiver();
    const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
    await using ada = listenSse(r.url, 'subscription { typing(room: "a") { userId } }', {
      token: authorization.slice(7),
    });
    const query = 'mutation { sendTyping(room: "a") }';
    for (const accept of ['application/json', 'text/event-stream', '*/*', 'application/json, text/event-stream']) {
      const answer = await fetch(`${r.url}?${new URLSearchParams({ query })}`, { headers: { accept, authorization } });
      expect(answer.status, accept).toBe(405);
    }
    expect(ada.results).toEqual([]);
  });

  test('another path gets 404 and the right one', async () => {
    await using r = await sampleRiver();
    for (const path of ['', '/other', '/graphqlx', '/graphql/other']) {
      const answer = await fetch(new URL(r.url).origin + path);
      expect(answer.status, path).toBe(404);
      expect(((await answer.json()) as Result).errors[0].message).toBe('GraphQL is at /graphql');
    }
  });
});

describe('over SSE', () => {
  test.each(operations)(
    '$what gets $code as a result, and the stream completes',
    async ({ payload, code, message }) => {
      await using r = await sampleRiver();
      const { query, ...more } = payload as { query: string };
      await using refused = listenSse(r.url, query, more);
      expect(await refused.ended).toBeNull();
      expect(refused.results).toHaveLength(1);
      expect(refused.results[0].errors[0].message).toMatch(message);
      expect(refused.results[0].errors[0].extensions.code).toBe(code);
    },
  );

  test.each([
    ['variables that are no JSON', { query: trams, variables: '{' }],
    ['variables that are a list', { query: trams, variables: '[]' }],
    ['extensions that are no JSON', { query: trams, extensions: 'after' }],
    ['no query', {}],
  ])('%s in the URL get 400 and a sentence', async (_, params) => {
    await using r = await sampleRiver();
    const url = `${r.url}?${new URLSearchParams(params as Record<string, string>)}`;
    const answer = await fetch(url, { headers: { accept: 'text/event-stream' } });
    expect(answer.status).toBe(400);
    const { errors } = (await answer.json()) as Result;
    expect(errors[0].message).toMatch(/must be/);
    expect(errors[0].extensions.code).toBe('BAD_USER_INPUT');
  });

  test('another method gets 405', async () => {
    await using r = await sampleRiver();
    for (const method of ['PATCH', 'PUT', 'DELETE']) {
      const url = `${r.url}?${new URLSearchParams({ query: trams })}`;
      expect((await fetch(url, { method, headers: { accept: 'text/event-stream' } })).status).toBe(405);
    }
  });
});

describe('over WebSocket', () => {
  test.each(operations)(
    '$what gets $code on its own operation, and the socket stays',
    async ({ payload, code, message }) => {
      await using r = await sampleRiver();
      await using ws = socket(r.wsUrl);
      await ws.init();
      await ws.subscribe('good', { query: trams });
      await subscribed(r, 1);
      await ws.subscribe('bad', payload);
      const refused = await ws.message('error', 'bad');
      expect(refused.payload[0].message).toMatch(message);
      expect(refused.payload[0].extensions.code).toBe(code);
      await r.publish(fleet, positions(7, 'tram-6-01'));
      expect((await ws.message('next', 'good')).payload.data).toEqual({ vehicle: { lat: 7 } });
      expect(ws.messages.filter(({ id }) => id === 'bad')).toEqual([refused]);
    },
  );

  test.each([
    ['malformed JSON', '{"type": "subscribe"'],
    ['an empty message', ''],
    ['JSON that is no object', '7'],
    ['a list', '[]'],
    ['no type', '{"id": "1"}'],
    ['a subscribe without an id', '{"type":"subscribe","payload":{"query":"{ version }"}}'],
    ['a subscribe without a payload', '{"type":"subscribe","id":"1"}'],
    ['a subscribe without a query', '{"type":"subscribe","id":"1","payload":{}}'],
    ['a query that is a number', '{"type":"subscribe","id":"1","payload":{"query":7}}'],
    ['variables that are a list', '{"type":"subscribe","id":"1","payload":{"query":"{ version }","variables":[1]}}'],
    ['variables that are text', '{"type":"subscribe","id":"1","payload":{"query":"{ version }","variables":"a"}}'],
    ['extensions that are text', '{"type":"subscribe","id":"1","payload":{"query":"{ version }","extensions":"a"}}'],
  ])('%s closes that socket with 4400 and a reason', async (_, text) => {
    await using r = await sampleRiver();
    await unhurt(r, async () => {
      await using ws = socket(r.wsUrl);
      await ws.init();
      await ws.sendText(text);
      const { code, reason } = await ws.closed;
      expect(code).toBe(4400);
      expect(reason).not.toBe('');
    });
  });

  test('a message over the limit closes that socket with 1009', async () => {
    await using r = await sampleRiver();
    await unhurt(r, async () => {
      await using ws = socket(r.wsUrl);
      await ws.init();
      await ws.subscribe('1', { query: `{ version } #${'x'.repeat(70_000)}` });
      expect((await ws.closed).code).toBe(1009);
    });
  });

  test('what is not UTF-8 closes that socket with 1007', async () => {
    await using r = await sampleRiver();
    await unhurt(r, async () => {
      await using ws = socket(r.wsUrl);
      await ws.init();
      await ws.sendText(broken);
      expect((await ws.closed).code).toBe(1007);
    });
  });

  test('one subscription more than a socket may have is refused, and the others stay', async () => {
    await using r = await sampleRiver({ limits: { subscriptionsPerSocket: 2, roomWait: 0 } });
    await using ws = socket(r.wsUrl);
    await ws.init();
    for (const id of ['1', '2', '3']) await ws.subscribe(id, { query: trams });
    const { payload } = await ws.message('error', '3');
    expect(payload[0].extensions).toEqual({ code: 'LIMIT_EXCEEDED', limit: 'subscriptionsPerSocket', max: 2 });
    await r.publish(fleet, positions(7, 'tram-6-01'));
    for (const id of ['1', '2']) await ws.message('next', id);
  });
});

import { once } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Logger } from '../../src/observe/logger.js';
import { silent } from '../../src/observe/logger.js';
import { socket } from '../support/clients/socket.js';
import { cases } from '../support/properties.js';
import { type Result, type River, river } from '../support/river.js';

const sdl = `
  type Query { one: Int @public }
  type Mutation { knock(text: String): Int @public }
  type Subscription { note(id: ID): Note! @kafka(topic: "notes") @where(rule: "args.id == null || event.id == args.id") @public }
  type Note { id: ID! }`;

/** A gateway that also tells what it writes into its log, as an error or as more. */
async function watched() {
  const errors: unknown[] = [];
  const logger: Logger = { ...silent, error: (...line) => void errors.push(line) };
  const resolvers = { Query: { one: () => 1 }, Mutation: { knock: () => 1 } };
  return Object.assign(await river(sdl, { logger, resolvers } as never), { errors });
}

test.each([
  { type: 'next', id: '1', payload: { data: null } },
  { type: 'next', id: '1' },
  { type: 'next' },
  { type: 'error', id: '1', payload: [{ message: 'no' }] },
  { type: 'error', id: '1', payload: [1, null] },
  { type: 'connection_ack' },
  { type: 'connection_ack', payload: { a: 1 } },
  { type: 'connection_ack', payload: 7 },
  { type: 'unknown' },
  { type: 'constructor', id: '__proto__' },
  { type: 'ka' },
  { type: 'ping', payload: 7 },
  { type: 'ping', payload: [] },
  { type: 'complete' },
  { type: 'complete', id: 7 },
  { type: ['ping'] },
  [{ type: 'ping' }],
])(
  'whoever sends %j is closed with 4400 and a reason, before its first init and after, as text and as binary',
  async (message) => {
    await using r = await watched();
    for (const binary of [false, true]) {
      for (const isAcknowledged of [false, true]) {
        await using client = socket(r.wsUrl);
        if (isAcknowledged) await client.init();
        await client.sendText(JSON.stringify(message), { binary });
        expect(await client.closed).toEqual({ code: 4400, reason: 'Invalid message received' });
      }
    }
    expect(r.errors).toEqual([]);
  },
);

test('what a client may say is heard as text and as binary', async () => {
  await using r = await watched();
  await using client = socket(r.wsUrl);
  await client.sendText('{"type":"connection_init"}', { binary: true });
  await client.message('connection_ack');
  for (const binary of [false, true]) {
    await client.sendText(`{"type":"subscribe","id":"${binary}","payload":{"query":"{ one }"}}`, { binary });
    expect((await client.message('next', String(binary))).payload).toEqual({ data: { one: 1 } });
    for (const type of ['complete', 'pong', 'ping'])
      await client.sendText(`{"type":"${type}","id":"constructor","payload":{"__proto__":1}}`, { binary });
  }
  await client.message('pong');
  expect(client.isOpen()).toBe(true);
});

test('what is not UTF-8 is not a message either as binary: nobody reads what was not written', async () => {
  await using r = await watched();
  await using client = socket(r.wsUrl);
  await client.init();
  await client.sendText(Buffer.from('{"type":"ping","payload":{"a":"\x80"}}', 'latin1'), { binary: true });
  expect((await client.closed).code).toBe(4400);
});

const names = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'then',
  'toJSON',
  '\ud800',
  '',
  '1',
  'x'.repeat(300),
];
const types = [
  ...['connection_init', 'connection_ack', 'ping', 'pong', 'subscribe', 'next', 'error', 'complete'],
  ...['start', 'stop', 'ka', 'PING', ...names],
];
const documents = [
  'subscription { note { id } }',
  'subscription($id: ID) { note(id: $id) { id } }',
  '{ one }',
  '{ __typename }',
  'mutation { knock }',
  'query A { one } query B { one }',
  '{ one',
  '#',
  '',
];
const rubbish = fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(...names), fc.double());
const deep = fc.integer({ min: 1, max: 10_000 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`);
const members = [
  ...[
    'query',
    'variables',
    'operationName',
    'extensions',
    'documentId',
    'Authorization',
    'authorization',
    'id',
    'token',
  ],
  ...['after', 'onGap', 'persistedQuery', 'sha256Hash', 'version', 'cursors', ...names],
];
const held = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, rubbish, fc.constantFrom(...documents), tie('object')),
  object: fc
    .array(fc.tuple(fc.constantFrom(...members), tie('value')), { maxLength: 5 })
    // By JSON: an assignment to `__proto__` would be lost.
    .map((pairs) => JSON.parse(`{${pairs.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`)),
}));
/** What a client of the protocol sends, and what stands in for some of it. */
const message = fc
  .record(
    {
      type: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...types) }, { weight: 1, arbitrary: rubbish }),
      id: fc.oneof(fc.constantFrom(...names), rubbish),
      payload: fc.oneof(held.object, held.value),
      more: rubbish,
    },
    { requiredKeys: [] },
  )
  .map((fields) => JSON.stringify(fields));
const operation = fc
  .record({
    id: fc.constantFrom(...names),
    query: fc.constantFrom(...documents),
    more: held.object as fc.Arbitrary<object>,
  })
  .map(({ id, query, more }) => JSON.stringify({ type: 'subscribe', id, payload: { query, ...more } }));
const text = fc.oneof(
  { weight: 24, arbitrary: message },
  { weight: 16, arbitrary: operation },
  { weight: 4, arbitrary: rubbish.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: deep.map((value) => `{"type":"ping","payload":{"a":${value}}}`) },
  {
    weight: 1,
    arbitrary: deep.map(
      (value) => `{"type":"subscribe","id":"1","payload":{"query":"{ one }","variables":{"a":${value}}}}`,
    ),
  },
  { weight: 4, arbitrary: message.map((whole) => whole.slice(0, whole.length / 2)) },
);
const bytes = fc.oneof(
  { weight: 9, arbitrary: text.map((words) => Buffer.from(words)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }).map((raw) => Buffer.from(raw)) },
);
const saying = fc.record({
  isAcknowledged: fc.boolean(),
  said: fc.array(fc.record({ data: bytes, binary: fc.boolean() }), { minLength: 1, maxLength: 6 }),
});

/** With which code it closed a client that said all of this; null where it went on. */
async function outcomeOf(
  r: River,
  { isAcknowledged, said }: { isAcknowledged: boolean; said: { data: Buffer; binary: boolean }[] },
) {
  const client = new WebSocket(r.wsUrl, 'graphql-transport-ws');
  client.on('error', () => undefined);
  const closed = once(client, 'close').then(([code]) => code as number);
  await once(client, 'open');
  if (isAcknowledged) client.send('{"type":"connection_init"}');
  for (const { data, binary } of said) client.send(data, { binary });
  const goesOn = new Promise<null>((resolve) => {
    client.on('message', (data) => {
      const { type, payload } = JSON.parse(String(data)) as Result;
      if (type === 'pong' && payload?.last === true) resolve(null);
    });
  });
  client.send('{"type":"ping","payload":{"last":true}}');
  const outcome = await Promise.race([closed, goesOn]);
  client.terminate();
  return outcome;
}

/** Those of the protocol; broken UTF-8 (RFC 6455); and 1013, of what nests too deep. */
const isClientsFault = (code: number | null) =>
  code === null || code === 1007 || code === 1013 || (code >= 4400 && code < 4500);

test('whatever a client sends, it is the client that is told so: never 1011, and no error in the log', async () => {
  await using r = await watched();
  await fc.assert(
    fc.asyncProperty(saying, async (client) => {
      const code = await outcomeOf(r, client);
      expect(r.errors.splice(0)).toEqual([]);
      expect(isClientsFault(code), `closed with ${code}`).toBe(true);
    }),
    { numRuns: cases(200), ...JSON.parse(process.env.RUBBISH ?? '{}') },
  );
});

const requests = fc.record({
  body: bytes,
  path: fc.constantFrom('', '/stream', '/renew', '/ticket'),
  accept: fc.constantFrom('application/json', 'text/event-stream', 'application/graphql-response+json', '*/*', 'x'),
});
/** The payload alone, where there is one: what an operation is by HTTP. */
const inner = requests.map(({ body, ...request }) => {
  try {
    return { ...request, body: Buffer.from(JSON.stringify(JSON.parse(String(body)).payload ?? null)) };
  } catch {
    return { ...request, body };
  }
});

test('whatever a client asks by HTTP, it is told so with a status of its own fault, and no error is in the log', async () => {
  await using r = await watched();
  await fc.assert(
    fc.asyncProperty(fc.oneof(inner, requests), async ({ body, path, accept }) => {
      const leaving = new AbortController();
      const headers = { 'content-type': 'application/json', accept };
      const answer = await fetch(r.url + path, { method: 'POST', headers, body, signal: leaving.signal });
      leaving.abort();
      expect(r.errors.splice(0)).toEqual([]);
      expect(answer.status).toBeLessThan(500);
    }),
    { numRuns: cases(100), ...JSON.parse(process.env.RUBBISH ?? '{}') },
  );
});

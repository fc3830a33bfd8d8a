import { describe, expect, test } from 'vitest';
import { socket } from '../support/clients/socket.js';
import { eventually } from '../support/eventually.js';
import type { Result, River } from '../support/river.js';
import { sampleRiver } from '../support/sample.js';

/** What a client writes for what it does not have. */
const absent = ['', null];
const query = 'subscription S { typing(room: "a") { userId } }';
const one = 'query Q { version }';
const withVariables = 'query Q($no: Boolean = false) { version @skip(if: $no) }';

type Parameters = Readonly<Record<string, unknown>>;

interface Answer {
  readonly errors?: Result;
  /** True where it gave data, or a stream of events began. */
  readonly well: boolean;
}

async function answerOf(response: Response): Promise<Answer> {
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      // A comment first; an answer, if there is one, comes with the next bytes.
      if (text.includes('\n\n') && text !== ':\n\n') break;
      if (text.startsWith(':')) return { well: true };
    }
    return { well: !text.includes('"errors"'), errors: text };
  }
  const { data, errors } = (await response.json()) as Result;
  return { well: Boolean(data), errors };
}

const post =
  (path: string, accept: string) =>
  async (r: River, body: Parameters): Promise<Answer> =>
    answerOf(
      await fetch(r.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept },
        body: JSON.stringify(body),
      }),
    );

/** As `encodeURIComponent(null)` and `JSON.stringify('')` write them. */
const get =
  (path: string, accept: string) =>
  async (r: River, body: Parameters): Promise<Answer> =>
    answerOf(
      await fetch(
        `${r.url}${path}?${Object.entries(body)
          .map(([name, value]) => `${name}=${encodeURIComponent(value as string)}`)
          .join('&')}`,
        { headers: { accept } },
      ),
    );

async function overWebSocket(r: River, payload: Parameters): Promise<Answer> {
  await using client = socket(r.wsUrl);
  await client.init();
  await client.subscribe('1', payload);
  let closed = false;
  void client.closed.then(() => {
    closed = true;
  });
  const is = (type: string) => client.messages.find((message) => message.type === type);
  await eventually('an answer', () => closed || ['next', 'error', 'ping'].some((type) => is(type)));
  return { well: Boolean(is('next') ?? is('ping')), errors: is('error')?.payload ?? closed };
}

const json = 'application/json';
const events = 'text/event-stream';
const ways = {
  'POST of JSON': post('', json),
  'POST of an event stream': post('', events),
  'POST of /graphql/stream': post('/stream', events),
  WebSocket: overWebSocket,
  'GET of JSON': get('', json),
};

describe.each(Object.entries(ways))('over %s', (_, ask) => {
  test.each(absent)('%j of operationName, variables and extensions is as good as none', async (none) => {
    await using r = await sampleRiver();
    for (const text of [one, withVariables]) {
      for (const name of ['operationName', 'variables', 'extensions']) {
        expect(await ask(r, { query: text, [name]: none }), name).toMatchObject({ well: true });
      }
      const all = { query: text, operationName: none, variables: none, extensions: none };
      expect(await ask(r, all)).toMatchObject({ well: true });
    }
  });
});

describe.each([
  ['EventSource on /graphql', get('', events)],
  ['EventSource on /graphql/stream', get('/stream', events)],
  ['POST on /graphql', post('', events)],
  ['POST on /graphql/stream', post('/stream', events)],
])('a subscription over %s', (_, ask) => {
  test.each(absent)('takes %j of operationName, variables and extensions as none', async (none) => {
    await using r = await sampleRiver();
    const text = 'subscription S($id: ID) { vehicle(id: $id) { lat } }';
    for (const name of ['operationName', 'variables', 'extensions']) {
      expect(await ask(r, { query: text, [name]: none }), name).toMatchObject({ well: true });
    }
  });
});

test('the empty text that JSON has in a URL is none, too', async () => {
  await using r = await sampleRiver();
  for (const [path, accept, text] of [
    ['', json, one],
    ['/stream', events, 'subscription { vehicle { lat } }'],
  ] as const) {
    for (const name of ['variables', 'extensions']) {
      expect(await get(path, accept)(r, { query: text, [name]: '""' }), name).toMatchObject({ well: true });
    }
  }
});

describe('what is there still counts', () => {
  const several = 'query A { version } query B { viewer { sub } }';

  test.each(Object.entries(ways))('over %s the name of an operation chooses', async (_, ask) => {
    await using r = await sampleRiver();
    expect((await ask(r, { query: several, operationName: 'A' })).well).toBe(true);
    expect(JSON.stringify((await ask(r, { query: several, operationName: '' })).errors)).toContain('operation name');
    expect(JSON.stringify((await ask(r, { query: several, operationName: 'C' })).errors)).toContain('C');
  });

  test('variables of a name that a parameter has are kept', async () => {
    await using r = await sampleRiver();
    for (const ask of [post('/stream', events), overWebSocket]) {
      const text = 'subscription S($variables: ID!) { vehicle(id: $variables) { lat } }';
      expect((await ask(r, { query: text, variables: { variables: '', payload: '' } })).well).toBe(true);
    }
  });

  test.each(['POST of JSON', 'POST of /graphql/stream', 'WebSocket'] as const)(
    'over %s a text, a number or a list is refused',
    async (way) => {
      await using r = await sampleRiver();
      for (const wrong of ['a', 0, false, [1], []]) {
        for (const name of ['variables', 'extensions']) {
          expect((await ways[way](r, { query: one, [name]: wrong })).well, `${name} ${wrong}`).toBe(false);
        }
      }
      for (const wrong of [0, false, [], {}]) {
        expect((await ways[way](r, { query: one, operationName: wrong })).well, String(wrong)).toBe(false);
      }
    },
  );
});

test('an id of a persisted operation that is empty leaves the other one to count', async () => {
  const operations = { persisted: new Map([['abc', one]]), only: true };
  await using r = await sampleRiver({ operations });
  const extensions = { persistedQuery: { version: 1, sha256Hash: 'abc' } };
  for (const ask of [ways['POST of JSON'], ways['POST of /graphql/stream'], overWebSocket]) {
    for (const documentId of absent) {
      expect(await ask(r, { query: '', documentId, extensions })).toMatchObject({ well: true });
    }
  }
});

test('a subscription that is started by name goes on without one', async () => {
  await using r = await sampleRiver();
  for (const ask of [post('/stream', events), overWebSocket]) {
    const { errors } = await ask(r, { query, operationName: '' });
    // It needs a token: so far it came.
    expect(JSON.stringify(errors)).toContain('UNAUTHENTICATED');
  }
});

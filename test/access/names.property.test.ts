import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readJson } from '../../src/event/read-json.js';
import { writeJson } from '../../src/event/write-json.js';
import { groupKey } from '../../src/graphql/group-key.js';
import { operationOf } from '../../src/graphql/operation/operation.js';
import { pinoLogger } from '../../src/observe/pino.js';
import { socket } from '../support/clients/socket.js';
import { eventually } from '../support/eventually.js';
import { nastyName } from '../support/names.js';
import { cases } from '../support/properties.js';
import { type Result, type River, river, tokenFor } from '../support/river.js';

/** As JSON brings it: `__proto__` is then a name like any other. */
const json = (value: unknown) => readJson(writeJson(value)) as Record<string, unknown>;
const nastyValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    nastyName,
    fc.constantFrom<unknown>(0, 1, 1.5, 2 ** 53, 2n ** 53n + 1n, null, true, [], {}, [[]], ''),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(nastyName, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;

describe('two viewers share a group only where everything that matters is equal', () => {
  const document = parse('subscription ($v: Any) { note { told(word: $v) } }');
  const operation = operationOf(document, null);
  const keyOf = (args: object, claims: object, variables: object) =>
    groupKey(
      {
        document: { ast: document, fields: () => [] } as never,
        operation,
        variables: json(variables),
        field: { name: 'note', reads: { args: [], claims: ['a', 'b', '__proto__'], record: false } } as never,
        args: json(args),
        viewer: { signedIn: true, claims: json(claims), expiresAt: null },
      },
      { resolved: new Map() } as never,
    );
  const three = fc.record({ a: nastyValue, b: nastyValue, ['__proto__']: nastyValue }, { requiredKeys: [] });
  const places = fc.tuple(three, three, fc.record({ v: nastyValue }, { requiredKeys: [] }));

  test('of whatever names and values', () => {
    const said = new Map<string, readonly unknown[]>();
    fc.assert(
      fc.property(places, (given) => {
        const [key, again] = [keyOf(...given), keyOf(...given)];
        expect(key).toBe(again);
        const known = said.get(String(key));
        if (known) expect(isDeepStrictEqual(known.map(json), given.map(json)), `${key}`).toBe(true);
        said.set(String(key), given);
      }),
      { numRuns: cases(2_000) },
    );
    expect(said.size).toBeGreaterThan(cases(1_000));
  });
});

describe('through a whole gateway', () => {
  const lines: string[] = [];
  let r: River;
  beforeAll(async () => {
    r = await river(
      `type Subscription {
         mine: Note! @kafka(topic: "notes") @where(rule: "event.id == claims.sub")
         ours: Note! @kafka(topic: "notes") @where(rule: "event.id in claims.ids")
         theirs(id: ID!): Note! @kafka(topic: "notes") @where(rule: "event.id == args.id") @public
         keyed: Note! @kafka(topic: "notes") @where(rule: "record.key == claims.sub")
       }
       scalar Any
       type Note { id: ID text: String any: Any broken: String }`,
      {
        resolvers: {
          Note: {
            broken: {
              claims: [],
              resolve({ text }: { text: string }) {
                throw new Error(text);
              },
            },
          },
        } as never,
        logger: pinoLogger({ level: 'trace', command: 'gateway' }, { write: (line) => void lines.push(line) }),
      },
    );
  });
  afterAll(() => r[Symbol.asyncDispose]());

  const query = 'subscription ($id: ID!) { theirs(id: $id) { id text any } }';
  const own = (fields: string) => `subscription { ${fields} { id text any } }`;

  /** Everything a stream of server-sent events says, as bytes on the wire, and its headers. */
  async function listening(text: string, variables: object, token: string | null) {
    const leaving = new AbortController();
    const search = new URLSearchParams({ query: text, variables: JSON.stringify(variables) });
    const response = await fetch(`${r.url}/stream?${search}`, {
      signal: leaving.signal,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
    });
    let said = '';
    const reading = (async () => {
      for await (const chunk of response.body ?? []) said += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    await eventually('the first cursor', () => said.includes('id: '));
    const data = (): Result[] =>
      said
        .split(/\r\n|\r|\n/)
        .flatMap((line) => /^data: (.+)$/s.exec(line)?.slice(1) ?? [])
        .map((one) => JSON.parse(one).data);
    return {
      headers: response.headers,
      shown: () => data().map((one) => Object.values(one)[0]),
      /** Lines that are none of a stream's. */
      strange: () =>
        said.split(/\r\n|\r|\n/).filter((line) => !/^(id: [\w-]+|event: next|data: \{.*\}|:|)$/s.test(line)),
      async close() {
        leaving.abort();
        await reading;
      },
    };
  }

  test('each value reaches those who asked for this very value, and breaks out of nothing', async () => {
    let n = 0;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(nastyName, { minLength: 2, maxLength: 4 }), async (names) => {
        const streams = await Promise.all(
          names.map(async (name) => {
            const token = await tokenFor({ sub: name, ids: ['nobody', name], [name]: name });
            return Promise.all([
              listening(own('mine'), {}, token),
              listening(own('ours'), {}, token),
              listening(query, { id: name }, null),
              listening(own('keyed'), {}, token),
            ]);
          }),
        );
        const events = names.map((name) => json({ id: name, text: name, any: { [name]: name, n: n++ } }));
        for (const [at, event] of events.entries()) {
          const name = names[at] as string;
          const key = isText(name) ? Buffer.from(name) : null;
          await r.publish('notes', event, { key, headers: { [name]: name } });
        }
        for (const [at, [mine, ours, theirs, keyed]] of streams.entries()) {
          for (const stream of [mine, ours, theirs]) {
            await eventually('its event', () => stream.shown().length > 0);
            expect(stream.shown()).toEqual([events[at]]);
          }
          // A key is bytes, and a lone surrogate has none.
          if (isText(names[at] as string)) await eventually('its key', () => keyed.shown().length > 0);
          expect(keyed.shown()).toEqual(isText(names[at] as string) ? [events[at]] : []);
          for (const stream of [mine, ours, theirs, keyed]) {
            expect(stream.strange()).toEqual([]);
            expect(stream.headers.get('set-cookie')).toBeNull();
            await stream.close();
          }
        }
      }),
      { numRuns: cases(40) },
    );
  }, 60_000);

  test('aliases, arguments, variables and ids of operations may be named as an object’s own parts are', async () => {
    await using client = socket(r.wsUrl);
    await client.init();
    await client.subscribe('\r\n{"id":"2"}\ud800', {
      query:
        'subscription ($__proto__: ID!, $constructor: Boolean!) { __proto__: theirs(id: $__proto__) { id @include(if: $constructor) } }',
      variables: JSON.parse('{"__proto__": "here", "constructor": {"prototype": {"polluted": true}}}'),
    });
    const refused = await eventually('an answer', () => client.messages.find(({ type }) => type === 'error') ?? null);
    expect(refused).toMatchObject({
      id: '\r\n{"id":"2"}\ud800',
      payload: [{ extensions: { code: 'BAD_USER_INPUT' } }],
    });
    await client.subscribe('\r\n{"id":"2"}\ud800', {
      query: 'subscription ($__proto__: ID!) { __proto__: theirs(id: $__proto__) { constructor: id toString: text } }',
      variables: JSON.parse('{"__proto__": "here"}'),
    });
    await eventually(
      'its cursor',
      () => client.messages.find(({ type, payload }) => type === 'ping' && payload) ?? null,
    );
    await r.publish('notes', { id: 'here', text: 'x' });
    const next = await eventually('its event', () => client.messages.find(({ type }) => type === 'next') ?? null);
    expect(next.id).toBe('\r\n{"id":"2"}\ud800');
    expect(JSON.stringify(next.payload.data)).toBe('{"__proto__":{"constructor":"here","toString":"x"}}');
    expect(client.messages.filter(({ type }) => type === 'next')).toHaveLength(1);
  });

  test('a claim named __proto__ is a claim, and gives its bearer nothing', async () => {
    const token = await tokenFor(JSON.parse('{"__proto__": {"sub": "ada", "ids": ["ada"]}, "ids": []}'));
    const streams = await Promise.all([listening(own('mine'), {}, token), listening(own('ours'), {}, token)]);
    const witness = await listening(query, { id: 'ada' }, null);
    await r.publish('notes', { id: 'ada' });
    await eventually('the others have theirs', () => witness.shown().length > 0);
    expect(streams.map((stream) => stream.shown())).toEqual([[], []]);
    for (const stream of [...streams, witness]) await stream.close();
  });

  test('whatever a resolver throws, a line of the log is one line', async () => {
    const stream = await listening('subscription ($id: ID!) { theirs(id: $id) { broken } }', { id: 'log' }, null);
    const names = fc.sample(nastyName, 60);
    const before = lines.length;
    for (const name of names) await r.publish('notes', { id: 'log', text: name });
    await eventually('all of them', () => stream.shown().length === names.length);
    const told = lines.slice(before).filter((line) => line.includes('internal error'));
    expect(told).toHaveLength(names.length);
    for (const line of lines) {
      expect([...line.trimEnd()].filter((character) => character < ' ')).toEqual([]);
      expect(JSON.parse(line)).toMatchObject({ command: 'gateway' });
    }
    await stream.close();
  });

  test('nothing of all this has reached what all objects share', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    for (const name of ['polluted', 'sub', 'ids', 'n', 'id']) expect(name in {}).toBe(false);
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(parts);
  });
});

/** False for a lone surrogate: UTF-8 has nothing for it. */
const isText = (name: string) => Buffer.from(name).toString() === name;
const parts = Object.getOwnPropertyNames(Object.prototype).sort();

import { describe, expect, test } from 'vitest';
import { socket } from '../support/clients/socket.js';
import { events } from '../support/clients/stream.js';
import { eventually } from '../support/eventually.js';
import { listen, type Result, type River, river, tokenFor } from '../support/river.js';

const snowflake = '1524831183200260097';
const mine = '9007199254740993';
const theirs = '9007199254740992';

/** Everything that a stream of this operation shows until as many results as records are there. */
async function shown(r: River, query: string, topic: string, records: readonly string[], token: string | null = null) {
  await using stream = await events(`${r.url}/stream`, { query }, token);
  await eventually('it has begun', () => r.subscribed() > 0);
  for (const record of records) await r.publish(topic, record);
  await eventually('all is shown', () => stream.results.length >= records.length);
  return stream.results.map(({ data, errors }) => (errors ? { data, errors } : data));
}

describe('a whole number that a double cannot hold', () => {
  const sdl = (kafka: string) => `
    scalar Any
    type Subscription { order: Order @kafka(topic: "t"${kafka}) @public }
    type Order { id: ID! text: String near: Float ids: [ID!] moved: ID @from(path: "deep.id") any: Any count: Int made: ID seen: String }`;
  const record = `{"id":${snowflake},"text":-${mine},"near":${mine},"ids":[1,${mine}],"deep":{"id":18446744073709551615},"any":{"x":[${mine}]}}`;
  const fields = 'id text near ids moved any';
  const exact = {
    id: snowflake,
    text: `-${mine}`,
    near: 9007199254740992,
    ids: ['1', mine],
    moved: '18446744073709551615',
    any: { x: [mine] },
  };

  test.each([
    ['of a record', '', record],
    ['that pick takes', ', pick: "record.value.order"', `{"order":${record}}`],
    [
      'in a map that pick makes',
      `, pick: "{${Object.keys(JSON.parse(record))
        .map((k) => `'${k}': record.value.${k}`)
        .join()}}"`,
      record,
    ],
    ['that each takes', ', each: "record.value"', `[${record}]`],
  ])('is shown to its last digit: one %s', async (_, kafka, value) => {
    await using r = await river(sdl(kafka));
    expect(await shown(r, `subscription { order { ${fields} } }`, 't', [value])).toEqual([{ order: exact }]);
  });

  test('is shown so where graphql-js executes the operation, and by a resolver of the author', async () => {
    const seen: unknown[] = [];
    await using r = await river(sdl(''), {
      resolvers: {
        Order: {
          made: ({ id }: { id: bigint }) => Promise.resolve(id),
          seen: ({ id }: { id: bigint }) => {
            seen.push(id);
            return typeof id;
          },
        },
      },
    });
    const [{ order }] = (await shown(r, `subscription { order { ${fields} made seen } }`, 't', [record])) as Result[];
    expect(order).toEqual({ ...exact, made: snowflake, seen: 'bigint' });
    expect(seen).toEqual([BigInt(snowflake)]);
  });

  test('is an error of an Int, which has 32 bits', async () => {
    await using r = await river(sdl(''));
    const [result] = (await shown(r, 'subscription { order { id count } }', 't', [
      `{"id":1,"count":${mine}}`,
    ])) as Result[];
    expect(result.data).toEqual({ order: { id: '1', count: null } });
    expect(result.errors[0]).toMatchObject({ path: ['order', 'count'] });
    expect(result.errors[0].message).toContain('32-bit');
  });

  test('is two keys of @conflate where two numbers differ in their last digit', async () => {
    await using r = await river(`
      type Subscription { order: Order @kafka(topic: "t") @public @conflate(by: "id", every: "10ms") }
      type Order { id: ID! n: Int }`);
    await using stream = await events(`${r.url}/stream`, { query: 'subscription { order { id n } }' });
    await eventually('it has begun', () => r.subscribed() > 0);
    await Promise.all([r.publish('t', `{"id":${mine},"n":1}`)]);
    await r.publish('t', `{"id":${theirs},"n":2}`);
    const ids = () => stream.results.map(({ data }: Result) => data.order.id);
    await eventually('both are shown', () => ids().length >= 2);
    expect(ids().sort()).toEqual([theirs, mine]);
  });
});

test.each([
  ['', '{"id":1,"x":1e400,"any":{"deep":1e400}}'],
  [', pick: "record.value.event"', '{"event":{"id":1,"x":1e400,"any":{"deep":-1e400}}}'],
  [`, pick: "{'id': 1, 'x': record.value.x, 'any': record.value.x}"`, '{"x":1e400}'],
  [', each: "record.value"', '[{"id":1,"x":1e400,"any":[1e400]}]'],
])('a number beyond every double is an error of its field%s', async (kafka, record) => {
  await using r = await river(`
    scalar Any
    type Subscription { event: Event @kafka(topic: "t"${kafka}) @public }
    type Event { id: ID! x: Float any: Any }`);
  const [{ data, errors }] = (await shown(r, 'subscription { event { id x any } }', 't', [record])) as Result[];
  expect(data).toEqual({ event: { id: '1', x: null, any: null } });
  expect(errors.map(({ path }: Result) => path)).toEqual([
    ['event', 'x'],
    ['event', 'any'],
  ]);
});

describe('a client that asks by such a number is shown its own events only', () => {
  const sdl = `
    scalar Long
    input Of { id: ID }
    type Query { echo(id: ID, ids: [ID], of: Of, long: Long): [String] @public }
    type Subscription {
      byId(id: ID!): Event @kafka(topic: "t") @where(rule: "event.id == args.id") @public
      byAny(id: ID, ids: [ID!], of: Of): Event @kafka(topic: "t") @where(rule: "event.id == args.of.id || event.id in args.ids") @public
      byLong(id: Long!): Event @kafka(topic: "t") @where(rule: "event.number == args.id") @public
    }
    type Event { id: ID! number: Long }`;
  const resolvers = {
    Query: {
      echo: (_: unknown, { id, ids, of, long }: Result) =>
        [id, ...(ids ?? []), of?.id, long].map((one) => (one === undefined ? null : `${typeof one} ${one}`)),
    },
  };
  const operation = 'subscription ($id: ID!) { byId(id: $id) { id } }';
  const request = (query: string, variables: string) => `{"query":${JSON.stringify(query)},"variables":${variables}}`;
  const records = [`{"id":"${theirs}","number":${theirs}}`, `{"id":"${mine}","number":${mine}}`];

  const overSocket = async (r: River, query: string, variables: string) => {
    const client = socket(r.wsUrl);
    await client.init();
    await client.sendText(`{"id":"1","type":"subscribe","payload":${request(query, variables)}}`);
    return {
      ids: () => client.messages.filter(({ type }) => type === 'next').map(({ payload }) => payload.data),
      refused: () => client.messages.find(({ type }) => type === 'error')?.payload[0],
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  };
  const overEvents = async (r: River, query: string, variables: string) => {
    const stream = await events(`${r.url}/stream`, request(query, variables));
    return {
      ids: () => stream.results.map(({ data }: Result) => data),
      refused: () => stream.results[0]?.errors?.[0],
      [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
    };
  };
  const byUrl = async (r: River, query: string, variables: string) => {
    const search = new URLSearchParams({ query, variables });
    const stream = await events(`${r.url}/stream?${search}`, null);
    return {
      ids: () => stream.results.map(({ data }: Result) => data),
      refused: () => stream.results[0]?.errors?.[0],
      [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
    };
  };

  const ways = { WebSocket: overSocket, 'server-sent events': overEvents, 'JSON in a URL': byUrl };
  test.each(Object.entries(ways))('over %s', async (_, open) => {
    await using r = await river(sdl, { resolvers });
    for (const [query, variables, field] of [
      [operation, `{"id":${mine}}`, 'byId'],
      ['subscription ($ids: [ID!]) { byAny(ids: $ids) { id } }', `{"ids":["1",${mine}]}`, 'byAny'],
      ['subscription ($ids: [ID!]) { byAny(ids: $ids) { id } }', `{"ids":${mine}}`, 'byAny'],
      ['subscription ($of: Of) { byAny(of: $of) { id } }', `{"of":{"id":${mine}}}`, 'byAny'],
      ['subscription ($id: Long!) { byLong(id: $id) { id } }', `{"id":${mine}}`, 'byLong'],
      [`subscription { byLong(id: ${mine}) { id } }`, '{}', 'byLong'],
      [`subscription { byId(id: ${mine}) { id } }`, '{}', 'byId'],
    ] as const) {
      await using stream = await open(r, query, variables);
      await eventually('it has begun', () => r.subscribed() === 1);
      for (const record of records) await r.publish('t', record);
      await eventually('its own is shown', () => stream.ids().length > 0);
      expect(stream.ids()).toEqual([{ [field]: { id: mine } }]);
    }
  });

  test.each([
    [
      'POST',
      async (r: River, query: string, variables: string) =>
        fetch(r.url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: request(query, variables),
        }),
    ],
    [
      'GET',
      async (r: River, query: string, variables: string) =>
        fetch(`${r.url}?${new URLSearchParams({ query, variables })}`),
    ],
  ])('and a query by HTTP %s gets them as they are', async (_, ask) => {
    await using r = await river(sdl, { resolvers });
    const query =
      'query ($id: ID, $ids: [ID], $of: Of, $long: Long) { echo(id: $id, ids: $ids, of: $of, long: $long) }';
    const answer = await ask(r, query, `{"id":${mine},"ids":[${theirs},1],"of":{"id":${mine}},"long":${mine}}`);
    expect(await answer.json()).toEqual({
      data: { echo: [`string ${mine}`, `string ${theirs}`, 'string 1', `string ${mine}`, `bigint ${mine}`] },
    });
  });

  test.each(Object.entries(ways))(
    'and is told over %s that its variables nest too deep, however deep',
    async (name, open) => {
      await using r = await river(sdl, { resolvers });
      // As deep as a message has room for, or a URL.
      const depth = name === 'JSON in a URL' ? 3_000 : 30_000;
      const deep = `{"id":${'['.repeat(depth)}${mine}${']'.repeat(depth)}}`;
      await using stream = await open(r, 'subscription ($id: Long!) { byLong(id: $id) { id } }', deep);
      await eventually('it is told', () => stream.refused()?.extensions.code === 'LIMIT_EXCEEDED');
    },
  );

  test('and shares no frame with one whose number differs in the last digit', async () => {
    await using r = await river(
      `
      scalar Any
      type Subscription { all: Event @kafka(topic: "t") @public }
      type Event { id: ID! is(it: Any): Boolean }`,
      {
        resolvers: {
          Event: { is: { claims: [], resolve: ({ id }: Result, { it }: Result) => String(id) === String(it) } },
        },
      },
    );
    const query = 'subscription ($it: Any) { all { is(it: $it) } }';
    await using own = await overEvents(r, query, `{"it":${mine}}`);
    await using other = await overEvents(r, query, `{"it":${theirs}}`);
    await eventually('both have begun', () => r.subscribed() === 2);
    await r.publish('t', `{"id":${mine}}`);
    await eventually('both are shown', () => own.ids().length + other.ids().length === 2);
    expect([...own.ids(), ...other.ids()]).toEqual([{ all: { is: true } }, { all: { is: false } }]);
  });
});

describe('a token whose claims hold such a number', () => {
  const sdl = `type Subscription { mine: Event @kafka(topic: "t") @where(rule: "event.userId == claims.sub || event.userId in claims.teams") }
    type Event { id: ID! userId: ID! }`;

  test('sees the events of that very number, goes on after them, and is told its claims exactly', async () => {
    await using r = await river(sdl);
    const token = await tokenFor({ sub: BigInt(mine), teams: [BigInt(snowflake)] });
    const query = 'subscription { mine { id } }';
    const records = [theirs, mine, `"${mine}"`, snowflake].map((userId, id) => `{"id":${id},"userId":${userId}}`);
    await using first = listen(r.wsUrl, query, { token });
    await eventually('it has begun', () => r.subscribed() === 1);
    for (const record of records) await r.publish('t', record);
    await eventually('all of its own are shown', () => first.results.length === 3);
    expect(first.results.map(({ data }: Result) => data.mine.id)).toEqual(['1', '2', '3']);
    const after = first.results[0].extensions.cursor;
    await using again = await events(`${r.url}/stream`, { query, extensions: { after } }, token);
    await eventually('it has gone on', () => again.results.length === 2);
    expect(again.results.map(({ data }: Result) => data.mine.id)).toEqual(['2', '3']);

    const answer = await fetch(r.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: '{ viewer { sub claims } }' }),
    });
    expect(await answer.json()).toMatchObject({
      data: { viewer: { sub: mine, claims: { sub: mine, teams: [snowflake] } } },
    });
  });

  test('is renewed, revoked and refused as that very one', async () => {
    await using r = await river(sdl);
    const ofMine = await tokenFor({ sub: BigInt(mine) });
    const ofTheirs = await tokenFor({ sub: BigInt(theirs) });
    await using stream = await events(`${r.url}/stream`, { query: 'subscription { mine { id } }' }, ofMine);
    await using other = await events(`${r.url}/stream`, { query: 'subscription { mine { id } }' }, ofTheirs);
    await eventually('both have begun', () => r.subscribed() === 2);
    const renewal = (token: string) =>
      fetch(`${r.url}/renew`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id: stream.id, token }),
      });
    expect((await renewal(ofTheirs)).status).toBe(403);
    expect((await renewal(await tokenFor({ sub: BigInt(mine), more: 1 }))).status).toBe(200);
    await r.revoke({ sub: mine });
    await eventually('the one is over', () => stream.isOver());
    expect(other.isOver()).toBe(false);
  });
});

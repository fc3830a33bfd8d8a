import { GraphQLScalarType } from 'graphql';
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import { cursorCodec } from '../../src/event/cursor.js';
import { Engine, type OperationRequest } from '../../src/graphql/engine.js';
import { makeExecutable, type Resolvers } from '../../src/graphql/executable.js';
import { nobody, type Viewer } from '../../src/graphql/viewer.js';
import { openHub } from '../../src/hub/open-hub.js';
import { noGatewayMetrics } from '../../src/observe/metrics.js';
import { noObservers } from '../../src/observe/observers.js';
import { compileSchema } from '../../src/schema/compile.js';
import { payloadOf } from '../../src/serve/connection/frames.js';
import { eventually } from '../support/eventually.js';
import { HostileLog, turns } from '../support/log/hostile-log.js';
import { metaAt } from '../support/meta.js';

const sdl = `
  scalar Pattern
  type Query { me: ID @public }
  type Subscription {
    card(min: Int, like: Pattern): Card! @kafka(topic: "cards") @public
      @where(rule: "args.min == null || event.amount >= args.min")
    mine: Card! @kafka(topic: "cards") @where(rule: "event.user == claims.sub")
    team: Card! @kafka(topic: "cards") @where(rule: "event.user in claims.team")
  }
  interface Node { id: ID! }
  type Card implements Node { id: ID! user: ID amount(in: String = "EUR"): Int number: String masked: String node: Node }`;

const signedIn = (claims: Record<string, unknown>): Viewer => ({ signedIn: true, claims, expiresAt: null });

async function world(resolvers: Resolvers = {}, { failing = 0 } = {}) {
  const { schema, problems } = compileSchema(sdl, { retention: { retain: 600_000, max: 1_000 } });
  if (!schema) throw new Error(problems.map(({ message }) => message).join('\n'));
  const log = new HostileLog(1, Date.now);
  const counts = { channels: 0, groups: 0, subscriptions: 0 };
  const metrics = {
    ...noGatewayMetrics,
    channels: (count: number) => Object.assign(counts, { channels: count }),
    groups: (count: number) => Object.assign(counts, { groups: count }),
    subscribed: (_: string, change: number) => Object.assign(counts, { subscriptions: counts.subscriptions + change }),
  };
  const observers = { ...noObservers, metrics };
  const reader = log.reader();
  const hub = await openHub({ log: reader, observers, leaveDelay: 1, patience: 10 });
  log.failing = failing;
  const engine = new Engine({
    streams: schema,
    executable: makeExecutable(schema, resolvers, '1'),
    hub,
    cursors: cursorCodec(['secret']),
    pubsub: {} as never,
    observers,
    now: Date.now,
    introspection: false,
    limits: { channelsPerSubscription: 256, rewindScan: 1_000 },
  });
  const [route] = schema.fields.get('mine')?.routes ?? [];
  const [broadcast] = schema.fields.get('card')?.routes ?? [];
  let offset = 0;

  async function open(query: string, viewer: Viewer = nobody, more: Partial<OperationRequest> = {}) {
    const opened = await engine.open({ query, viewer, ...more });
    if (opened.kind !== 'running') throw Object.assign(new Error('no stream'), { opened });
    const frames: unknown[] = [];
    const data: unknown[] = [];
    const subscription = opened.start({
      write: (some) => {
        for (const frame of some) {
          frames.push(frame);
          const { data: root, errors } = JSON.parse(payloadOf(frame));
          data.push(errors ?? Object.values(root)[0]);
        }
      },
      drained: () => null,
      end() {},
      fail: (fault) => void data.push(fault.code),
    });
    return { frames, data, close: () => subscription.close() };
  }

  return {
    counts,
    engine,
    log,
    open,
    async publish(event: Record<string, unknown>) {
      const record = metaAt('cards', offset++, { timestamp: Date.now() });
      const channels = [route, broadcast].flatMap((one) => one?.channel(event) ?? []) as Channel[];
      log.append([{ source: { origin: 'topicA', record, index: 0, event }, channels }]);
      await turns(4);
    },
    async [Symbol.asyncDispose]() {
      await hub.close();
    },
  };
}

const ada = signedIn({ sub: 'ada', role: 'clerk' });
const boss = signedIn({ sub: 'grace', role: 'boss' });

describe('viewers to whom everything looks the same share one execution', () => {
  test('by name, by literal or by variable, with @resume or without', async () => {
    let executions = 0;
    await using w = await world({ Card: { number: { claims: [], resolve: () => String(++executions) } } });
    const variables = { m: 5 };
    const all = await Promise.all([
      w.open('subscription { card(min: 5) { id number } }', ada),
      w.open('subscription A { card(min: 5) { id number } }', boss),
      w.open('subscription B($m: Int) @resume(rewind: 0) { card(min: $m) { id number } }', signedIn({}), { variables }),
    ]);
    expect(w.counts.groups).toBe(1);
    await w.publish({ id: 1, amount: 7 });
    expect(executions).toBe(1);
    for (const { data } of all) expect(data).toEqual([{ id: '1', number: '1' }]);
    expect(new Set(all.map(({ frames }) => frames[0])).size).toBe(1);
  });

  test('claims that neither the rule nor a resolver reads part nobody', async () => {
    await using w = await world();
    await w.open('subscription { mine { id } }', signedIn({ sub: 'ada', jti: '1', exp: 1 }));
    await w.open('subscription { mine { id } }', signedIn({ sub: 'ada', jti: '2', exp: 2 }));
    expect(w.counts.groups).toBe(1);
    await w.open('subscription { mine { id } }', signedIn({ sub: 'grace' }));
    expect(w.counts.groups).toBe(2);
  });

  test('other operations of the document count for nothing', async () => {
    await using w = await world({ Card: { masked: () => 'x' } });
    const query = 'subscription A { card { id } } query Q { me } subscription C { card { masked } }';
    await w.open(query, ada, { operationName: 'A' });
    await w.open('subscription { card { id } }', boss);
    expect(w.counts.groups).toBe(1);
  });
});

describe('no frame is ever shared because something was left unsaid', () => {
  const masking = (_: never, __: object, { claims }: { claims: Record<string, unknown> }) =>
    claims.role === 'boss' ? 'open' : 'masked';

  test('a declared claim parts those who differ in it', async () => {
    await using w = await world({ Card: { masked: { claims: ['role'], resolve: masking } } });
    const [one, other] = [
      await w.open('subscription { card { masked } }', ada),
      await w.open('subscription { card { masked } }', boss),
    ];
    await w.publish({ id: 1 });
    expect([one.data, other.data]).toEqual([[{ masked: 'masked' }], [{ masked: 'open' }]]);
  });

  test('a claim of zero and one of minus zero, which JSON writes alike, part them too', async () => {
    const sign = (_: never, __: object, { claims }: { claims: { debt: number } }) =>
      1 / claims.debt > 0 ? 'plus' : 'minus';
    await using w = await world({ Card: { masked: { claims: ['debt'], resolve: sign } } });
    const both = [
      await w.open('subscription { card { masked } }', signedIn({ debt: 0 })),
      await w.open('subscription { card { masked } }', signedIn({ debt: -0 })),
    ];
    await w.publish({ id: 1 });
    expect(both.map(({ data }) => data)).toEqual([[{ masked: 'plus' }], [{ masked: 'minus' }]]);
  });

  test('a resolver that declares nothing makes its viewer a group of one', async () => {
    await using w = await world({ Card: { masked: masking } });
    const all = await Promise.all([ada, ada, boss].map((viewer) => w.open('subscription { card { masked } }', viewer)));
    expect(w.counts.groups).toBe(3);
    await w.publish({ id: 1 });
    expect(all.map(({ data }) => data)).toEqual([[{ masked: 'masked' }], [{ masked: 'masked' }], [{ masked: 'open' }]]);
  });

  test('one behind an interface does so too', async () => {
    await using w = await world({
      Card: { id: masking },
      Node: { __resolveType: () => 'Card' },
    });
    await w.open('subscription { card { node { id } } }', ada);
    await w.open('subscription { card { node { id } } }', boss);
    expect(w.counts.groups).toBe(2);
  });

  test('a resolver does not see what it did not declare', async () => {
    let seen: unknown;
    await using w = await world({
      Card: {
        masked: {
          claims: ['role', 'team'],
          resolve(_: never, __: object, { claims, viewer }: { claims: object; viewer: Viewer }) {
            seen = [claims, viewer.claims];
            return null;
          },
        },
      },
    });
    await w.open('subscription { card { masked } }', ada);
    await w.publish({ id: 1 });
    expect(seen).toEqual([{ role: 'clerk' }, { role: 'clerk' }]);
  });

  test('that someone is signed in at all is told by a resolver, so it parts', async () => {
    const resolve = (_: never, __: object, { viewer }: { viewer: Viewer }) => String(viewer.signedIn);
    await using w = await world({ Card: { masked: { claims: [], resolve } } });
    const [one, other] = [
      await w.open('subscription { card { masked } }', signedIn({})),
      await w.open('subscription { card { masked } }'),
    ];
    await w.publish({ id: 1 });
    expect([one.data, other.data]).toEqual([[{ masked: 'true' }], [{ masked: 'false' }]]);
  });

  test('which type an object is never depends on who asks', async () => {
    const seen: unknown[] = [];
    await using w = await world({
      Node: {
        __resolveType(_: unknown, { claims, viewer }: { claims: object; viewer: Viewer }) {
          seen.push([claims, viewer.signedIn]);
          return 'Card';
        },
      },
    });
    await w.open('subscription { card { node { id } } }', ada);
    await w.publish({ id: 1, node: { id: 2 } });
    expect(seen).toEqual([[{}, false]]);
  });

  test('arguments that only print alike part their viewers', async () => {
    const like = new GraphQLScalarType({
      name: 'Pattern',
      parseValue: (text) => new RegExp(String(text)),
      parseLiteral: () => /x/,
    });
    await using w = await world({ Pattern: like });
    const query = 'subscription ($l: Pattern) { card(like: $l) { id } }';
    await w.open(query, nobody, { variables: { l: 'a' } });
    await w.open(query, nobody, { variables: { l: 'b' } });
    expect(w.counts.groups).toBe(2);
  });

  test('an argument that was left out is not one that is null', async () => {
    const resolve = (_: never, { in: unit }: { in: string | null }) => (unit === null ? -1 : unit.length);
    await using w = await world({ Card: { amount: { claims: [], resolve: resolve as never } } });
    const query = 'subscription ($u: String) { card { amount(in: $u) } }';
    const one = await w.open(query, nobody, { variables: {} });
    const other = await w.open(query, nobody, { variables: { u: null } });
    await w.publish({ id: 1 });
    expect([one.data, other.data]).toEqual([[{ amount: 3 }], [{ amount: -1 }]]);
  });
});

describe('what is refused', () => {
  const refused = async (w: Awaited<ReturnType<typeof world>>, query: string, viewer: Viewer) => {
    const opened = await w.engine.open({ query, viewer });
    return opened.kind === 'errors' ? opened.errors[0]?.extensions : opened.kind;
  };

  test('a claim that lists ten thousand channels, with the limit by name', async () => {
    await using w = await world();
    const many = signedIn({ team: Array.from({ length: 10_000 }, (_, i) => `u${i}`) });
    expect(await refused(w, 'subscription { team { id } }', many)).toEqual({
      code: 'LIMIT_EXCEEDED',
      limit: 'channelsPerSubscription',
      max: 256,
    });
    expect(w.counts).toMatchObject({ channels: 0, groups: 0 });
    const few = signedIn({ team: Array.from({ length: 256 }, (_, i) => `u${i}`) });
    await w.open('subscription { team { id } }', few);
  });

  test('a log that cannot be heard in time, and nothing is left behind', async () => {
    await using w = await world();
    w.log.tails[0]?.interrupt();
    w.log.tails[0]?.restore();
    w.log.failing = 1_000;
    expect(await refused(w, 'subscription { card { id } }', nobody)).toMatchObject({ code: 'UNAVAILABLE' });
    expect(w.counts.groups).toBe(0);
    await eventually('no channel is held', () => w.counts.channels === 0);
  });
});

describe('nothing is held for those who have left', () => {
  test('groups and channels go with the last of them', async () => {
    await using w = await world();
    const all = await Promise.all([ada, ada, boss].map((viewer) => w.open('subscription { mine { id } }', viewer)));
    expect(w.counts).toMatchObject({ groups: 2, channels: 2, subscriptions: 3 });
    for (const { close } of all) close();
    expect(w.counts).toMatchObject({ groups: 0, subscriptions: 0 });
    await eventually('no channel is held', () => w.counts.channels === 0);
  });

  test('also with one who left before it began', async () => {
    await using w = await world();
    const opened = await w.engine.open({ query: 'subscription { card { id } }', viewer: nobody });
    if (opened.kind === 'running') opened.close();
    expect(w.counts.groups).toBe(0);
    await eventually('no channel is held', () => w.counts.channels === 0);
  });

  test('who comes just as the last one leaves has a group that hears', async () => {
    await using w = await world();
    const first = await w.open('subscription { card { id } }');
    const opening = w.open('subscription { card { id } }');
    first.close();
    const second = await opening;
    await w.publish({ id: 1 });
    expect(second.data).toEqual([{ id: '1' }]);
    expect(first.data).toEqual([]);
  });
});

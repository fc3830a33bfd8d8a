import fc from 'fast-check';
import { PubSub } from 'graphql-subscriptions';
import { describe, expect, test, vi } from 'vitest';
import { Fault } from '../../../src/event/faults.js';
import { silent } from '../../../src/observe/logger.js';
import { clockStep } from '../../../src/serve/identity/clock-steps.js';
import { memoryRevocations, type RevocationStore } from '../../../src/serve/identity/revocation-store.js';
import { revocationsOf } from '../../../src/serve/identity/revocations.js';
import { memoryReplicas } from '../../../src/serve/replicas/replicas.js';
import { socket } from '../../support/clients/socket.js';
import { events } from '../../support/clients/stream.js';
import { eventually } from '../../support/eventually.js';
import { opened } from '../../support/opened.js';
import { listen, type Result, river, tokenFor } from '../../support/river.js';
import { slowSource } from '../../support/slow-source.js';

const sdl = `
  type Query { me: ID @authenticated }
  type Subscription { mine: Note! @kafka(topic: "notes") @where(rule: "event.user == claims.sub") }
  type Note { id: ID! user: ID }`;
const query = 'subscription { mine { id } }';
const issued = (seconds: number) => ({ iat: Math.floor(Date.now() / 1000) + seconds });

describe('a revocation', () => {
  test('ends the streams of its tokens on every replica and transport, and no others', async () => {
    await using r = await river(sdl);
    const other = await r.replica();
    const [ada, grace] = [await tokenFor({ sub: 'ada' }), await tokenFor({ sub: 'grace' })];
    await using first = socket(r.wsUrl);
    await using second = socket(other.wsUrl);
    await using spared = socket(other.wsUrl);
    for (const [client, token] of [
      [first, ada],
      [second, ada],
      [spared, grace],
    ] as const) {
      await client.init({ Authorization: `Bearer ${token}` });
      await client.subscribe('1', { query });
    }
    await using stream = await events(other.url, { query }, ada);
    await eventually('all have started', () => r.subscribed() === 4);

    const { at } = await r.revoke({ sub: 'ada' });
    expect(at).toBeLessThanOrEqual(Date.now() / 1000);
    expect(await Promise.all([first.closed, second.closed])).toEqual([
      { code: 4403, reason: 'This needs a valid token: the token was revoked' },
      { code: 4403, reason: 'This needs a valid token: the token was revoked' },
    ]);
    await stream.ended;
    expect(stream.results.map(({ errors }) => errors[0].extensions)).toEqual([{ code: 'UNAUTHENTICATED' }]);
    expect(stream.isComplete()).toBe(true);
    await r.publish('notes', { id: 1, user: 'grace' });
    expect((await spared.message('next', '1')).payload.data).toEqual({ mine: { id: '1' } });
    expect(r.subscribed()).toBe(1);
  });

  test('keeps its tokens out on every way in, and lets in who signs in anew', async () => {
    await using r = await river(sdl);
    const other = await r.replica();
    const old = await tokenFor({ sub: 'ada', jti: '7' });
    const ticketed = await fetch(`${r.url}/ticket`, { method: 'POST', headers: { authorization: `Bearer ${old}` } });
    const { ticket } = (await ticketed.json()) as { ticket: string };
    const { at } = await r.revoke({ jti: '7' });
    const asks = (token: string) =>
      fetch(other.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: '{"query":"{ viewer { sub } }"}',
      }).then(({ status }) => status);
    await eventually('the other replica knows', async () => (await asks(old)) === 401);
    await using refused = socket(other.wsUrl);
    await refused.send({ type: 'connection_init', payload: { Authorization: `Bearer ${old}` } });
    expect((await refused.closed).code).toBe(4403);
    await using stream = await events(r.url, { query }, old);
    expect(stream.status).toBe(401);
    const byTicket = await fetch(`${r.url}/stream?ticket=${ticket}&query=${encodeURIComponent(query)}`);
    expect(byTicket.status).toBe(401);
    const headers = { authorization: `Bearer ${old}` };
    expect((await fetch(`${r.url}/ticket`, { method: 'POST', headers })).status).toBe(401);

    const anew = await tokenFor({ sub: 'ada', jti: '8' });
    expect(await asks(anew)).toBe(200);
    await eventually('the next second', () => issued(0).iat > at);
    expect(await asks(await tokenFor({ sub: 'ada', jti: '7', iat: at + 6 }))).toBe(200);
  });

  test('takes in what was issued within the leeway after it, for clocks differ, and says why', async () => {
    await using r = await river(sdl);
    const { at } = await r.revoke({ sub: 'ada' });
    await eventually('the next second', () => issued(0).iat > at);
    const reason = async (iat: number) => {
      await using client = socket(r.wsUrl);
      await client.send({
        type: 'connection_init',
        payload: { Authorization: `Bearer ${await tokenFor({ sub: 'ada', iat })}` },
      });
      return (await client.closed).reason;
    };
    expect(await reason(at)).toBe('This needs a valid token: the token was revoked');
    const since =
      'This needs a valid token: the token was revoked: it was issued less than 5 s after that, sign in anew';
    expect(await reason(at + 1)).toBe(since);
    expect(await reason(at + 5)).toBe(since);
  });

  test.each([
    ['the claims of its own', { tenant: 'acme' }],
    ['its number', { jti: '7' }],
    ['its user', { sub: 'ada' }],
  ])('ends what runs by a token of a fast clock, by %s', async (_, named) => {
    await using r = await river(sdl);
    const token = await tokenFor({ sub: 'ada', jti: '7', tenant: ['acme', 'other'], ...issued(4) });
    await using client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${token}` });
    await r.revoke(named);
    expect((await client.closed).code).toBe(4403);
  });

  test('by a function of one’s own counts as by any token: nobody was issued in the future', async () => {
    let iat: number | undefined = Date.now();
    await using r = await river(sdl, {
      authenticate: async () => ({ signedIn: true, claims: { sub: 'ada', iat }, expiresAt: null }),
    });
    const end = async () => {
      await using client = socket(r.wsUrl);
      await client.send({ type: 'connection_init' });
      return await client.closed;
    };
    expect(await end()).toEqual({
      code: 4403,
      reason: `This needs a valid token: the token was issued in the future: iat ${iat} is not in seconds`,
    });
    iat = issued(3_600).iat;
    expect((await end()).reason).toMatch(/issued in the future: iat is (3599|3600) s ahead, at most 5 s are let pass$/);
    iat = Number.POSITIVE_INFINITY;
    expect((await end()).code).toBe(4403);
  });

  test('goes by the leeway that was set, and so does the door', async () => {
    await using r = await river(sdl, { tokenLeeway: 60_000 });
    await using client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${await tokenFor({ sub: 'ada', ...issued(55) })}` });
    await r.revoke({ sub: 'ada' });
    expect((await client.closed).code).toBe(4403);
    await using late = socket(r.wsUrl);
    const ahead = await tokenFor({ sub: 'grace', ...issued(65) });
    await late.send({ type: 'connection_init', payload: { Authorization: `Bearer ${ahead}` } });
    expect((await late.closed).code).toBe(4403);
  });

  test('that takes in many ends a few of them in each turn of the loop', async () => {
    let [inTurn, most, expelled] = [0, 0, 0];
    await using r = await river(sdl, {
      audit({ event }) {
        if (event !== 'expelled') return;
        expelled++;
        if (inTurn++ === 0)
          setImmediate(() => {
            inTurn = 0;
          });
        most = Math.max(most, inTurn);
      },
    });
    await using all = opened();
    const token = await tokenFor({ sub: 'ada' });
    const clients = Array.from({ length: 80 }, () => all.use(socket(r.wsUrl)));
    await Promise.all(clients.map((client) => client.init({ Authorization: `Bearer ${token}` })));
    await r.revoke({ sub: 'ada' });
    for (const { code } of await Promise.all(clients.map(({ closed }) => closed))) expect(code).toBe(4403);
    expect(expelled).toBe(80);
    expect(most).toBeLessThanOrEqual(32);
  });

  test('that takes in many shows none of them anything from the moment it is known, however long their ends take', async () => {
    const live = new PubSub();
    await using r = await river(
      `${sdl.replace('type Subscription {', 'type Subscription { told: String! @authenticated ')}`,
      {
        limits: { connectionsPerUser: 1_000 },
        pubsub: live as never,
        resolvers: {
          Subscription: { told: { subscribe: () => live.asyncIterableIterator('told') } },
        } as never,
      },
    );
    await using all = opened();
    const token = await tokenFor({ sub: 'ada' });
    const both = [query, 'subscription { told }'];
    const clients = Array.from({ length: 100 }, () => all.use(socket(r.wsUrl)));
    for (const client of clients) {
      await client.init({ Authorization: `Bearer ${token}` });
      for (const [n, asked] of both.entries()) await client.subscribe(String(n), { query: asked });
    }
    const streams = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => all.use(await events(r.url, { query: both[n % 2] }, token))),
    );
    await eventually('all have started', () => r.subscribed() === 110);
    const told = async (text: string) => {
      await r.publish('notes', { id: text, user: 'ada' });
      await live.publish('told', { told: text });
    };
    await told('before');
    const shown = () => [
      ...clients.flatMap(({ messages }) =>
        messages.filter(({ type }) => type === 'next').map(({ payload }) => payload),
      ),
      ...streams.flatMap(({ results }) => results.filter(({ data }: Result) => data)),
    ];
    await eventually('all are shown it', () => shown().length === 220);
    await r.revoke({ sub: 'ada' });
    const cursors = streams.map(({ cursor }) => cursor());
    await told('after');
    for (const { code } of await Promise.all(clients.map(({ closed }) => closed))) expect(code).toBe(4403);
    await Promise.all(streams.map(({ ended }) => ended));
    expect(shown()).toHaveLength(220);
    // Nor a cursor beyond what they were not shown.
    expect(streams.map(({ cursor }) => cursor())).toEqual(cursors);
    expect(streams.map(({ results }) => results.at(-1).errors?.[0].extensions.code)).toEqual(
      Array(20).fill('UNAUTHENTICATED'),
    );
  });

  test('is no reason to renew: the new token counts, not the old one', async () => {
    await using r = await river(sdl);
    await using client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${await tokenFor({ sub: 'ada', jti: 'old' })}` });
    await client.subscribe('1', { query });
    await client.send({
      type: 'ping',
      payload: { Authorization: `Bearer ${await tokenFor({ sub: 'ada', jti: 'new' })}` },
    });
    expect((await client.message('pong')).payload).toEqual({ ok: true });
    await r.revoke({ jti: 'old' });
    await r.publish('notes', { id: 1, user: 'ada' });
    await client.message('next', '1');
    expect(client.isOpen()).toBe(true);
    await r.revoke({ jti: 'new' });
    expect((await client.closed).code).toBe(4403);
  });

  test('that comes while a stream is being opened ends it', async () => {
    const source = slowSource('told');
    await using r = await river('type Subscription { told: String! @authenticated }', {
      resolvers: source.resolvers as never,
    });
    await using client = socket(r.wsUrl);
    const token = await tokenFor({ sub: 'ada' });
    await client.init({ Authorization: `Bearer ${token}` });
    await client.subscribe('1', { query: 'subscription { told }' });
    const opening = events(r.url, { query: 'subscription { told }' }, token);
    await eventually('both are being opened', () => source.asked() === 2);
    await r.revoke({ sub: 'ada' });
    expect((await client.closed).code).toBe(4403);
    source.open();
    await using stream = await opening;
    await stream.ended;
    expect(stream.results.map(({ errors }) => errors?.[0].extensions.code)).toEqual(['UNAUTHENTICATED']);
  });

  test.each(['websocket', 'sse'])(
    'that comes while its token is taking the place of another ends the stream (%s)',
    async (transport) => {
      let open = () => {};
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      let waiting = false;
      async function* source() {
        yield { told: 'something' };
        await new Promise(() => {});
      }
      async function subscribe(_: unknown, __: unknown, { claims }: { claims: { slow?: boolean } }) {
        waiting = claims.slow === true;
        if (waiting) await gate;
        return source();
      }
      await using r = await river('type Subscription { told: String! @authenticated }', {
        resolvers: { Subscription: { told: { subscribe } } } as never,
      });
      const asked = { query: 'subscription { told }' };
      const [old, renewed] = [
        await tokenFor({ sub: 'ada', jti: 'old' }),
        await tokenFor({ sub: 'ada', jti: 'new', slow: true }),
      ];
      await using client = socket(r.wsUrl);
      await client.init({ Authorization: `Bearer ${old}` });
      await client.subscribe('1', asked);
      await using stream = await events(r.url, asked, old);
      await client.message('next', '1');
      const renewing =
        transport === 'sse'
          ? stream.renew(renewed)
          : client.send({ type: 'ping', payload: { Authorization: `Bearer ${renewed}` } });
      await eventually('it waits for the source of the new claims', () => waiting);
      await r.revoke({ jti: 'new' });
      open();
      if (transport === 'websocket') expect((await client.closed).code).toBe(4403);
      else await stream.ended;
      await renewing;
      if (transport === 'sse') expect(stream.results.at(-1).errors[0].extensions.code).toBe('UNAUTHENTICATED');
    },
  );

  test('that comes at whatever moment of signing in keeps the socket out or ends it', async () => {
    for (let moment = 0; moment < 40; moment++) {
      const revoking: (() => Promise<unknown>)[] = [];
      await using r = await river(sdl, {
        async authenticate() {
          // Its answer is on its way when the revocation comes, a few turns of promises before or after.
          void revoking[0]?.();
          for (let turn = 0; turn < moment; turn++) await null;
          return { signedIn: true, claims: { sub: 'ada' }, expiresAt: null };
        },
      });
      revoking.push(() => r.revoke({ sub: 'ada' }));
      await using client = socket(r.wsUrl);
      await client.send({ type: 'connection_init' });
      expect([moment, (await client.closed).code]).toEqual([moment, 4403]);
    }
  });

  test('names who is meant: nobody, or everybody, is refused', async () => {
    await using r = await river(sdl);
    await expect(r.revoke({})).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(r.revoke({ "['roles": 'x' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(r.revoke({ '': 'x' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(r.revoke({ sub: 'x'.repeat(1_001) })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await using spared = listen(r.wsUrl, query, { token: await tokenFor({ sub: 'ada' }) });
    await eventually('it has started', () => r.subscribed() === 1);
    await r.publish('notes', { id: 1, user: 'ada' });
    await eventually('an event', () => spared.results.length === 1);
  });
});

describe('while the store cannot be read', () => {
  test('nobody with a token is let in, and as soon as it can be, everybody whose token counts', async () => {
    const store = memoryRevocations();
    await store.add({ sub: 'ada' }, 60_000);
    let away = true;
    const since = async (mark: number) => {
      if (away) throw new Fault('UNAVAILABLE', { why: 'away' });
      return store.since(mark);
    };
    const revocations = revocationsOf({
      store: { ...store, since },
      replicas: memoryReplicas(),
      logger: silent,
      tokenLife: 60_000,
      every: 10,
      changed() {},
    });
    const viewer = (sub: string) => ({ signedIn: true, claims: { sub }, expiresAt: null });
    expect(() => revocations.check(viewer('grace'))).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    expect(() => revocations.check({ signedIn: false, claims: {}, expiresAt: null })).not.toThrow();
    away = false;
    await eventually('it is known', () => revocations.known());
    revocations.check(viewer('grace'));
    expect(() => revocations.check(viewer('ada'))).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
    revocations.close();
  });
});

test('who joins while the store cannot be read reads all of it later, whatever else is read meanwhile', async () => {
  const store = memoryRevocations();
  const replicas = memoryReplicas();
  const asked: number[] = [];
  let away = false;
  const since = async (mark: number) => {
    asked.push(mark);
    if (away) throw new Fault('UNAVAILABLE', { why: 'away' });
    return store.since(mark);
  };
  let join = () => {};
  const revocations = revocationsOf({
    store: { ...store, since },
    replicas: {
      ...replicas,
      onJoined(listener) {
        join = listener;
        listener();
      },
    },
    logger: silent,
    tokenLife: 60_000,
    every: 60_000,
    changed() {},
  });
  await revocations.revoke({ sub: 'ada' });
  away = true;
  asked.length = 0;
  // At another Redis, which may have others: and of one more it is told at once.
  join();
  await replicas.tell({ kind: 'revoked' });
  await eventually('both have failed', () => asked.length === 2);
  away = false;
  asked.length = 0;
  await eventually('it is read', () => asked.length > 0);
  expect(asked).toEqual([0]);
  revocations.close();
});

test('a store that comes back empty takes back nothing that a replica knows', async () => {
  let store = memoryRevocations();
  let join = () => {};
  let joins = 0;
  const replicas = {
    ...memoryReplicas(),
    onJoined(listener: () => void) {
      join = listener;
      listener();
    },
  };
  const since = (mark: number) => {
    joins++;
    return store.since(mark);
  };
  const parts = { replicas, logger: silent, tokenLife: 60_000, every: 60_000, changed() {} };
  const always = {
    add: (...added: Parameters<RevocationStore['add']>) => store.add(...added),
    restore: (...given: Parameters<RevocationStore['restore']>) => store.restore(...given),
    since,
  };
  const revocations = revocationsOf({ ...parts, store: always });
  await revocations.revoke({ sub: 'ada' });
  store = memoryRevocations();
  const before = joins;
  join();
  await eventually('it has read the empty one', () => joins > before);
  // Whoever begins later knows it as well.
  await eventually('it is there again', async () => (await store.since(0)).revocations.length === 1);
  await revocations.revoke({ sub: 'grace' });
  expect(revocations.list().map(({ claims }) => claims.sub)).toEqual(['ada', 'grace']);
  revocations.close();
});

test('a thousand revocations at once are read by a few, not each with all the others', async () => {
  const store = memoryRevocations();
  const replicas = memoryReplicas();
  let read = 0;
  const since = async (mark: number) => {
    const found = await store.since(mark);
    read += found.revocations.length;
    return found;
  };
  const parts = { replicas, logger: silent, tokenLife: 60_000, every: 60_000, changed() {} };
  const revocations = revocationsOf({ ...parts, store: { ...store, since } });
  await eventually('it is ready', () => revocations.known());
  const many = Array.from({ length: 1_000 }, (_, n) => ({ sid: `s${n}` }));
  await Promise.all(many.map((claims) => revocations.revoke(claims)));
  expect(revocations.list()).toHaveLength(1_000);
  expect(read).toBeLessThan(10_000);
  // Who has been told that it is done may rely on it, whoever else revokes.
  const [last] = await Promise.all([revocations.revoke({ sub: 'ada' }), revocations.revoke({ sub: 'grace' })]);
  expect(revocations.list()).toContainEqual(last);
  revocations.close();
});

test('what was revoked is kept as long as a token may live, and as much longer as a clock may be set forward', async () => {
  const clock = { now: 1_000_000 };
  const store = memoryRevocations(() => clock.now);
  await store.add({ sub: 'ada' }, 10_000);
  clock.now += clockStep + 9_000;
  expect(await store.add({ sub: 'grace' }, 10_000)).toEqual({
    claims: { sub: 'grace' },
    at: 1_009 + clockStep / 1_000,
  });
  expect((await store.since(0)).revocations).toHaveLength(2);
  clock.now += 2_000;
  await store.add({ sub: 'alan' }, 10_000);
  expect((await store.since(0)).revocations.map(({ claims }) => claims.sub)).toEqual(['grace', 'alan']);
});

test('whichever clock is set, back and forward, no replica lacks a revocation whose tokens may still live', async () => {
  const hour = 3_600_000;
  const off = fc.integer({ min: -hour, max: hour });
  const moment = fc.record({
    pass: fc.integer({ min: 0, max: 20 * 60_000 }),
    store: off,
    replica: off,
    act: fc.constantFrom('revoke', 'look', 'nothing'),
  });
  vi.useFakeTimers({ toFake: ['Date'] });
  const turns = async () => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(moment, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(600_000, 1_800_000, 3_000_000),
        async (moments, tokenLife) => {
          const at = { time: 1.7e12, store: 0 };
          const store = memoryRevocations(() => at.time + at.store);
          const replicas = memoryReplicas();
          const parts = { store, replicas, logger: silent, tokenLife, every: 3_600_000, changed() {} };
          vi.setSystemTime(at.time);
          const running = [revocationsOf(parts), revocationsOf(parts)];
          const made: { sid: string; at: number }[] = [];
          for (const { pass, store, replica, act } of moments) {
            at.time += pass;
            at.store = store;
            vi.setSystemTime(at.time + replica);
            if (act === 'revoke') {
              const sid = String(made.length);
              await running[made.length % 2]?.revoke({ sid });
              made.push({ sid, at: at.time });
            }
            if (act === 'look') await replicas.tell({ kind: 'revoked' });
            await turns();
            const begun = revocationsOf({ ...parts, replicas: memoryReplicas() });
            await turns();
            // Of a revocation no more is known than its second.
            const alive = made.filter((one) => one.at + tokenLife - 1_000 > at.time).map(({ sid }) => sid);
            for (const one of [...running, begun]) {
              expect(one.list().map(({ claims }) => claims.sid)).toEqual(expect.arrayContaining(alive));
            }
            begun.close();
          }
          for (const one of running) one.close();
        },
      ),
    );
  } finally {
    vi.useRealTimers();
  }
});

test('a store whose clock goes back has no revocation that a replica has read past', async () => {
  const clock = { now: Date.now() };
  const store = memoryRevocations(() => clock.now);
  const replicas = memoryReplicas();
  const parts = { store, replicas, logger: silent, tokenLife: 3_600_000, every: 60_000, changed() {} };
  const [one, other] = [revocationsOf(parts), revocationsOf(parts)];
  await one.revoke({ sub: 'ada' });
  await eventually('the other knows', () => other.list().length === 1);
  clock.now -= 600_000;
  await one.revoke({ sub: 'grace' });
  await eventually('the other knows both', () => other.list().length === 2);
  for (const each of [one, other]) each.close();
});

import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { PubSub } from 'graphql-subscriptions';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../../src/event/faults.js';
import { memoryReplicas } from '../../../src/serve/replicas/replicas.js';
import { socket } from '../../support/clients/socket.js';
import { events } from '../../support/clients/stream.js';
import { eventually } from '../../support/eventually.js';
import { type River, river, tokenFor } from '../../support/river.js';
import { slowSource } from '../../support/slow-source.js';

const sdl = `
  type Subscription {
    mine: Note! @kafka(topic: "notes") @where(rule: "event.user == claims.sub")
    room: Note! @kafka(topic: "notes") @where(rule: "event.room in claims.rooms")
    secret: Note! @kafka(topic: "notes") @where(rule: "event.user == claims.sub") @requiresScopes(scopes: [["secrets"]])
    typing: Int! @authenticated
  }
  type Note { id: ID! user: ID room: ID told: String @requiresScopes(scopes: [["told"]]) }`;

const room = 'subscription { room { id } }';
const refused = (code: string) => ({ ok: false, code, message: expect.any(String) });
const inRooms = (rooms: string[], more: object = {}, life?: number) => tokenFor({ sub: 'ada', rooms, ...more }, life);

/** Publishes notes `from` to `to`, one in each of the rooms in turn. */
async function publish(r: River, from: number, to: number, rooms = ['a', 'b']) {
  for (let id = from; id <= to; id++) await r.publish('notes', { id, user: 'ada', room: rooms[id % rooms.length] });
}

/** The same promises on both transports: how a client subscribes there, and how it renews. */
const transports = {
  async WebSocket(r: River, query: string, token: string) {
    const client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${token}` });
    await client.subscribe('1', { query });
    await eventually('it has started', () => r.subscribed() > 0);
    const results = () => client.messages.filter(({ type }) => type === 'next').map(({ payload }) => payload);
    return {
      ids: () => results().map(({ data }) => Number((Object.values(data)[0] as { id: string }).id)),
      async renew(renewed: string) {
        const before = client.messages.filter(({ type }) => type === 'pong').length;
        await client.send({ type: 'ping', payload: { Authorization: `Bearer ${renewed}` } });
        return eventually(
          'a pong',
          () => client.messages.filter(({ type }) => type === 'pong')[before]?.payload ?? null,
        );
      },
      ended: () => client.messages.find(({ type }) => type === 'error')?.payload?.[0].extensions ?? null,
      isOpen: client.isOpen,
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  },
  async 'server-sent events'(r: River, query: string, token: string) {
    const stream = await events(r.url, { query }, token);
    await eventually('it has started', () => r.subscribed() > 0);
    const isRefusal = (result: { errors?: unknown }) => result.errors !== undefined;
    return {
      ids: () =>
        stream.results
          .filter((result) => !isRefusal(result))
          .map(({ data }) => Number((Object.values(data)[0] as { id: string }).id)),
      async renew(renewed: string) {
        const { status, body } = await stream.renew(renewed);
        if (status === 200) return body;
        const [{ message, extensions }] = body.errors;
        return { ok: false, code: extensions.code, message };
      },
      ended: () => stream.results.find(isRefusal)?.errors[0].extensions ?? null,
      isOpen: () => !stream.isOver(),
      [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
    };
  },
};

describe.concurrent.each(Object.entries(transports))('a token renewed while a stream runs, over %s', (_, subscribe) => {
  test('puts the end off, and the stream sees nothing of it', async () => {
    await using r = await river(sdl);
    await using client = await subscribe(r, room, await inRooms(['a'], {}, 4_000));
    await publish(r, 1, 4);
    const iat = Math.floor(Date.now() / 1000) - 1;
    expect(await client.renew(await inRooms(['a'], { iat, jti: 'new' }))).toEqual({ ok: true });
    await eventually('the end of the old one', () => Date.now() / 1000 > iat + 6);
    await publish(r, 5, 8);
    await eventually('all of its room', () => client.ids().length === 4);
    expect(client.ids()).toEqual([2, 4, 6, 8]);
    expect(client.isOpen()).toBe(true);
  });

  test('lets rules be judged by the new claims from then on, and nothing is lost or shown twice', async () => {
    await using r = await river(sdl);
    await using client = await subscribe(r, room, await inRooms(['a']));
    await publish(r, 1, 10);
    // Events go on while it renews: those of both rooms' time belong to it whenever they came.
    const [renewed] = await Promise.all([client.renew(await inRooms(['a', 'b'])), publish(r, 11, 60, ['a'])]);
    expect(renewed).toEqual({ ok: true });
    await publish(r, 61, 70);
    await eventually('all', () => client.ids().at(-1) === 70);
    const expected = [2, 4, 6, 8, 10, ...Array.from({ length: 60 }, (_, n) => n + 11)];
    expect(client.ids()).toEqual(expected);
    expect(await client.renew(await inRooms(['b']))).toEqual({ ok: true });
    await publish(r, 71, 80);
    await eventually('the other room', () => client.ids().at(-1) === 79);
    expect(client.ids()).toEqual([...expected, 71, 73, 75, 77, 79]);
  });

  test('ends what the new claims do not allow with FORBIDDEN and its paths', async () => {
    await using r = await river(sdl);
    const query = 'subscription { mine { id told } }';
    await using client = await subscribe(r, query, await tokenFor({ sub: 'ada', scope: 'told' }));
    await publish(r, 1, 1);
    await eventually('an event', () => client.ids().length === 1);
    expect(await client.renew(await tokenFor({ sub: 'ada' }))).toEqual({ ok: true });
    await eventually('its end', () => client.ended());
    expect(client.ended()).toEqual({ code: 'FORBIDDEN', paths: ['mine.told'] });
    await publish(r, 2, 2);
    await eventually('nobody listens', () => r.subscribed() === 0);
    expect(client.ids()).toEqual([1]);
  });

  test('of somebody else, of another issuer, bad or expired is refused, and changes nothing', async () => {
    await using r = await river(sdl);
    await using client = await subscribe(r, room, await inRooms(['a']));
    expect(await client.renew(await tokenFor({ sub: 'grace', rooms: ['b'] }))).toEqual(refused('FORBIDDEN'));
    expect(await client.renew(await tokenFor({ sub: 'ada', iss: 'elsewhere', rooms: ['b'] }))).toEqual(
      refused('FORBIDDEN'),
    );
    expect(await client.renew('garbage')).toEqual(refused('UNAUTHENTICATED'));
    expect(await client.renew(await inRooms(['b'], { exp: 1 }))).toEqual(refused('UNAUTHENTICATED'));
    await publish(r, 1, 4);
    await eventually('its room', () => client.ids().length === 2);
    expect(client.ids()).toEqual([2, 4]);
  });

  test('of a viewer whose token names nobody is refused: it could be anybody’s', async () => {
    await using r = await river(sdl);
    for (const nobody of [{}, { sub: null }]) {
      await using client = await subscribe(r, room, await tokenFor({ ...nobody, rooms: ['a'] }));
      expect(await client.renew(await tokenFor({ ...nobody, rooms: ['b'] }))).toEqual(refused('FORBIDDEN'));
    }
  });
});

describe.concurrent('over a WebSocket', () => {
  test('one renewal is for all operations: those that may go on do, the others end', async () => {
    await using r = await river(sdl);
    await using client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${await inRooms(['a'], { scope: 'secrets' })}` });
    for (const [id, field] of ['room', 'secret', 'mine'].entries())
      await client.subscribe(String(id), { query: `subscription { ${field} { id } }` });
    await eventually('three have started', () => r.subscribed() === 3);
    await client.send({ type: 'ping', payload: { authorization: `Bearer ${await inRooms(['b'])}` } });
    expect((await client.message('pong')).payload).toEqual({ ok: true });
    expect((await client.message('error', '1')).payload[0].extensions.code).toBe('FORBIDDEN');
    await publish(r, 1, 1);
    expect((await client.message('next', '0')).payload.data).toEqual({ room: { id: '1' } });
    expect((await client.message('next', '2')).payload.data).toEqual({ mine: { id: '1' } });
    // What is asked for later is asked with the new claims.
    await client.subscribe('3', { query: 'subscription { secret { id } }' });
    expect((await client.message('error', '3')).payload[0].extensions.code).toBe('FORBIDDEN');
  });

  test('an operation that is being opened meanwhile begins with the new claims', async () => {
    await using r = await river(sdl);
    await using client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${await inRooms(['a'])}` });
    const renewed = { type: 'ping', payload: { Authorization: `Bearer ${await inRooms(['b'])}` } };
    for (let n = 0; n < 20; n++) await client.subscribe(String(n), { query: room });
    await client.send(renewed);
    for (let n = 20; n < 40; n++) await client.subscribe(String(n), { query: room });
    await client.message('pong');
    await eventually('all have started', () => r.subscribed() === 40);
    await publish(r, 1, 2);
    await eventually('an event each', () => client.messages.filter(({ type }) => type === 'next').length >= 40);
    const shown = client.messages.filter(({ type }) => type === 'next').map(({ payload }) => payload.data.room.id);
    expect(shown).toEqual(Array.from({ length: 40 }, () => '1'));
  });

  test('nor does one begin with the old ones whose source was a while in coming', async () => {
    const source = slowSource('told');
    await using r = await river('type Subscription { told: String! @authenticated }', {
      resolvers: source.resolvers as never,
    });
    await using client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${await inRooms(['old'])}` });
    await client.subscribe('1', { query: 'subscription { told }' });
    await eventually('it is being opened', () => source.asked() === 1);
    await client.send({ type: 'ping', payload: { Authorization: `Bearer ${await inRooms(['new'])}` } });
    expect((await client.message('pong')).payload).toEqual({ ok: true });
    source.open();
    expect((await client.message('next', '1')).payload.data).toEqual({ told: 'new' });
  });

  test('a socket that nobody signed in to cannot be renewed, and a ping without a token is only a ping', async () => {
    await using r = await river(sdl);
    await using client = socket(r.wsUrl);
    await client.init();
    await client.send({ type: 'ping', payload: { Authorization: `Bearer ${await inRooms(['a'])}` } });
    expect((await client.message('pong')).payload).toEqual(refused('FORBIDDEN'));
    await client.send({ type: 'ping', payload: { mark: 7 } });
    await client.send({ type: 'ping' });
    await eventually('two pongs more', () => client.messages.filter(({ type }) => type === 'pong').length === 3);
    const [, marked, empty] = client.messages.filter(({ type }) => type === 'pong');
    expect([marked.payload, empty.payload]).toEqual([{ mark: 7 }, undefined]);
  });

  test('a subscription of a resolver goes on by the new claims, and leaves no source behind', async () => {
    const resolvers = {
      Subscription: {
        typing: {
          subscribe: (_: unknown, __: unknown, { pubsub, claims }: { pubsub: never; claims: { rooms: string[] } }) =>
            (pubsub as { asyncIterableIterator(names: string[]): unknown }).asyncIterableIterator(claims.rooms),
        },
      },
    };
    const eventEmitter = new EventEmitter();
    const pubsub = new PubSub({ eventEmitter });
    await using r = await river(sdl, { resolvers: resolvers as never, pubsub: pubsub as never });
    await using client = socket(r.wsUrl);
    await client.init({ Authorization: `Bearer ${await inRooms(['a'])}` });
    await client.subscribe('1', { query: 'subscription { typing }' });
    const shown = () => client.messages.filter(({ type }) => type === 'next').map(({ payload }) => payload.data.typing);
    await eventually('the first room', async () => {
      await pubsub.publish('a', { typing: 1 });
      return shown().length > 0;
    });
    await client.send({ type: 'ping', payload: { Authorization: `Bearer ${await inRooms(['b'])}` } });
    await client.message('pong');
    const before = shown().length;
    await pubsub.publish('a', { typing: 2 });
    await pubsub.publish('b', { typing: 3 });
    await eventually('the second room', () => shown().length > before);
    expect(shown().slice(before)).toEqual([3]);
    await client.send({ type: 'complete', id: '1' });
    await eventually('no source is left open', () => eventEmitter.eventNames().length === 0);
  });
});

describe.concurrent('POST /graphql/renew', () => {
  test('is taken by a replica that does not hold the stream', async () => {
    await using r = await river(sdl);
    const other = await r.replica();
    await using stream = await events(r.url, { query: room }, await inRooms(['a']));
    await eventually('it has started', () => r.subscribed() === 1);
    expect((await stream.renew(await inRooms(['b']), other.url)).body).toEqual({ ok: true });
    await publish(r, 1, 2);
    await eventually('an event', () => stream.results.length === 1);
    expect(stream.results[0].data).toEqual({ room: { id: '1' } });
    const foreign = await stream.renew(await tokenFor({ sub: 'grace' }), other.url);
    expect([foreign.status, foreign.body.errors[0].extensions.code]).toEqual([403, 'FORBIDDEN']);
  });

  test('says so when the token is bad, the body is none, or nobody holds such a stream', async () => {
    await using r = await river(sdl);
    const post = async (body: unknown, method = 'POST') => {
      const response = await fetch(`${r.url}/renew`, {
        method,
        ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
      });
      return [response.status, (await response.json()).errors?.[0].extensions?.code];
    };
    expect(await post({ id: 'x', token: 'garbage' })).toEqual([401, 'UNAUTHENTICATED']);
    expect(await post({ id: randomUUID(), token: await inRooms(['a']) })).toEqual([400, 'BAD_USER_INPUT']);
    expect(await post({ id: 'x' })).toEqual([400, 'BAD_USER_INPUT']);
    expect(await post([])).toEqual([400, 'BAD_USER_INPUT']);
    expect((await post(null, 'GET'))[0]).toBe(405);
  });
});

test('what is no name of a stream is told to no other replica: it may be as long as a request', async () => {
  const replicas = memoryReplicas();
  const heard: unknown[] = [];
  replicas.hear((told) => heard.push(told.kind));
  await using r = await river(sdl, { replicas });
  for (const id of ['', 'x', 'x'.repeat(60_000), `${randomUUID()}\n`, randomUUID().toUpperCase()]) {
    const body = JSON.stringify({ id, token: await inRooms(['a']) });
    const response = await fetch(`${r.url}/renew`, { method: 'POST', body });
    expect([response.status, (await response.json()).errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
  }
  expect(heard).toEqual([]);
});

test('while the keys cannot be fetched a renewal is refused as passing, and the stream goes on', async () => {
  let away = false;
  await using r = await river(sdl, {
    authenticate: async ({ authorization }) => {
      if (away) throw new Fault('UNAVAILABLE', { why: 'the keys that verify tokens cannot be fetched' });
      return { signedIn: true, claims: JSON.parse(atob(`${authorization}`.split('.')[1] as string)), expiresAt: null };
    },
  });
  await using client = await transports.WebSocket(r, room, await inRooms(['a']));
  away = true;
  expect(await client.renew(await inRooms(['b']))).toEqual(refused('UNAVAILABLE'));
  await publish(r, 1, 2);
  await eventually('an event', () => client.ids().length === 1);
  expect(client.ids()).toEqual([2]);
});

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import type { GatewayParts } from '../../../src/serve/gateway.js';
import type { GatewayLimits } from '../../../src/serve/limits/limits.js';
import { eventSource } from '../../support/clients/event-source.js';
import { http2 } from '../../support/clients/http2.js';
import { socket } from '../../support/clients/socket.js';
import { events } from '../../support/clients/stream.js';
import { eventually } from '../../support/eventually.js';
import { type River, river, tokenFor } from '../../support/river.js';
import { certificateAuthority } from '../../support/servers/certificates.js';

const sdl = `
  type Mutation { knock: Int! @public }
  type Subscription { note: Note! @kafka(topic: "notes") @public }
  type Note { id: ID! }`;
const query = 'subscription { note { id } }';

async function limitedRiver(limits: Partial<GatewayLimits>, parts: Partial<GatewayParts> = {}) {
  const limited: string[] = [];
  let knocks = 0;
  let slowed = 0;
  const resolvers = { Mutation: { knock: () => ++knocks } };
  const metrics = {
    ...noGatewayMetrics,
    limited: (limit: string) => void limited.push(limit),
    slowed: () => void slowed++,
  };
  const r = await river(sdl, { limits, resolvers, metrics, ...parts });
  return Object.assign(r, { limited, slowed: () => slowed });
}

const sse = (r: River, headers: Record<string, string> = {}, signal: AbortSignal | null = null) =>
  fetch(`${r.url}?${new URLSearchParams({ query })}`, { headers: { accept: 'text/event-stream', ...headers }, signal });
const post = (r: River, body: object, headers: Record<string, string> = {}) =>
  fetch(r.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify(body),
  });

describe('connections', () => {
  test('of a replica are limited, and one that ends makes room for another', async () => {
    await using r = await limitedRiver({ connections: 2 });
    const leaving = new AbortController();
    await sse(r, {}, leaving.signal);
    await using ws = socket(r.wsUrl);
    await ws.init();
    await using refused = socket(r.wsUrl);
    expect(await refused.closed).toEqual({ code: 1013, reason: 'connections is at most 2, this would be 3' });
    const answer = await post(r, { query });
    expect([answer.status, Number(answer.headers.get('retry-after'))]).toEqual([503, expect.any(Number)]);
    expect((await answer.json()).errors[0].extensions).toEqual({
      code: 'LIMIT_EXCEEDED',
      limit: 'connections',
      max: 2,
    });
    expect(r.limited).toEqual(['connections', 'connections']);
    leaving.abort();
    await eventually('there is room again', async () => {
      await using late = socket(r.wsUrl);
      await Promise.race([late.init(), late.closed]);
      return late.isOpen();
    });
  });

  test('of an address are limited, as the trusted proxy names it, and other addresses are not', async () => {
    await using r = await limitedRiver({ connectionsPerAddress: 2 }, { trustedHops: 1 });
    const from = (address: string) => ({ 'x-forwarded-for': `192.0.2.1, ${address}` });
    expect((await sse(r, from('198.51.100.1'))).body).not.toBeNull();
    expect((await post(r, { query }, from('198.51.100.1'))).status).toBe(200);
    const answer = await post(r, { query }, from('198.51.100.1'));
    expect(answer.status).toBe(429);
    expect((await answer.json()).errors[0].extensions).toEqual({
      code: 'LIMIT_EXCEEDED',
      limit: 'connectionsPerAddress',
      max: 2,
    });
    expect((await post(r, { query }, from('198.51.100.2'))).status).toBe(200);
    expect(r.limited).toEqual(['connectionsPerAddress']);
  });

  const written = [
    '192.0.2.1',
    '192.0.2.2, 192.0.2.3',
    '2001:db8:1::1',
    '::ffff:192.0.2.4',
    'rubbish',
    ',,,',
    '9.9.9.9,'.repeat(999),
  ];
  test.each([0, 1])(
    'of an address are limited, whatever it writes into X-Forwarded-For, on every transport, behind %i proxies',
    async (trustedHops) => {
      using authority = certificateAuthority();
      const limits = { connectionsPerAddress: 2, mutationsPerMinute: 3 };
      await using plain = await limitedRiver(limits, { trustedHops });
      await using secure = await limitedRiver(limits, { trustedHops, tls: authority.issue('gateway') });
      /** As it arrives: what the client wrote, and what a proxy adds, on a line of its own. */
      const headers = (n: number) => [written[n % written.length] as string, ...(trustedHops ? ['198.51.100.1'] : [])];
      const webSocket = async ({ wsUrl }: River, n: number) => {
        const one = new WebSocket(wsUrl, 'graphql-transport-ws', {
          headers: { 'x-forwarded-for': headers(n) as never },
        });
        one.on('error', () => undefined);
        const refused = once(one, 'close').then(([code]) => code);
        await once(one, 'open');
        one.send('{"type":"connection_init"}');
        return Promise.race([once(one, 'message').then(() => 200), refused]);
      };
      const request = async ({ url }: River, n: number, body: string | null) => {
        const path = body === null ? `/graphql/stream?${new URLSearchParams({ query })}` : '/graphql';
        const type = body === null ? 'text/event-stream' : 'application/json';
        const lines = headers(n).map((value) => `X-Forwarded-For: ${value}`);
        const peer = connect(Number(new URL(url).port), '127.0.0.1');
        peer.write(
          [`${body === null ? 'GET' : 'POST'} ${path} HTTP/1.1`, 'Host: x', `Accept: ${type}`, ...lines, ''].join(
            '\r\n',
          ),
        );
        if (body !== null) peer.write(`Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`);
        peer.write(`\r\n${body ?? ''}`);
        const [answer] = await once(peer, 'data');
        return String(answer);
      };
      const all = written.map((_, n) => n);
      expect([await webSocket(plain, 0), await webSocket(plain, 1)]).toEqual([200, 200]);
      for (const n of all) {
        expect(await webSocket(plain, n)).toBe(1013);
        expect(await request(plain, n, null)).toContain(': connectionsPerAddress is at most 2, this would be 3');
      }
      const knocks = [];
      for (const n of all) knocks.push(await request(plain, n, '{"query":"mutation { knock }"}'));
      expect(knocks.map((answer) => answer.includes('mutationsPerMinute'))).toEqual(all.map((n) => n >= 3));
      await using client = http2(secure.url, authority.ca);
      for (const n of all) {
        const type = { 'content-type': 'application/json' };
        const ask = { ':path': '/graphql/stream', ':method': 'POST', ...type, 'x-forwarded-for': headers(n) };
        const stream = client.session.request(ask);
        stream.end(JSON.stringify({ query }));
        const [answer] = await once(stream, 'response');
        expect(answer[':status']).toBe(n < 2 ? 200 : 429);
      }
    },
  );

  test('of a user are limited over all transports, and strangers are not', async () => {
    await using r = await limitedRiver({ connectionsPerUser: 2 });
    const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
    expect((await post(r, { query }, { authorization })).status).toBe(200);
    await using second = socket(r.wsUrl);
    await second.init({ authorization });
    await using third = socket(r.wsUrl);
    await third.send({ type: 'connection_init', payload: { authorization } });
    expect(await third.closed).toEqual({ code: 1013, reason: 'connectionsPerUser is at most 2, this would be 3' });
    expect((await post(r, { query }, { authorization })).status).toBe(429);
    expect(r.limited).toEqual(['connectionsPerUser', 'connectionsPerUser']);
    const others = [`Bearer ${await tokenFor({ sub: 'grace' })}`, `Bearer ${await tokenFor({ sub: 'ada', iss: 'b' })}`];
    for (const other of others) expect((await post(r, { query }, { authorization: other })).status).toBe(200);
    for (let n = 0; n < 3; n++) expect((await post(r, { query })).status).toBe(200);
  });

  test('an EventSource for which there is no room yet comes back by itself, with a ticket too', async () => {
    await using r = await limitedRiver({ connectionsPerUser: 1 });
    const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
    const { ticket } = (await (
      await fetch(`${r.url}/ticket`, { method: 'POST', headers: { authorization } })
    ).json()) as {
      ticket: string;
    };
    const first = new AbortController();
    expect((await sse(r, { authorization }, first.signal)).status).toBe(200);
    const got: string[] = [];
    const ends: number[] = [];
    const close = eventSource({
      url: `${r.url}/stream?${new URLSearchParams({ query, ticket })}`,
      headers: {},
      onOpen() {},
      onNext: (data) => got.push(data),
      onEnd: (status) => ends.push(status),
      retry: () => 20,
    });
    await eventually('it was refused and has come back', () => r.limited.length >= 3 || ends.length > 0);
    first.abort();
    await eventually('it is there', async () => {
      await r.publish('notes', { id: got.length });
      return got.length > 0 || ends.length > 0;
    });
    expect(ends).toEqual([]);
    close();
  });

  test('that come too fast get 503 and when to come back; those that are there stay', async () => {
    await using r = await limitedRiver({ connectRate: 5 });
    await using first = socket(r.wsUrl);
    await first.init();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(r, { query })));
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers } of refused) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    const upgrade = await new Promise<IncomingMessage>((resolve) => {
      for (let n = 0; n < 20; n++) {
        const webSocket = new WebSocket(r.wsUrl, 'graphql-transport-ws');
        webSocket.on('error', () => undefined);
        webSocket.on('unexpected-response', (_, response) => resolve(response));
        webSocket.on('open', () => webSocket.close());
      }
    });
    expect(upgrade.statusCode).toBe(503);
    expect(Number(upgrade.headers['retry-after'])).toBeGreaterThan(0);
    expect(new Set(r.limited)).toEqual(new Set(['connectRate']));
    await first.subscribe('1', { query });
    await first.message('ping');
    await eventually('later there is room', async () => (await post(r, { query })).status === 200);
  });
});

test('subscriptions of a user are limited over all their connections, and one that ends makes room', async () => {
  await using r = await limitedRiver({ subscriptionsPerUser: 3, roomWait: 20 });
  const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
  await using one = socket(r.wsUrl);
  await one.init({ authorization });
  await using two = socket(r.wsUrl);
  await two.init({ authorization });
  // All at once: those that are being opened count too.
  for (const id of ['1', '2', '3', '4']) void one.subscribe(id, { query });
  const refused = await eventually('one is refused', () => one.messages.find(({ type }) => type === 'error') ?? null);
  expect(refused.payload[0].extensions).toEqual({ code: 'LIMIT_EXCEEDED', limit: 'subscriptionsPerUser', max: 3 });
  await two.subscribe('5', { query });
  await two.message('error', '5');
  const streamed = await (await post(r, { query }, { authorization })).text();
  expect(streamed).toContain('"limit":"subscriptionsPerUser"');
  const native = await sse(r, { authorization });
  expect([native.status, await native.text()]).toEqual([
    200,
    ': subscriptionsPerUser is at most 3, this would be 4\n\n',
  ]);
  expect(r.limited).toEqual(Array(4).fill('subscriptionsPerUser'));
  const [kept] = ['1', '2', '3', '4'].filter((id) => id !== refused.id);
  await one.send({ type: 'complete', id: kept });
  await eventually('there is room for another', async () => {
    const id = String(Math.random());
    const before = two.messages.length;
    await two.subscribe(id, { query });
    const answer = await eventually('an answer', () => two.messages[before] ?? null);
    return answer.type === 'ping';
  });
});

test('mutations of a user are limited over HTTP, server-sent events and WebSocket together', async () => {
  await using r = await limitedRiver({ mutationsPerMinute: 3 });
  const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
  const mutation = { query: 'mutation { knock }' };
  const refusal = { code: 'LIMIT_EXCEEDED', limit: 'mutationsPerMinute', max: 3 };
  const json = { authorization, accept: 'application/json' };
  await using ws = socket(r.wsUrl);
  await ws.init({ authorization });
  expect(await (await post(r, mutation, json)).json()).toEqual({ data: { knock: 1 } });
  await ws.subscribe('1', mutation);
  expect((await ws.message('next', '1')).payload).toEqual({ data: { knock: 2 } });
  expect(await (await post(r, mutation, { authorization })).text()).toContain('{"knock":3}');

  await ws.subscribe('2', mutation);
  expect((await ws.message('error', '2')).payload[0].extensions).toEqual(refusal);
  expect(await (await post(r, mutation, { authorization })).text()).toContain('"limit":"mutationsPerMinute"');
  const refused = await post(r, mutation, { authorization, accept: 'application/graphql-response+json' });
  expect([refused.status, (await refused.json()).errors[0].extensions]).toEqual([429, refusal]);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(r.limited).toEqual(Array(3).fill('mutationsPerMinute'));

  // Whoever has no token is known by their address; queries are as many as one likes.
  for (let n = 4; n < 7; n++) {
    expect(await (await post(r, mutation, { accept: 'application/json' })).json()).toEqual({ data: { knock: n } });
  }
  expect((await (await post(r, mutation, { accept: 'application/json' })).json()).errors).toHaveLength(1);
  for (let n = 0; n < 5; n++) expect((await post(r, { query: '{ version }' }, json)).status).toBe(200);
});

test('who is named by nobody, or by a null, shares no limit of users with others of that kind', async () => {
  await using r = await limitedRiver({ connectionsPerUser: 1, subscriptionsPerUser: 1 });
  for (const nobody of [{}, { sub: null }]) {
    const authorization = `Bearer ${await tokenFor(nobody)}`;
    await using one = socket(r.wsUrl);
    await one.init({ authorization });
    await using other = socket(r.wsUrl);
    await other.init({ authorization });
    for (const client of [one, other]) {
      await client.subscribe('1', { query });
      await client.message('ping');
    }
  }
});

test('the user 7 and the user "7" are two', async () => {
  await using r = await limitedRiver({ connectionsPerUser: 1 });
  for (const sub of [7, '7', ['7'], { id: '7' }]) {
    const one = socket(r.wsUrl);
    await one.init({ authorization: `Bearer ${await tokenFor({ sub })}` });
  }
});

test('tickets count as mutations: what one user keeps in the store is limited', async () => {
  await using r = await limitedRiver({ mutationsPerMinute: 3 });
  const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
  const ask = () => fetch(`${r.url}/ticket`, { method: 'POST', headers: { authorization } });
  for (let n = 0; n < 3; n++) expect((await ask()).status).toBe(201);
  const refused = await ask();
  expect([refused.status, (await refused.json()).errors[0].extensions]).toEqual([
    429,
    { code: 'LIMIT_EXCEEDED', limit: 'mutationsPerMinute', max: 3 },
  ]);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(r.limited).toEqual(['mutationsPerMinute']);
});

test('renewals of event streams count as mutations, of the user whose token it is: each may be every replica’s to look for', async () => {
  await using r = await limitedRiver({ mutationsPerMinute: 3 });
  const [ada, grace] = [await tokenFor({ sub: 'ada' }), await tokenFor({ sub: 'grace' })];
  await using stream = await events(r.url, { query: 'subscription { note { id } }' }, ada);
  const renew = (id: string, token: string) =>
    fetch(`${r.url}/renew`, { method: 'POST', body: JSON.stringify({ id, token }) });
  for (let n = 0; n < 3; n++) expect((await renew(stream.id, ada)).status).toBe(200);
  for (const id of [stream.id, 'no stream']) {
    const refused = await renew(id, ada);
    expect([refused.status, (await refused.json()).errors[0].extensions]).toEqual([
      429,
      { code: 'LIMIT_EXCEEDED', limit: 'mutationsPerMinute', max: 3 },
    ]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect(r.limited).toEqual(['mutationsPerMinute', 'mutationsPerMinute']);
  // By nobody's token nobody's budget is spent, and another's is their own.
  for (let n = 0; n < 5; n++) expect((await renew(stream.id, `${grace}x`)).status).toBe(401);
  expect((await renew(stream.id, grace)).status).toBe(403);
  expect(stream.isOver()).toBe(false);
});

test('mutations under many aliases in one operation count as many, on every transport', async () => {
  await using r = await limitedRiver({ mutationsPerMinute: 5 });
  const three = { query: 'mutation { a: knock ...more } fragment more on Mutation { ... { b: knock c: knock } }' };
  const refusal = { code: 'LIMIT_EXCEEDED', limit: 'mutationsPerMinute', max: 5 };
  const users = await Promise.all(['ada', 'grace', 'alan'].map((sub) => tokenFor({ sub })));
  const [ada, grace, alan] = users.map((token) => `Bearer ${token}`) as [string, string, string];
  await using ws = socket(r.wsUrl);
  await ws.init({ authorization: ada });
  await ws.subscribe('1', three);
  await ws.message('next', '1');
  await ws.subscribe('2', three);
  expect((await ws.message('error', '2')).payload[0].extensions).toEqual(refusal);
  await (await post(r, three, { authorization: grace })).text();
  expect(await (await post(r, three, { authorization: grace })).text()).toContain('"limit":"mutationsPerMinute"');
  const json = { authorization: alan, accept: 'application/json' };
  expect((await (await post(r, three, json)).json()).errors).toBeUndefined();
  expect((await (await post(r, three, json)).json()).errors[0].extensions).toEqual(refusal);
});

describe('messages of one socket', () => {
  test('are as many at once as who comes back has operations, beside what the gateway asked for', async () => {
    await using r = await limitedRiver({ messageRate: 5, subscriptionsPerSocket: 30 });
    await using ws = socket(r.wsUrl);
    await ws.init();
    for (let n = 0; n < 30; n++) await ws.subscribe(String(n), { query });
    await eventually('all have begun', () => ws.messages.filter(({ type }) => type === 'ping').length === 30);
    for (let n = 0; n < 30; n++) await ws.send({ type: 'pong' });
    await ws.send({ type: 'ping', payload: { n: 1 } });
    expect((await ws.message('pong')).payload).toEqual({ n: 1 });
    expect(r.slowed()).toBe(0);
    for (let n = 0; n < 10; n++) await ws.send({ type: 'ping' });
    await eventually('it has to wait', () => r.slowed() === 1);
  });

  test('count by their length too, and one of any length that is allowed is heard', async () => {
    await using r = await limitedRiver({ messageRate: 1, subscriptionsPerSocket: 39 });
    const long = { type: 'ping', payload: { long: 'x'.repeat(60_000) } };
    await using patient = socket(r.wsUrl);
    for (let n = 0; n < 20; n++) await patient.send({ type: 'ping' });
    await patient.send(long);
    expect((await patient.message('pong')).type).toBe('pong');
    expect(r.slowed()).toBe(0);
    await using greedy = socket(r.wsUrl);
    for (let n = 0; n < 20; n++) await greedy.send(long);
    await eventually('it has to wait', () => r.slowed() === 1);
    await using slow = await limitedRiver({ messageRate: 1, subscriptionsPerSocket: 3 });
    await using one = socket(slow.wsUrl);
    await one.init();
    await one.send(long);
    expect((await one.message('pong')).payload).toEqual(long.payload);
    expect(patient.isOpen()).toBe(true);
  });

  test('are not answered faster than they are read', async () => {
    await using r = await limitedRiver({ messageRate: 1_000_000, socketBuffer: 65_536, messageBytes: 65_536 });
    const peer = connect(Number(new URL(r.url).port), '127.0.0.1');
    const upgrade = ['GET /graphql HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket'];
    const key = ['Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`];
    peer.write(`${[...upgrade, ...key, 'Sec-WebSocket-Protocol: graphql-transport-ws'].join('\r\n')}\r\n\r\n`);
    await once(peer, 'data');
    peer.pause();
    const text = Buffer.from(JSON.stringify({ type: 'ping', payload: { long: 'x'.repeat(60_000) } }));
    const head = Buffer.from([0x81, 0xfe, text.length >> 8, text.length & 0xff, 0, 0, 0, 0]);
    const message = Buffer.concat([head, text]);
    // Whatever TCP holds on both ways, this is more: some of it must wait in this process, on the writer's side.
    for (let n = 0; n < 1_000; n++) peer.write(message);
    let before = -1;
    await eventually(
      'no more of it is read',
      () => {
        const taken = peer.bytesWritten - peer.writableLength;
        const stands = taken === before;
        before = taken;
        return stands;
      },
      { every: 500 },
    );
    expect(peer.writableLength).toBeGreaterThan(1_000_000);
    peer.resume();
    await eventually('it is read again when the answers are', () => peer.writableLength === 0, { within: 30_000 });
    peer.destroy();
  });

  test('may not nest deeper than JSON of an operation', async () => {
    await using r = await limitedRiver({ jsonDepth: 3 });
    await using ws = socket(r.wsUrl);
    await ws.init();
    await ws.send({ type: 'ping', payload: { a: { b: {} } } });
    await ws.message('pong');
    await ws.send({ type: 'ping', payload: { a: { b: { c: {} } } } });
    expect((await ws.closed).code).toBe(1013);
    expect(r.limited).toEqual(['jsonDepth']);
  });

  test('of too many bytes are counted as such', async () => {
    await using r = await limitedRiver({ messageBytes: 2_048 });
    await using ws = socket(r.wsUrl);
    await ws.init();
    await ws.send({ type: 'ping', payload: { long: 'x'.repeat(1_900) } });
    await ws.message('pong');
    await ws.send({ type: 'ping', payload: { long: 'x'.repeat(2_100) } });
    expect((await ws.closed).code).toBe(1009);
    expect(r.limited).toEqual(['messageBytes']);
  });
});

describe('a request that does not come to its end', () => {
  const beginnings = {
    'says nothing': '',
    'never ends its headers': 'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX-A: ',
    'never ends its body': 'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{',
  };
  test.each(Object.entries(beginnings))('and %s is cut off; others are served', async (_, beginning) => {
    await using r = await limitedRiver({ requestTimeout: 200 });
    const slow = connect(Number(new URL(r.url).port), '127.0.0.1');
    slow.on('error', () => undefined);
    if (beginning) slow.write(beginning);
    const said = once(slow, 'data');
    const closed = once(slow, 'close');
    const served = await post(r, { query }, {});
    expect(served.status).toBe(200);
    expect(String((await said)[0])).toMatch(/^HTTP\/1.1 408 /);
    await closed;
    expect(r.limited).toEqual(['requestTimeout']);
    await served.body?.cancel();
  });
});

test('a socket from which nothing comes is cut off at the second heartbeat, one that answers is not', async () => {
  await using r = await limitedRiver({}, { heartbeat: 100 });
  const silent = new WebSocket(r.wsUrl, 'graphql-transport-ws');
  await once(silent, 'open');
  silent.send('{"type":"connection_init"}');
  await using answering = socket(r.wsUrl);
  await answering.init();
  const answered = eventually('ten heartbeats', async () => {
    const pings = answering.messages.filter(({ type }) => type === 'ping').length;
    const pongs = answering.messages.filter(({ type }) => type === 'answered').length;
    for (let n = pongs; n < pings; n++) {
      answering.messages.push({ type: 'answered' });
      await answering.send({ type: 'pong' });
    }
    return pings >= 10;
  });
  expect((await once(silent, 'close'))[0]).toBe(1006);
  await answered;
  expect(answering.isOpen()).toBe(true);
});

test('a subscription that resumes reads so many entries and no more, and can go on from its newest cursor', async () => {
  await using r = await limitedRiver({ replay: 5 });
  await using first = socket(r.wsUrl);
  await first.init();
  await first.subscribe('1', { query });
  let after: string = (await first.message('ping')).payload.cursors['1'];
  for (let id = 0; id < 11; id++) await r.publish('notes', { id });
  await eventually('all came', () => first.messages.filter(({ type }) => type === 'next').length === 11);
  const seen: number[] = [];
  for (const end of ['error', 'error', 'live']) {
    await using ws = socket(r.wsUrl);
    await ws.init();
    await ws.subscribe('1', { query, extensions: { after } });
    const nexts = () => ws.messages.filter(({ type }) => type === 'next');
    if (end === 'error') {
      const { payload } = await ws.message('error', '1');
      expect(payload[0].extensions).toEqual({ code: 'LIMIT_EXCEEDED', limit: 'replay', max: 5 });
      expect(nexts()).toHaveLength(5);
    } else {
      await r.publish('notes', { id: 11 });
      await eventually('the rest and the newest', () => nexts().length === 2);
    }
    for (const { payload } of nexts()) {
      seen.push(Number(payload.data.note.id));
      after = payload.extensions.cursor;
    }
  }
  expect(seen).toEqual(Array.from({ length: 12 }, (_, n) => n));
  expect(r.limited).toEqual(['replay', 'replay']);
});

test('when all sockets together hold too much, who does not read is cut off, and who reads loses nothing', async () => {
  const big = `
    type Subscription { note: Note! @kafka(topic: "notes") @public }
    type Note { id: ID! text: String! }`;
  const limited: string[] = [];
  const metrics = { ...noGatewayMetrics, limited: (limit: string) => void limited.push(limit) };
  await using r = await river(big, { metrics, limits: { processBuffer: 300_000 } });
  const ask = { query: 'subscription { note { id text } }' };
  await using reading = socket(r.wsUrl);
  await reading.init();
  await reading.subscribe('1', ask);
  await reading.message('ping');
  const stuck = await Promise.all(
    [1, 2, 3].map(async () => {
      const peer = new WebSocket(r.wsUrl, 'graphql-transport-ws');
      peer.on('error', () => undefined);
      await once(peer, 'open');
      peer.send('{"type":"connection_init"}');
      await once(peer, 'message');
      peer.send(JSON.stringify({ id: '1', type: 'subscribe', payload: ask }));
      await once(peer, 'message');
      peer.pause();
      return peer;
    }),
  );
  const text = 'x'.repeat(60_000);
  let sent = 0;
  await eventually('somebody is sent away', async () => {
    for (let n = 0; n < 10; n++) await r.publish('notes', { id: sent++, text });
    return limited.length > 0;
  });
  expect(new Set(limited)).toEqual(new Set(['processBuffer']));
  const nexts = () => reading.messages.filter(({ type }) => type === 'next').map(({ payload }) => payload.data.note.id);
  await eventually('all is there', () => nexts().length === sent);
  expect(nexts()).toEqual(Array.from({ length: sent }, (_, n) => String(n)));
  for (const peer of stuck) peer.terminate();
});

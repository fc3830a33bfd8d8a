import { once } from 'node:events';
import { type ClientHttp2Stream, constants } from 'node:http2';
import { get } from 'node:https';
import { type AddressInfo, createServer, connect as plainly, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { createClient } from 'graphql-ws';
import { afterAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import { tlsServer } from '../../../src/serve/port/tls-server.js';
import { upTo } from '../../support/cards.js';
import { http2 } from '../../support/clients/http2.js';
import * as raw from '../../support/clients/http2-frames.js';
import { eventually } from '../../support/eventually.js';
import { type Result, river, tokenFor } from '../../support/river.js';
import { certificateAuthority } from '../../support/servers/certificates.js';

const authority = certificateAuthority();
afterAll(() => authority[Symbol.dispose]());
const tls = authority.issue('gateway');
const { ca } = authority;

const sdl = `
  type Subscription {
    note: Note! @kafka(topic: "notes") @public
    mine: Note! @kafka(topic: "notes") @where(rule: "event.owner == claims.sub")
  }
  type Note { id: ID! owner: ID! text: String! }`;
const note = (id: number, text = '', owner = 'ada') => ({ id, owner, text });
const everything = 'subscription { note { id text } }';
const ids = (results: Result[]) => results.map(({ data }) => Number((data.note ?? data.mine).id));
const json = { 'content-type': 'application/json' };

/** A way to a port on which, once frozen, nothing travels any more, and no end is told. */
async function frozenWay(port: number) {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = plainly(port, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) sockets.push(socket.on('error', () => undefined));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('one port with TLS', () => {
  test('speaks HTTP/2: queries, server-sent events, tickets and renewals on one connection', async () => {
    await using r = await river(sdl, { tls });
    await using client = http2(r.url, ca);
    await once(client.session, 'connect');
    expect(client.session.alpnProtocol).toBe('h2');
    await eventually('its limit is told', () => client.session.remoteSettings.maxConcurrentStreams === 300);
    const token = await tokenFor({ sub: 'ada' });
    const authorization = `Bearer ${token}`;
    const answer = await client.ask('/graphql', {
      ...json,
      authorization,
      body: '{"query":"{ version viewer { sub } }"}',
    });
    expect(JSON.parse(answer.text)).toEqual({ data: { version: '1.2.3', viewer: { sub: 'ada' } } });
    const ticket = await client.ask('/graphql/ticket', { authorization, body: '' });
    expect(ticket.status).toBe(201);
    const mine = await client.events('subscription { mine { id } }', { authorization });
    const name = String(mine.headers['tailrace-stream']);
    const renewal = await client.ask('/graphql/renew', { ...json, body: JSON.stringify({ id: name, token }) });
    expect(JSON.parse(renewal.text)).toEqual({ ok: true });
    await r.publish('notes', note(1));
    await eventually('an event', () => mine.results().length === 1);
    expect((await client.ask('/healthz')).status).toBe(200);
    expect((await client.ask('/elsewhere')).status).toBe(404);
    const tooLong = await client.ask('/graphql', { ...json, body: 'x'.repeat(70_000) });
    expect(tooLong.status).toBe(413);
  });

  test('and HTTP/1.1 for those who know no other', async () => {
    await using r = await river(sdl, { tls });
    const response = await new Promise<string>((resolve, reject) => {
      const at = r.url.replace('http:', 'https:').replace('/graphql', '/readyz');
      get(at, { ca }, (answer) => {
        let text = `${answer.httpVersion} `;
        answer.on('data', (data) => {
          text += String(data);
        });
        answer.on('end', () => resolve(text));
      }).on('error', reject);
    });
    expect(response).toBe('1.1 {"status":"ready"}');
  });

  test('carries WebSockets beside them', async () => {
    await using r = await river(sdl, { tls });
    class Secure extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, { ca });
      }
    }
    const client = createClient({ url: r.wsUrl.replace('ws:', 'wss:'), webSocketImpl: Secure, retryAttempts: 0 });
    const results: Result[] = [];
    const end = client.subscribe(
      { query: everything },
      { next: (result) => results.push(result), error() {}, complete() {} },
    );
    await eventually('it is there', () => r.subscribed() === 1);
    for (const n of upTo(20)) await r.publish('notes', note(n));
    await eventually('all has come', () => results.length === 20);
    expect(ids(results)).toEqual(upTo(20));
    end();
    await client.dispose();
  });
});

describe('server-sent events over HTTP/2', () => {
  test('twenty streams share one socket; each has all events in order, as plain text without chunks', async () => {
    await using r = await river(sdl, { tls, heartbeat: 20 });
    await using client = http2(r.url, ca);
    const streams = await Promise.all(upTo(20).map(() => client.events(everything)));
    await eventually('all have started', () => r.subscribed() === 20);
    for (const n of upTo(50)) await r.publish('notes', note(n));
    await eventually('all has come', () => streams.every((stream) => stream.results().length === 50));
    for (const stream of streams) {
      expect(stream.headers['content-type']).toBe('text/event-stream; charset=utf-8');
      expect(stream.headers).not.toHaveProperty('connection');
      expect(ids(stream.results())).toEqual(upTo(50));
      expect(stream.text()).toMatch(/^:\n\nid: \S+\n\n/);
      expect(
        stream
          .text()
          .replace(/^(id: \S+|event: next|data: .*|:|)$/gm, '')
          .trim(),
      ).toBe('');
    }
    await eventually('heartbeats come', () => /:\n\n(id: \S+\n\n:\n\n)+$/.test(streams[0]?.text() ?? ''));
  });

  test('one that is not read is parked alone: the others of its socket go on, and it catches up', async () => {
    await using r = await river(sdl, { tls, limits: { socketBuffer: 4_096 } });
    await using client = http2(r.url, ca);
    const [slow, quick] = await Promise.all([client.events(everything), client.events(everything)]);
    await eventually('both have started', () => r.subscribed() === 2);
    slow.pause();
    const text = 'x'.repeat(10_000);
    for (const n of upTo(200)) await r.publish('notes', note(n, text));
    await eventually('the quick one has all', () => quick.results().length === 200);
    expect(slow.results().length).toBeLessThan(100);
    slow.resume();
    await eventually('the slow one too', () => slow.results().length === 200);
    expect(ids(slow.results())).toEqual(upTo(200));
  });

  test('one that is never read is cut off after a few heartbeats, and its socket lives on', async () => {
    await using r = await river(sdl, { tls, heartbeat: 50, limits: { socketBuffer: 4_096 } });
    await using client = http2(r.url, ca);
    const [dead, quick] = await Promise.all([client.events(everything), client.events(everything)]);
    await eventually('both have started', () => r.subscribed() === 2);
    dead.pause();
    for (const n of upTo(50)) await r.publish('notes', note(n, 'x'.repeat(10_000)));
    await eventually('one is left', () => r.subscribed() === 1);
    await r.publish('notes', note(50));
    await eventually('the other has all', () => quick.results().length === 51);
    expect(client.session.destroyed).toBe(false);
  });

  test('when all of them together hold too much, those that are not read end, and one that is read loses nothing', async () => {
    const limited: string[] = [];
    let running = 0;
    const metrics = {
      ...noGatewayMetrics,
      limited: (limit: string) => void limited.push(limit),
      connected(_: string, by: number) {
        running += by;
      },
    };
    await using r = await river(sdl, { tls, metrics, limits: { processBuffer: 300_000 } });
    await using client = http2(r.url, ca);
    const read = await client.events(everything);
    const stuck = await Promise.all([1, 2, 3].map(() => client.events(everything)));
    await eventually('all have started', () => running === 4);
    for (const stream of stuck) stream.pause();
    let sent = 0;
    await eventually('somebody is sent away', async () => {
      await r.publish('notes', note(sent++, 'x'.repeat(60_000)));
      // One at a time: of many at once it would hold as much as those, and go too.
      await eventually('it is read', () => read.results().length === sent);
      return limited.length > 0;
    });
    await eventually('nothing is kept of them', () => running === 4 - limited.length);
    expect(new Set(limited)).toEqual(new Set(['processBuffer']));
    await eventually('the one that is read has all', () => expect(ids(read.results())).toEqual(upTo(sent)));
  });

  test('a retiring replica tells its clients to go, ends each stream, and they resume on another', async () => {
    await using r = await river(sdl, { tls, retirePeriod: 200 });
    const other = await r.replica();
    await using client = http2(r.url, ca);
    const streams = await Promise.all(upTo(5).map(() => client.events(everything)));
    await eventually('all have started', () => r.subscribed() === 5);
    await r.publish('notes', note(0));
    await eventually('all have it', () => streams.every((stream) => stream.results().length === 1));
    await r.retire();
    await eventually('all have ended', () => streams.every((stream) => stream.isOver()));
    expect(client.goneAway()).toBe(true);
    await eventually('the connection has closed', () => client.session.destroyed);
    expect(streams[0]?.text()).not.toContain('event: complete');
    await r.publish('notes', note(1));
    await using again = http2(other.url, ca);
    const resumed = await again.events(everything, { 'last-event-id': streams[0]?.cursor() as string });
    await eventually('what it missed', () => resumed.results().length === 1);
    expect(ids(resumed.results())).toEqual([1]);
  });

  test('one more than a user may have is told so, while the others run and the page’s queries are answered', async () => {
    await using r = await river(sdl, { tls });
    await using client = http2(r.url, ca);
    const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
    const streams = await Promise.all(upTo(100).map(() => client.events(everything, { authorization })));
    await eventually('all have started', () => r.subscribed() === 100);
    const ask = (path: string, accept: string, query: string) =>
      client.ask(path, { ...json, accept, authorization, body: JSON.stringify({ query }) });
    const [native, fetched, answered] = await Promise.all([
      client.events(everything, { authorization }),
      ask('/graphql/stream', 'text/event-stream', everything),
      ask('/graphql', 'application/json', '{ version }'),
    ]);
    await eventually('an EventSource’s stream ends', native.isOver);
    expect([native.status, native.text()]).toEqual([200, ': connectionsPerUser is at most 100, this would be 101\n\n']);
    expect([fetched.status, Number(fetched.headers['retry-after']) > 0]).toEqual([429, true]);
    expect(JSON.parse(answered.text)).toEqual({ data: { version: '1.2.3' } });
    await r.publish('notes', note(7));
    await eventually('the others go on', () => streams.every((stream) => stream.results().length === 1));
  });

  test('a cookie signs in on pages of the own origin only, whose host is `:authority` here', async () => {
    await using r = await river(sdl, { tls });
    await using client = http2(r.url, ca);
    const cookie = `tailrace_token=${await tokenFor({ sub: 'ada' })}`;
    const { host } = new URL(r.url);
    const own = await client.events('subscription { mine { id } }', { cookie, origin: `https://${host}` });
    expect(own.status).toBe(200);
    const foreign = await client.events('subscription { mine { id } }', { cookie, origin: 'https://evil.example' });
    expect(foreign.status).toBe(403);
  });

  test('a client that has vanished is noticed, although its socket seems open', async () => {
    await using r = await river(sdl, { tls, heartbeat: 50 });
    await using way = await frozenWay(Number(new URL(r.url).port));
    await using client = http2(way.url, ca);
    await client.events(everything);
    await eventually('it has started', () => r.subscribed() === 1);
    way.freeze();
    await eventually('it is gone', () => r.subscribed() === 0);
  });
});

test('a request whose body never ends is answered with 408, then ended, and its connection goes on', async () => {
  const limited: string[] = [];
  const metrics = { ...noGatewayMetrics, limited: (limit: string) => void limited.push(limit) };
  await using r = await river(sdl, { tls, heartbeat: 20, limits: { requestTimeout: 200 }, metrics });
  await using client = http2(r.url, ca);
  const stream = client.session.request({ ':path': '/graphql', ':method': 'POST', ...json });
  stream.on('error', () => undefined);
  stream.write('{"query":');
  const closed = once(stream, 'close');
  const [{ ':status': status }] = await once(stream, 'response');
  expect([status, limited]).toEqual([408, ['requestTimeout']]);
  await closed;
  expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  expect((await client.ask('/healthz')).status).toBe(200);
});

test('the host of a request is its authority, whatever its headers say', async () => {
  await using r = await river(sdl, { tls });
  await using client = http2(r.url, ca);
  const { status } = await client.ask('/graphql', {
    ...json,
    ':authority': '127.0.0.1',
    host: 'elsewhere.example',
    origin: 'https://elsewhere.example',
    body: '{"query":"{ version }"}',
  });
  expect(status).toBe(403);
});

test('streams that are reset while they wait for their turn take no place from those who come later', async () => {
  /** Longer than a turn: whoever comes behind it waits. */
  function busy() {
    const until = performance.now() + 10;
    while (performance.now() < until);
    return 1;
  }
  const parts = { tls, resolvers: { Query: { busy } }, limits: { connections: 50 } };
  await using r = await river(`type Query { busy: Int! @public } ${sdl}`, parts);
  await using client = http2(r.url, ca);
  const ask = (query: string) => {
    const stream = client.session.request({ ':path': '/graphql/stream', ':method': 'POST', ...json });
    stream.on('error', () => undefined).end(JSON.stringify({ query }));
    return stream.resume();
  };
  const before = upTo(20).map(() => ask('{ busy }'));
  const answered = Promise.all(before.map((stream) => once(stream, 'end')));
  const leaving = upTo(50).map(() => ask(everything));
  await once(before[0] as ClientHttp2Stream, 'response');
  for (const stream of leaving) stream.close(constants.NGHTTP2_CANCEL);
  await answered;
  await using other = http2(r.url, ca);
  for (const _ of upTo(50)) expect((await other.events(everything)).headers).toHaveProperty('tailrace-stream');
});

test('a connection that breaks in the middle of everything breaks nothing else', async () => {
  await using r = await river(sdl, { tls, heartbeat: 10 });
  for (const _ of upTo(20)) {
    const client = http2(r.url, ca);
    await client.events(everything);
    client.session
      .request({ ':path': '/graphql', ':method': 'POST', ...json })
      .on('error', () => undefined)
      .write('{');
    client.session.destroy();
  }
  await eventually('all have gone', () => r.subscribed() === 0);
  await using client = http2(r.url, ca);
  expect((await client.ask('/healthz')).status).toBe(200);
});

test('whoever only opens connections and never shakes hands does not keep a gateway from stopping', async () => {
  const r = await river(sdl, { tls });
  const { port } = new URL(r.url);
  const idle = plainly(Number(port), '127.0.0.1');
  const closed = once(idle, 'close');
  await once(idle, 'connect');
  const shaken = connect(Number(port), { ca, ALPNProtocols: ['http/1.1'] });
  await once(shaken, 'secureConnect');
  await r.retire();
  await closed;
  await once(shaken, 'close');
});

describe('a client of TLS that comes to no end', () => {
  test('is cut off, in headers or in a body of either protocol; others are served', async () => {
    await using r = await river(sdl, { tls, limits: { requestTimeout: 200 } });
    const port = Number(new URL(r.url).port);
    const gone: string[] = [];
    const slow = (what: string, text: string) => {
      const socket = connect({ port, host: '127.0.0.1', ca, ALPNProtocols: ['http/1.1'] }, () => socket.write(text));
      socket.on('error', () => undefined).on('close', () => gone.push(what));
      socket.resume();
    };
    slow('headers', 'GET /graphql HTTP/1.1\r\nHost: x\r\nX-A: ');
    slow('a body', 'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{');
    await using client = http2(r.url, ca);
    const stream = client.session.request({ ':method': 'POST', ':path': '/graphql', ...json });
    stream.on('error', () => undefined).on('close', () => gone.push('a body of HTTP/2'));
    stream.write('{');
    await eventually('all are gone', () => gone.length === 3);
    expect((await client.ask('/healthz')).status).toBe(200);
  });
});

describe('a flood over HTTP/2', () => {
  const { frame, fields, endStream, endHeaders } = raw;
  const begun = frame(raw.headers, 0, 1, fields('GET', '/healthz'));
  const post = fields('POST', '/graphql');
  const floods: Record<string, Uint8Array[]> = {
    pings: upTo(100_000).map(() => frame(raw.ping, 0, 0, Buffer.alloc(8))),
    settings: upTo(100_000).map(() => frame(raw.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))),
    'headers that never end': [begun, ...upTo(100_000).map(() => frame(raw.continuation, 0, 1))],
    'headers without measure': [
      begun,
      ...upTo(100).map(() => frame(raw.continuation, 0, 1, Buffer.alloc(16_000, 0x82))),
    ],
    'data without a byte': [frame(raw.headers, endHeaders, 1, post), ...upTo(100_000).map(() => frame(raw.data, 0, 1))],
    'more streams than it may have': upTo(10_000).map((n) => frame(raw.headers, endHeaders, 2 * n + 1, post)),
  };
  test.each(Object.keys(floods))('of %s ends its connection; others are served', async (flood) => {
    await using r = await river(sdl, { tls });
    await using other = http2(r.url, ca);
    expect((await other.ask('/healthz')).status).toBe(200);
    await using attacker = await raw.frames(Number(new URL(r.url).port), ca);
    attacker.send(floods[flood] ?? []);
    await eventually('it is cut off', attacker.isClosed);
    expect((await other.ask('/healthz')).status).toBe(200);
  });

  test('is not what a page makes that scrolls: 600 rows that come and go within a second, and its other streams stay', async () => {
    await using r = await river(sdl, { tls });
    await using page = http2(r.url, ca);
    const kept = await page.events(everything);
    for (let round = 0; round < 12; round++) {
      const rows = await Promise.all(upTo(50).map(() => page.events(everything)));
      for (const row of rows) row.stop();
    }
    await eventually('all others are gone', () => r.subscribed() === 1);
    await r.publish('notes', note(7));
    await eventually('its event comes', () => kept.results().length === 1);
    expect(page.goneAway()).toBe(false);
  });

  test('nor 1500 of them: a browser may have to go on by another connection, and no stream ends for it', async () => {
    await using r = await river(sdl, { tls, limits: { connectRate: 10_000 } });
    await using first = http2(r.url, ca);
    const kept = await first.events(everything);
    const pages = [first];
    const open = () => {
      if (pages.at(-1)?.goneAway()) pages.push(http2(r.url, ca));
      return (pages.at(-1) as typeof first).events(everything);
    };
    // One that was on its way when the connection was told to go has not begun: it goes by the next one, as browsers have it.
    const row = () => {
      const page = pages.at(-1);
      return open().catch(async (error) => {
        expect(String(error)).toContain('REFUSED_STREAM');
        await eventually('why', () => page?.goneAway());
        return open();
      });
    };
    for (let round = 0; round < 30; round++) {
      for (const opened of await Promise.all(upTo(50).map(row))) opened.stop();
    }
    await eventually('all others are gone', () => r.subscribed() === 1);
    await r.publish('notes', note(7));
    await eventually('its event comes', () => kept.results().length === 1);
    for (const page of pages) await page[Symbol.asyncDispose]();
  });

  test('of streams that are taken back at once is ended after a few of them; a page that leaves is no flood', async () => {
    let heard = 0;
    const server = tlsServer(tls, { streams: 300, heartbeat: 1_000, requestTimeout: 1_000 }, (request, response) => {
      heard++;
      if (request.url === '/healthz') setImmediate(() => response.end());
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
    await using page = http2(`http://127.0.0.1:${port}/`, ca);
    const streams = upTo(100).map(() => page.session.request({ ':path': '/stream' }).on('error', () => undefined));
    await eventually('all are open', () => heard === 100);
    for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
    expect((await page.ask('/healthz')).status).toBe(200);
    heard = 0;
    await using attacker = await raw.frames(port, ca);
    const stream = (id: number) => [
      frame(raw.headers, endStream | endHeaders, id, fields('GET', '/stream')),
      frame(raw.reset, 0, id, Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL])),
    ];
    attacker.send(upTo(2_000).flatMap((n) => stream(2 * n + 1)));
    await eventually('it is cut off', attacker.isClosed);
    expect(heard).toBeLessThan(500);
    heard = 0;
    await using patient = await raw.frames(port, ca);
    for (let n = 0; n < 20_000 && !patient.isClosed(); n += 100) {
      patient.send(upTo(100).flatMap((more) => stream(2 * (n + more) + 1)));
      await new Promise((resolve) => setTimeout(resolve));
    }
    await eventually('so is one that takes its time', patient.isClosed);
    expect(heard).toBeLessThan(10_000);
    expect((await page.ask('/healthz')).status).toBe(200);
    server.close();
    server.closeAllConnections();
  });
});

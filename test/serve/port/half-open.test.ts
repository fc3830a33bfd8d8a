import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { get } from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import type { GatewayParts } from '../../../src/serve/gateway.js';
import { http2 } from '../../support/clients/http2.js';
import * as raw from '../../support/clients/http2-frames.js';
import { eventually } from '../../support/eventually.js';
import { river } from '../../support/river.js';
import { certificateAuthority } from '../../support/servers/certificates.js';

const authority = certificateAuthority();
afterAll(() => authority[Symbol.dispose]());

const sdl = `
  type Subscription { all: Note! @kafka(topic: "notes") @public }
  type Note { id: ID! }`;

async function limitedRiver(halfOpen: number, parts: Partial<GatewayParts> = {}) {
  const limited: string[] = [];
  const metrics = { ...noGatewayMetrics, limited: (limit: string) => void limited.push(limit) };
  const r = await river(sdl, { limits: { halfOpen }, metrics, ...parts });
  return Object.assign(r, { limited });
}

async function silent(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

test('of connections on which nothing was asked yet the eldest are closed, and who comes anew is served', async () => {
  await using r = await limitedRiver(5);
  const sockets: Socket[] = [];
  for (let n = 0; n < 12; n++) sockets.push(await silent(r.url));
  await eventually('all above the limit are closed', () => sockets.filter(({ closed }) => closed).length === 7);
  expect(sockets.map(({ closed }) => closed)).toEqual(sockets.map((_, n) => n < 7));
  expect(r.limited).toEqual(Array(7).fill('halfOpen'));
  const ask = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"{ version }"}' };
  expect((await fetch(r.url, ask)).status).toBe(200);
  for (const socket of sockets) socket.destroy();
});

/** Eight connections one after another, each of which sends `text`. */
async function eight(url: string, text: string, sent: (socket: Socket) => Promise<unknown> = async () => {}) {
  const sockets: Socket[] = [];
  for (let n = 0; n < 8; n++) {
    const socket = await silent(url);
    socket.write(text);
    await sent(socket);
    sockets.push(socket);
  }
  await eventually('all above the limit are closed', () => sockets.filter(({ closed }) => closed).length === 5);
  return sockets;
}

const answer = async (socket: Socket) => String((await once(socket, 'data'))[0]);

test('connections that were answered, and ask nothing more, are counted too', async () => {
  await using r = await limitedRiver(3);
  const sockets = await eight(r.url, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n', async (socket) =>
    expect(await answer(socket)).toContain('200 OK'),
  );
  expect(sockets.map(({ closed }) => closed)).toEqual(sockets.map((_, n) => n < 5));
  for (const socket of sockets) socket.destroy();
});

test('bodies that do not come to their end are counted too', async () => {
  await using r = await limitedRiver(3);
  const begun = 'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{';
  for (const socket of await eight(r.url, begun)) socket.destroy();
});

test('who is answered before the body has come is counted all the same', async () => {
  await using r = await limitedRiver(3);
  const sockets = await eight(
    r.url,
    'POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n',
    async (socket) => {
      expect(await answer(socket)).toContain('404');
      socket.write('x');
    },
  );
  for (const socket of sockets) socket.destroy();
});

test('those who never asked push out nobody who did, and who is owed an answer stays', async () => {
  await using r = await limitedRiver(2);
  const asked = await silent(r.url);
  asked.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(asked, 'data');
  const streaming = await silent(r.url);
  const query = encodeURIComponent('subscription { all { id } }');
  streaming.write(`GET /graphql/stream?query=${query} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n`);
  expect(String((await once(streaming, 'data'))[0])).toContain('200 OK');
  const sockets: Socket[] = [];
  for (let n = 0; n < 6; n++) sockets.push(await silent(r.url));
  await eventually('all above the limit are closed', () => sockets.filter(({ closed }) => closed).length === 4);
  expect([asked.closed, streaming.closed]).toEqual([false, false]);
  for (const socket of [asked, streaming, ...sockets]) socket.destroy();
});

test('who has asked for something, or is gone, is not among them', async () => {
  await using r = await limitedRiver(2);
  const first = new WebSocket(r.wsUrl, 'graphql-transport-ws');
  await once(first, 'open');
  for (let n = 0; n < 10; n++) (await silent(r.url)).destroy();
  const waiting = await silent(r.url);
  await eventually('one that is served and one that is not', async () => {
    expect((await fetch(r.url, { headers: { connection: 'close' } })).status).not.toBe(500);
    return waiting.readyState === 'open' && first.readyState === first.OPEN;
  });
  const more = await Promise.all([silent(r.url), silent(r.url)]);
  await once(waiting, 'close');
  expect(first.readyState).toBe(first.OPEN);
  for (const socket of more) socket.destroy();
  first.terminate();
});

test('behind TLS it is the same', async () => {
  await using r = await limitedRiver(2, { tls: authority.issue('gateway') });
  const url = r.url.replace('http', 'https').replace('/graphql', '/healthz');
  const stays = get(url, { ca: authority.ca, agent: false, headers: { connection: 'keep-alive' } });
  const [answer] = await once(stays, 'response');
  expect(answer.statusCode).toBe(200);
  const sockets: Socket[] = [];
  for (let n = 0; n < 5; n++) sockets.push(await silent(r.url));
  await eventually('all above the limit are closed', () => sockets.filter(({ closed }) => closed).length === 3);
  expect(stays.socket?.closed).toBe(false);
  for (const socket of sockets) socket.destroy();
  stays.destroy();
});

test('over HTTP/2 it is the same, also for headers that do not come to their end', async () => {
  await using r = await limitedRiver(3, { tls: authority.issue('gateway') });
  const port = Number(new URL(r.url).port);
  await using stays = http2(r.url, authority.ca);
  expect((await stays.ask('/healthz')).status).toBe(200);
  await using one = await raw.frames(port, authority.ca);
  await using begun = await raw.frames(port, authority.ca);
  begun.send([raw.frame(raw.headers, 0, 1, raw.fields('GET', '/healthz'))]);
  await using two = await raw.frames(port, authority.ca);
  await using three = await raw.frames(port, authority.ca);
  await using four = await raw.frames(port, authority.ca);
  await eventually('the eldest are closed', () => one.isClosed() && begun.isClosed());
  expect([two, three, four].map(({ isClosed }) => isClosed())).toEqual([false, false, false]);
  expect(r.limited).toEqual(['halfOpen', 'halfOpen']);
  expect((await stays.ask('/healthz')).status).toBe(200);
});

test('who is answered and leaves no room for the answer is counted all the same', async () => {
  await using r = await limitedRiver(3, { tls: authority.issue('gateway') });
  const { origin } = new URL(r.url.replace('http:', 'https:'));
  const sessions: ClientHttp2Session[] = [];
  for (let n = 0; n < 8; n++) {
    const session = connectHttp2(origin, { ca: authority.ca, settings: { initialWindowSize: 0 } });
    session.on('error', () => undefined);
    const request = session.request({ ':path': '/healthz' });
    request.on('error', () => undefined);
    await once(request, 'response');
    sessions.push(session);
  }
  await eventually('the eldest are closed', () => sessions.filter(({ closed }) => closed).length === 5);
  expect(sessions.map(({ closed }) => closed)).toEqual(sessions.map((_, n) => n < 5));
  for (const session of sessions) session.destroy();
});

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { tlsServer } from '../../../src/serve/port/tls-server.js';
import { http2 } from '../../support/clients/http2.js';
import { eventually } from '../../support/eventually.js';
import { opened } from '../../support/opened.js';
import { certificateAuthority } from '../../support/servers/certificates.js';

const authority = certificateAuthority();
afterAll(() => authority[Symbol.dispose]());
const pair = authority.issue('gateway');

/** A way to a port on which, while it is held, requests pass and nothing that the server says. */
async function heldWay(port: number) {
  const held: (() => void)[] = [];
  let isHeld = false;
  let asked = 0;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.on('data', (bytes) => {
      asked++;
      far.write(bytes);
    });
    near.on('end', () => far.end());
    const pass = (then: () => void) => void (isHeld ? held.push(then) : then());
    far.on('data', (bytes) => pass(() => near.write(bytes)));
    far.on('end', () => pass(() => near.end()));
    far.on('error', () => undefined).on('close', () => pass(() => near.destroy()));
    near.on('error', () => undefined).on('close', () => far.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    hold() {
      isHeld = true;
    },
    /** How often the client has said something. */
    asked: () => asked,
    /** How often the server has said something that is held. */
    said: () => held.length,
    letGo() {
      isHeld = false;
      for (const pass of held.splice(0)) pass();
    },
    close: () => server.close(),
  };
}

/** A server that answers when it is told to, and a client at the other end of a way that can be held. */
async function scene(keepAliveTimeout: number) {
  const scope = opened();
  const waiting = new Map<string, ServerResponse>();
  const patience = { streams: 10, heartbeat: 60_000, requestTimeout: 60_000, keepAliveTimeout };
  const server = tlsServer(pair, patience, ({ url = '' }, response) => void waiting.set(url, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.defer(() => server.closeAllConnections());
  scope.defer(() => server.close());
  const way = await heldWay((server.address() as AddressInfo).port);
  scope.defer(way.close);
  const client = scope.use(http2(`https://127.0.0.1:${way.port}`, authority.ca));
  /** Resolves with the status, or with why there is none. */
  const ask = (path: string) =>
    client.ask(path).then(
      ({ status }) => status,
      ({ message }: Error) => message,
    );
  /** The same for what it asks while the way is held, once the request has left the client. */
  async function onItsWay(path: string) {
    const before = way.asked();
    const answer = ask(path);
    await eventually('it is on its way', () => way.asked() > before);
    return { answer };
  }
  const asked = (path: string) => eventually(`${path} is asked`, () => waiting.get(path) ?? null);
  /** Holds the way. What the client had to say before that has come: only the next request is something new. */
  async function hold() {
    await new Promise((resolve) => client.session.ping(resolve));
    way.hold();
  }
  const answer = async (path: string) => void (await asked(path)).end('done');
  return { server, way, client, ask, onItsWay, asked, hold, answer, [Symbol.asyncDispose]: scope[Symbol.asyncDispose] };
}

const mayAskAgain = expect.stringContaining('NGHTTP2_REFUSED_STREAM');

test('a request that is on its way when an idle session is told to go is refused, so that it can be asked again', async () => {
  await using s = await scene(50);
  const first = s.ask('/first');
  await s.answer('/first');
  expect(await first).toBe(200);
  await s.hold();
  await eventually('it is told', () => s.way.said() > 0);
  const second = await s.onItsWay('/second');
  s.way.letGo();
  expect(await second.answer).toEqual(mayAskAgain);
});

test('and so is one that is on its way when a session is told to go on which another stream runs, until that has ended', async () => {
  await using s = await scene(60_000);
  const first = s.ask('/first');
  await s.asked('/first');
  await s.hold();
  s.server.goAway();
  await eventually('it is told', () => s.way.said() > 0);
  const second = await s.onItsWay('/second');
  s.way.letGo();
  expect(await second.answer).toEqual(mayAskAgain);
  await s.answer('/first');
  expect(await first).toBe(200);
  await eventually('it has closed', () => s.client.session.destroyed);
});

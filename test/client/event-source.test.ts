import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { EventSource } from 'eventsource';
import { describe, expect, test } from 'vitest';
import { connectionStatus, resumingEventSource } from '../../src/client/index.js';
import { eventually } from '../support/eventually.js';
import { type Result, type River, tokenFor } from '../support/river.js';
import { pay, sampleRiver, subscribed } from '../support/sample.js';

const query = 'subscription { transaction { id } }';
const upTo = (last: number): string[] => Array.from({ length: last }, (_, at) => `${at + 1}`);

/** A proxy that may answer in place of the gateways, and may break what it carries. */
async function proxyTo(...gateways: { url: string }[]) {
  const sockets = new Set<Socket>();
  const asked: URL[] = [];
  let answers: number | null = null;
  let next = 0;
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { port } = new URL((gateways[next++ % gateways.length] as { url: string }).url);
    const url = new URL(incoming.url ?? '', 'http://any');
    asked.push(url);
    if (answers !== null) return void outgoing.writeHead(answers).end();
    const { method, headers } = incoming;
    const behind = request({ port, host: '127.0.0.1', path: incoming.url, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on('error', () => outgoing.destroy());
      answer.pipe(outgoing);
    });
    behind.on('error', () => outgoing.destroy());
    outgoing.on('close', () => behind.destroy());
    incoming.pipe(behind);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql/stream`,
    /** What event sources asked for. */
    asked: () => asked.filter(({ pathname }) => pathname.endsWith('/stream')),
    cut,
    /** From now on it answers by itself, null ends that. */
    answer(status: number | null) {
      answers = status;
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A page of Ada's, which has a ticket for each connection. */
async function page(r: River, url: string, more: object = {}) {
  const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
  const results: Result[] = [];
  let tickets = 0;
  const source = resumingEventSource(`${url}?${new URLSearchParams({ query })}`, {
    EventSource: EventSource as never,
    async ticket() {
      tickets++;
      const answer = await fetch(`${r.url}/ticket`, { method: 'POST', headers: { authorization } });
      return ((await answer.json()) as { ticket: string }).ticket;
    },
    ...more,
  });
  source.addEventListener('next', (event) => results.push(JSON.parse((event as MessageEvent).data)));
  return {
    source,
    results,
    ids: () => results.map(({ data }) => data.transaction.id),
    tickets: () => tickets,
    [Symbol.dispose]: () => source.close(),
  };
}

test('comes back from a 502 of a proxy with a fresh ticket, after its last event: nothing is lost, nothing shown twice', async () => {
  await using r = await sampleRiver();
  await using front = await proxyTo(r);
  const connection = connectionStatus();
  const states: string[] = [];
  connection.subscribe(() => void states.push(connection.current.state));
  using ada = await page(r, front.url, { connection });
  await subscribed(r, 1);
  await pay(r, 'ada', 1, 2);
  await eventually('two events', () => ada.results.length === 2);
  front.answer(502);
  front.cut();
  const before = front.asked().length;
  await eventually('it was refused, more than once', () => front.asked().length > before + 1);
  await pay(r, 'ada', 3);
  await pay(r, 'grace', 4);
  front.answer(null);
  await eventually('what it missed', () => ada.results.length >= 3);
  await pay(r, 'ada', 4);
  await eventually('what is new', () => ada.results.length >= 4);
  expect(ada.ids()).toEqual(upTo(4));
  expect(ada.tickets()).toBeGreaterThan(2);
  expect([...new Set(states)]).toEqual(['live', 'resuming']);
  expect(states.at(-1)).toBe('live');
});

test('loses nothing when it is cut off before its first event', async () => {
  await using r = await sampleRiver();
  await using front = await proxyTo(r);
  using ada = await page(r, front.url);
  await eventually('a cursor', () => ada.source.lastEventId !== '');
  front.answer(502);
  front.cut();
  await pay(r, 'ada', 1);
  await eventually('it was refused', () => ada.source.readyState === 0);
  front.answer(null);
  await eventually('what it missed', () => ada.results.length >= 1);
  expect(ada.ids()).toEqual(upTo(1));
});

test('gets every event once and in order while a proxy fails and drops connections at random, on any replica', async () => {
  await using r = await sampleRiver();
  const other = await r.replica();
  await using front = await proxyTo(r, other);
  using ada = await page(r, front.url);
  await eventually('a cursor', () => ada.source.lastEventId !== '');
  let last = 0;
  for (let round = 0; round < 6; round++) {
    const before = front.asked().length;
    await pay(r, 'ada', ++last);
    if (Math.random() < 0.5) front.answer(Math.random() < 0.5 ? 502 : 404);
    front.cut();
    await pay(r, 'ada', ++last);
    await eventually('it has tried', () => front.asked().length > before);
    await pay(r, 'ada', ++last);
    front.answer(null);
    if (round % 3 === 0) await eventually('all has arrived', () => ada.results.length >= last);
  }
  await eventually('the last event', () => ada.results.length >= last);
  expect(ada.ids()).toEqual(upTo(last));
}, 120_000);

describe('a stream that ends by itself', () => {
  test('is over when it is complete, and asks for no more', async () => {
    const server = createServer((_, response) =>
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('event: complete\ndata: \n\n'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
    const source = resumingEventSource(url, { EventSource: EventSource as never });
    await new Promise((resolve) => source.addEventListener('complete', resolve));
    expect(source.readyState).toBe(2);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('with its token goes on with another ticket', async () => {
    await using r = await sampleRiver();
    await using front = await proxyTo(r);
    const lives = [2_000, 60_000];
    const ticket = async () => {
      const authorization = `Bearer ${await tokenFor({ sub: 'ada' }, lives.shift() ?? 60_000)}`;
      const answer = await fetch(`${r.url}/ticket`, { method: 'POST', headers: { authorization } });
      return ((await answer.json()) as { ticket: string }).ticket;
    };
    using ada = await page(r, front.url, { ticket });
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('the first token has ended', () => front.asked().length > 1);
    await pay(r, 'ada', 2);
    await eventually('what came after it', () => ada.results.length >= 2);
    expect(ada.ids()).toEqual(upTo(2));
  });
});

test('one that is closed while its ticket fails stays closed, and tells nothing more', async () => {
  let fail = (_: Error) => {};
  const ticket = () =>
    new Promise<string>((_, reject) => {
      fail = reject;
    });
  const source = resumingEventSource('http://127.0.0.1:1/graphql/stream', {
    ticket,
    EventSource: EventSource as never,
  });
  let told = 0;
  source.addEventListener('error', () => void told++);
  source.close();
  fail(new Error('no network'));
  await new Promise((resolve) => setImmediate(resolve));
  expect([source.readyState, told]).toEqual([2, 0]);
});

test('a stream that falls silent is given up for another, once heartbeats were heard', async () => {
  await using r = await sampleRiver({ heartbeat: 100 });
  await using front = await proxyTo(r);
  await using quiet = await sampleRiver({ heartbeat: 60_000 });
  await using aside = await proxyTo(quiet);
  using ada = await page(r, front.url, { silence: 1_000 });
  using grace = await page(quiet, aside.url, { silence: 1_000 });
  await eventually('cursors', () => ada.source.lastEventId !== '' && grace.source.lastEventId !== '');
  await eventually('the silent one is asked for again', () => aside.asked().length > 1);
  expect(front.asked()).toHaveLength(1);
});

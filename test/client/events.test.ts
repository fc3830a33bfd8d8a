import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { connectionStatus } from '../../src/client/index.js';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { pay, sampleRiver, subscribed } from '../support/sample.js';
import { type Door, door } from '../support/servers/door.js';
import { graphqlSse } from './kinds.js';
import { wire } from './wire.js';

const mine = 'subscription { transaction { id } }';
const idsOf = (results: Result[]): number[] => results.map(({ data }) => Number(data.transaction.id));

type Body = { query: string; extensions?: Record<string, unknown> };

/** A server whose streams are written here to the byte: one answer for each connection, the last for all after it. */
async function scripted(...answers: ((response: ServerResponse, body: Body) => unknown)[]) {
  const asked: Body[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(String(Buffer.concat(chunks))) as Body;
    asked.push(body);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    answers[Math.min(asked.length, answers.length) - 1]?.(response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    after: () => asked.map(({ extensions }) => extensions?.after),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const event = (cursor: string, data: unknown, extensions: object = {}) =>
  `id: ${cursor}\nevent: next\ndata: ${JSON.stringify({ data, extensions: { cursor, ...extensions } })}\n\n`;
const complete = 'event: complete\ndata: \n\n';
const token = async () => 'any';

const many = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => event(`c${from + at}`, from + at)).join('');

test.each<[string, (response: ServerResponse) => void]>([
  ['breaks', (response) => response.write(many(0, 500), () => response.destroy())],
  ['is ended', (response) => response.end(many(0, 500))],
])('a stream that %s right behind its events goes on after the last of them', async (_, end) => {
  await using server = await scripted(end, (response) => response.end(many(500, 502) + complete));
  await using client = graphqlSse({ url: server.url, token });
  const { results, ends } = client.listen('subscription { n }');
  await eventually('it is complete', () => ends.length > 0);
  expect(results.map(({ data }) => data)).toEqual(Array.from({ length: 502 }, (_, at) => at));
  expect(ends).toEqual(['complete']);
  expect(server.after()).toEqual([undefined, 'c499']);
});

test.each<[string, (stream: ReadableStreamDefaultController) => void]>([
  ['breaks', (stream) => stream.error(new TypeError('network error'))],
  ['is ended', (stream) => stream.close()],
])('so does one that %s in the same instant, over the fetch that its user gave', async (_, end) => {
  const bodies: Body[] = [];
  const fetchFn: typeof fetch = async (_, init) => {
    bodies.push(JSON.parse(String(init?.body)));
    const chunks = bodies.length === 1 ? [many(0, 500)] : [many(500, 502), complete];
    const pull = (stream: ReadableStreamDefaultController) => {
      const chunk = chunks.shift();
      if (chunk === undefined) end(stream);
      else stream.enqueue(new TextEncoder().encode(chunk));
    };
    return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
  };
  await using client = graphqlSse({ url: 'http://127.0.0.1:1', token }, { fetchFn });
  const { results, ends } = client.listen('subscription { n }');
  await eventually('it is complete', () => ends.length > 0);
  expect(results.map(({ data }) => data)).toEqual(Array.from({ length: 502 }, (_, at) => at));
  expect(ends).toEqual(['complete']);
  expect(bodies.map(({ extensions }) => extensions?.after)).toEqual([undefined, 'c499']);
});

test("an event's own errors end nothing, whatever their code", async () => {
  const errors = ['UNAVAILABLE', 'UNAUTHENTICATED'].map((code) => ({ message: code, extensions: { code } }));
  await using server = await scripted((response) =>
    response.end(`${event('c1', 1)}event: next\ndata: ${JSON.stringify({ errors, data: null })}\n\n${complete}`),
  );
  await using client = graphqlSse({ url: server.url, token });
  const { results, ends } = client.listen('subscription { n }');
  await eventually('it is complete', () => ends.length > 0);
  expect([results[1]?.errors, results.length, ends]).toEqual([errors, 2, ['complete']]);
  expect(server.asked).toHaveLength(1);
});

test('half an event is none: its cursor does not count, and it comes again', async () => {
  const whole = event('c2', 2);
  await using server = await scripted(
    (response) => response.write(event('c1', 1) + whole.slice(0, -2), () => response.destroy()),
    (response) => response.end(whole + complete),
  );
  await using client = graphqlSse({ url: server.url, token });
  const { results, ends } = client.listen('subscription { n }');
  await eventually('it is complete', () => ends.length > 0);
  expect(results.map(({ data }) => data)).toEqual([1, 2]);
  expect(server.after()).toEqual([undefined, 'c1']);
});

test('however an event is cut into packets, it arrives as it was', async () => {
  const data = { name: 'Café Ærø 🚋', line: 'a\nb' };
  const bytes = Buffer.from(event('c1', data) + complete);
  await using server = await scripted(async (response) => {
    for (const byte of bytes) {
      await new Promise<void>((resolve) => response.write(Buffer.from([byte]), () => resolve()));
      await new Promise(setImmediate);
    }
    response.end();
  });
  await using client = graphqlSse({ url: server.url, token });
  const { results, ends } = client.listen('subscription { n }');
  await eventually('it is complete', () => ends.length > 0);
  expect(results.map((result) => result.data)).toEqual([data]);
  expect(server.asked).toHaveLength(1);
});

test('a text that looks like a line of the stream is none', async () => {
  const text = '\u2028id: forged\u2028event: complete\u2028{"errors":[{"extensions":{"code":"UNAVAILABLE"}}]}\u2028';
  await using server = await scripted(
    (response) => response.end(`event: next\ndata: ${JSON.stringify({ data: text })}\n\n`),
    (response) => response.end(complete),
  );
  await using client = graphqlSse({ url: server.url, token });
  const { results, ends } = client.listen('subscription { n }');
  await eventually('it is complete', () => ends.length > 0);
  expect(results.map(({ data }) => data)).toEqual([text]);
  expect(server.after()).toEqual([undefined, undefined]);
});

test('a lone cursor counts: a stream that was quiet goes on from there', async () => {
  await using server = await scripted(
    (response) => response.write('id: c1\n\n:\n\nid: c2\n\n', () => response.destroy()),
    (response) => response.end(complete),
  );
  await using client = graphqlSse({ url: server.url, token });
  const { ends } = client.listen('subscription { n }');
  await eventually('it is complete', () => ends.length > 0);
  expect(server.after()).toEqual([undefined, 'c2']);
});

describe('a retry keeps to the gap policy that the operation began with', () => {
  test.each([
    ['began at now', 'subscription { n }', undefined, { after: 'c1', onGap: 'CONTINUE' }],
    ['began at a cursor', 'subscription { n }', { after: 'c0' }, { after: 'c1' }],
    ['says so itself', 'subscription { n }', { onGap: 'FAIL' }, { after: 'c1', onGap: 'FAIL' }],
    ['says so in its text', 'subscription @resume(onGap: FAIL) { n }', undefined, { after: 'c1' }],
  ])('%s', async (_, query, extensions, resumed) => {
    await using server = await scripted(
      (response) => response.write(event('c1', 1), () => response.destroy()),
      (response) => response.end(complete),
    );
    await using client = graphqlSse({ url: server.url, token });
    const { ends } = client.listen(query, { extensions });
    await eventually('it is complete', () => ends.length > 0);
    expect(server.asked.map((body) => body.extensions)).toEqual([extensions, resumed]);
  });
});

test('an operation that needs a token and has none is told so at once', async () => {
  await using r = await sampleRiver();
  await using client = graphqlSse({ url: r.url, token: async () => '' });
  const { results, ends } = client.listen(mine);
  await eventually('it has ended', () => ends.length > 0);
  expect(results.map(({ errors }) => errors[0].extensions.code)).toEqual(['UNAUTHENTICATED']);
  expect(client.connects()).toBe(1);
});

test('a stream that falls silent is given up for another', async () => {
  await using r = await sampleRiver({ heartbeat: 100 });
  await using line = await wire(r);
  const ada = await tokenFor({ sub: 'ada' });
  await using client = graphqlSse({ url: line.url, token: async () => ada, silence: 1_000 });
  const { results } = client.listen(mine);
  await subscribed(r, 1);
  await pay(r, 'ada', 1);
  await eventually('an event', () => results.length === 1);
  line.hold();
  await pay(r, 'ada', 2);
  await eventually('what came meanwhile', () => results.length >= 2);
  // Not by connections: Node 24's fetch opens one more of its own accord.
  expect([idsOf(results), client.connects()]).toEqual([[1, 2], 2]);
});

test.each([
  ['while it is live', (front: Door) => front],
  ['while it waits to come back', (front: Door) => front.cut()],
])('a stream that its user leaves %s is none to tell of: the status is live', async (_, before) => {
  await using r = await sampleRiver();
  await using front = await door(r);
  const ada = await tokenFor({ sub: 'ada' });
  const connection = connectionStatus();
  await using client = graphqlSse({ url: front.url, token: async () => ada, connection });
  const { ends, stop } = client.listen(mine);
  await subscribed(r, 1);
  await eventually('it is live', () => connection.current.state === 'live');
  before(front);
  stop();
  await subscribed(r, 0);
  await eventually('it has ended', () => ends.length > 0);
  await eventually('nothing is told of it', () => connection.current.state === 'live');
  expect(connection.current.attempt).toBe(0);
});

test('queries and mutations are answered as before', async () => {
  await using r = await sampleRiver();
  const ada = await tokenFor({ sub: 'ada' });
  await using client = graphqlSse({ url: r.url, token: async () => ada });
  const { results, ends } = client.listen('{ viewer { sub } }');
  await eventually('it is complete', () => ends.length > 0);
  expect([results, ends]).toEqual([[{ data: { viewer: { sub: 'ada' } } }], ['complete']]);
});

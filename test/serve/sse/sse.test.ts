import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import { eventually } from '../../support/eventually.js';
import { river, tokenFor } from '../../support/river.js';

const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';
const query = encodeURIComponent('subscription { note { id } }');

/** The bytes of a stream as they come, without a client that would understand them. */
async function raw(url: string, version: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  socket.write(`GET /graphql/stream?query=${query} HTTP/${version}\r\nHost: ${hostname}\r\n\r\n`);
  await eventually('the stream has begun', () => text.includes('id: '));
  return {
    head: () => text.slice(0, text.indexOf('\r\n\r\n')),
    body: () => text.slice(text.indexOf('\r\n\r\n') + 4),
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}

/** Of whole chunks; an encoding that is not right ends it. */
function unchunked(body: string): string {
  const [, size = '', rest = ''] = /^([0-9a-f]+)\r\n([\s\S]*)$/.exec(body) ?? [];
  const length = Number.parseInt(size, 16);
  return length > 0 && rest.slice(length, length + 2) === '\r\n'
    ? rest.slice(0, length) + unchunked(rest.slice(length + 2))
    : body;
}

const ids = (events: string) =>
  [...events.matchAll(/^event: next\ndata: .*"id":"(\d+)"/gm)].map(([, id]) => Number(id));

test('events go past the HTTP server, and are chunks like all it writes itself', async () => {
  await using r = await river(sdl, { heartbeat: 20 });
  await using stream = await raw(r.url, '1.1');
  for (let n = 0; n < 20; n++) await r.publish('notes', { id: n });
  const events = () => unchunked(stream.body());
  await eventually('all has come, in whole chunks', () => ids(events()).length === 20 && !events().includes('\r'));
  expect(stream.head()).toMatch(/transfer-encoding: chunked/i);
  expect(ids(events())).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test('a client of HTTP/1.0, which knows no chunks, gets none', async () => {
  await using r = await river(sdl, { heartbeat: 20 });
  await using stream = await raw(r.url, '1.0');
  for (let n = 0; n < 20; n++) await r.publish('notes', { id: n });
  await eventually('all has come', () => ids(stream.body()).length === 20);
  expect(stream.head()).not.toMatch(/chunked/i);
  expect(stream.body()).not.toContain('\r');
});

test('a stream that is asked for behind another answer of its connection is refused, and nothing is left of any', async () => {
  await using r = await river(sdl);
  const socket = connect(Number(new URL(r.url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  socket.write(`GET /graphql/stream?query=${query} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(10));
  await eventually('the first has begun', () => text.includes('id: ') && r.subscribed() === 1);
  await r.publish('notes', { id: 1 });
  await eventually('the first goes on', () => text.includes('"id":"1"'));
  expect(r.subscribed()).toBe(1);
  socket.destroy();
  await eventually('it is gone', () => r.subscribed() === 0);
});

test('a stream that was ended, and whose last words are never read, keeps no place among the connections', async () => {
  let connections = 0;
  const connected = (_: string, change: number) => {
    connections += change;
  };
  const text = 'x'.repeat(60_000);
  await using r = await river(`${sdl} extend type Note { text: String }`, {
    heartbeat: 50,
    // However much waits, it may: the stream is never parked.
    limits: { socketBuffer: 2 ** 30 },
    metrics: { ...noGatewayMetrics, connected },
  });
  const { hostname, port } = new URL(r.url);
  const socket = connect(Number(port), hostname);
  const lines = [`GET /graphql/stream?query=${encodeURIComponent('subscription { note { id text } }')} HTTP/1.1`];
  lines.push('Host: gateway', `Authorization: Bearer ${await tokenFor({ sub: 'ada' })}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await eventually('it has begun', () => connections === 1);
  socket.pause();
  for (let n = 0; n < 150; n++) await r.publish('notes', { id: n, text });
  await r.revoke({ sub: 'ada' });
  await eventually('its place is free', () => connections === 0);
  socket.destroy();
});

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import type { GatewayParts } from '../../../src/serve/gateway.js';
import type { GatewayLimits } from '../../../src/serve/limits/limits.js';
import { socket } from '../../support/clients/socket.js';
import { eventually } from '../../support/eventually.js';
import { type Result, river, tokenFor } from '../../support/river.js';

const sdl = `
  type Query { echo(n: Int!): Int! @public }
  type Subscription {
    note: Note! @kafka(topic: "notes") @public
    mine: Note! @kafka(topic: "notes") @where(rule: "event.owner == claims.team")
  }
  type Note { id: ID! owner: String }`;
const note = 'subscription { note { id } }';
const within = { within: 30_000 };

async function busyRiver(limits: Partial<GatewayLimits>, parts: Partial<GatewayParts> = {}) {
  const limited: string[] = [];
  let slowed = 0;
  let subscribed = 0;
  const metrics = {
    ...noGatewayMetrics,
    subscribed: (_: string, change: number) => {
      subscribed += change;
    },
    limited: (limit: string) => void limited.push(limit),
    slowed: () => void slowed++,
  };
  const resolvers = { Query: { echo: (_: unknown, { n }: { n: number }) => n } };
  const r = await river(sdl, { limits, resolvers, metrics, ...parts });
  return Object.assign(r, { limited, slowed: () => slowed, subscribed: () => subscribed });
}

/** A WebSocket without a library, on which frames can be written as they are. */
async function bare(wsUrl: string): Promise<Socket> {
  const peer = connect(Number(new URL(wsUrl).port), '127.0.0.1');
  const upgrade = ['GET /graphql HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket'];
  const key = ['Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`];
  peer.write(`${[...upgrade, ...key, 'Sec-WebSocket-Protocol: graphql-transport-ws'].join('\r\n')}\r\n\r\n`);
  await once(peer, 'data');
  return peer;
}

/** `first` is the frame's first byte. A mask of zeros leaves what it masks as it is. */
const frame = (first: number, text = '') =>
  Buffer.concat([Buffer.from([first, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

describe('a page that says more in a second than the rate', () => {
  test('has everything that it asked for, in order, only later: 300 rows that come and go cost nothing else', async () => {
    await using r = await busyRiver({ messageRate: 200, subscriptionsPerSocket: 100 });
    await using page = socket(r.wsUrl);
    await page.init();
    await page.subscribe('kept', { query: note });
    for (let n = 0; n < 300; n++) {
      await page.subscribe(`row ${n}`, { query: note });
      await page.send({ id: `row ${n}`, type: 'complete' });
      if (n % 10 === 0) await page.subscribe(`asked ${n}`, { query: `{ echo(n: ${n}) }` });
    }
    const echoed = () => page.messages.filter(({ type, id }) => type === 'next' && /^asked/.test(id));
    await eventually('all is answered', () => echoed().length === 30 || !page.isOpen(), within);
    expect(echoed().map(({ payload }) => payload.data.echo)).toEqual(Array.from({ length: 30 }, (_, n) => 10 * n));
    await eventually('of the rows none is left', () => r.subscribed() === 1);
    await r.publish('notes', { id: 7 });
    expect((await page.message('next', 'kept')).payload.data).toEqual({ note: { id: '7' } });
    expect(page.messages.filter(({ type }) => type === 'error')).toEqual([]);
    expect(r.limited).toEqual([]);
    expect(r.slowed()).toBeGreaterThan(0);
  });

  test('is not cut off at a heartbeat, though its answers to pings wait behind all the rest; a silent one is, afterwards', async () => {
    await using r = await busyRiver({ messageRate: 50, subscriptionsPerSocket: 10 }, { heartbeat: 100 });
    const page = new WebSocket(r.wsUrl, 'graphql-transport-ws');
    page.on('error', () => undefined);
    const closed = once(page, 'close');
    const said: Result[] = [];
    page.on('message', (data) => said.push(JSON.parse(String(data))));
    await once(page, 'open');
    page.send('{"type":"connection_init"}');
    for (let n = 0; n < 160; n++) page.send(`{"type":"ping","payload":{"n":${n}}}`);
    const pongs = () => said.filter(({ type }) => type === 'pong').length;
    await eventually('all pings are answered', () => pongs() === 160 || page.readyState !== WebSocket.OPEN, within);
    expect(pongs()).toBe(160);
    expect(said.filter(({ type }) => type === 'ping').length).toBeGreaterThan(5);
    expect((await closed)[0]).toBe(1006);
  });

  test('renews its token in its turn, before what it asks for with the new one', async () => {
    await using r = await busyRiver({ messageRate: 50, subscriptionsPerSocket: 10 });
    await using page = socket(r.wsUrl);
    await page.init({ authorization: `Bearer ${await tokenFor({ sub: 'ada' })}` });
    for (let n = 0; n < 80; n++) await page.send({ type: 'ping', payload: { n } });
    const Authorization = `Bearer ${await tokenFor({ sub: 'ada', team: 'blue' })}`;
    await page.send({ type: 'ping', payload: { Authorization } });
    await page.subscribe('1', { query: 'subscription { mine { id } }' });
    await eventually('it has begun', () => r.subscribed() === 1, within);
    await r.publish('notes', { id: 7, owner: 'blue' });
    expect((await page.message('next', '1')).payload.data).toEqual({ mine: { id: '7' } });
    const pongs = page.messages.filter(({ type }) => type === 'pong').map(({ payload }) => payload.n ?? payload.ok);
    expect(pongs).toEqual([...Array.from({ length: 80 }, (_, n) => n), true]);
  });

  test('and goes away meanwhile leaves nothing behind', async () => {
    await using r = await busyRiver({ messageRate: 10, subscriptionsPerSocket: 10 }, { heartbeat: 200 });
    const page = socket(r.wsUrl);
    await page.init();
    await page.subscribe('1', { query: note });
    for (let n = 0; n < 60; n++) await page.send({ type: 'ping' });
    await eventually('it is slowed down', () => r.slowed() > 0 && r.subscribed() === 1);
    await page[Symbol.asyncDispose]();
    await eventually('nothing is left', () => r.subscribed() === 0, within);
  });

  test('is told at once that the gateway retires, and need not wait for the rest of what it said', async () => {
    await using r = await busyRiver({ messageRate: 1, subscriptionsPerSocket: 10 });
    await using page = socket(r.wsUrl);
    await page.init();
    for (let n = 0; n < 60; n++) await page.send({ type: 'ping' });
    await eventually('it is slowed down', () => r.slowed() > 0);
    await Promise.all([r.retire(), expect(page.closed).resolves.toEqual({ code: 1001, reason: 'Going away' })]);
  });

  test.each([
    ['pings of WebSocket itself', (n: number) => frame(0x89, String(n))],
    ['pongs that nobody asked for', () => frame(0x8a)],
    ['pongs of the protocol that nobody asked for', () => frame(0x81, '{"type":"pong"}')],
    ['messages', () => frame(0x81, '{"type":"complete","id":"1"}')],
  ])('is slowed down by %s too', async (_, one) => {
    await using r = await busyRiver({ messageRate: 10, subscriptionsPerSocket: 5 });
    const peer = await bare(r.wsUrl);
    peer.write(Buffer.concat(Array.from({ length: 25 }, (_, n) => one(n))));
    peer.write(frame(0x81, '{"type":"connection_init"}'));
    let said = '';
    peer.on('data', (data) => {
      said += String(data);
    });
    await eventually('it is acknowledged', () => said.includes('connection_ack'), within);
    // Fifteen were let through at once.
    expect(r.slowed()).toBe(1);
    peer.destroy();
  });
});

describe('whoever floods', () => {
  test.each([
    ['pongs', frame(0x8a)],
    ['messages', frame(0x81, '{"type":"complete","id":"1"}')],
    ['pings', frame(0x89)],
  ])('with %s is not read any more after a while, and nobody else waits for it', async (_, one) => {
    await using r = await busyRiver({});
    const peer = await bare(r.wsUrl);
    peer.on('error', () => undefined);
    peer.write(frame(0x81, '{"type":"connection_init"}'));
    await once(peer, 'data');
    const chunk = Buffer.concat(Array.from({ length: 10_000 }, () => one));
    // Whatever TCP holds on both ways, this is more.
    for (let sent = 0; sent < 30_000_000; sent += chunk.length) peer.write(chunk);
    peer.resume();
    await using other = socket(r.wsUrl);
    await other.init();
    await other.subscribe('1', { query: '{ echo(n: 1) }' });
    await other.message('next', '1');
    let before = -1;
    const stands = () => {
      const taken = peer.bytesWritten - peer.writableLength;
      const isSame = taken === before;
      before = taken;
      return isSame;
    };
    await eventually('it is read no more', stands, { every: 300 });
    expect(peer.writableLength).toBeGreaterThan(1_000_000);
    peer.destroy();
  });

  test('with what is small only on its way is closed before it fills the memory', async () => {
    await using r = await busyRiver({ messageRate: 100, subscriptionsPerSocket: 100 }, { compression: true });
    const flood = new WebSocket(r.wsUrl, 'graphql-transport-ws', {
      perMessageDeflate: { clientNoContextTakeover: true, serverNoContextTakeover: true, threshold: 0 },
    });
    flood.on('error', () => undefined);
    const closed = once(flood, 'close');
    await once(flood, 'open');
    expect(flood.extensions).toContain('permessage-deflate');
    for (let n = 0; n < 500; n++) flood.send(JSON.stringify({ type: 'ping', payload: { long: 'x'.repeat(60_000) } }));
    expect((await closed)[0]).toBe(1013);
    expect(r.limited).toEqual(['messageRate']);
  });

  test('with more than ten times the rate brings in a minute is closed, and told the rate', async () => {
    await using r = await busyRiver({ messageRate: 1, subscriptionsPerSocket: 1 });
    await using flood = socket(r.wsUrl);
    await flood.init();
    for (let n = 0; n < 700; n++) await flood.send({ type: 'ping' });
    expect(await flood.closed).toEqual({ code: 1013, reason: 'messageRate is at most 1, this would be 11' });
    expect(r.limited).toEqual(['messageRate']);
  });
});

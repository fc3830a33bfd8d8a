import { once } from 'node:events';
import { connect } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { createClient } from 'graphql-ws';
import { expect, test } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { eventually } from '../support/eventually.js';
import { type Result, river } from '../support/river.js';

const sdl = `
  type Subscription { note: Note! @kafka(topic: "notes") @public }
  type Note { id: ID! text: String! }`;
const query = 'subscription { note { id text } }';
const text = 'It is the same water that turned the wheel. '.repeat(20);

/** Two operations on one socket of ws's own client, which inflates what it gets; and the bytes that came. */
async function subscribed(wsUrl: string, options: ClientOptions = {}) {
  let socket: WebSocket | undefined;
  class Peer extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, options);
      socket = this;
    }
  }
  const client = createClient({ url: wsUrl, webSocketImpl: Peer, retryAttempts: 0, lazy: false });
  const results: Result[][] = [[], []];
  let cursors = 0;
  client.on('ping', () => void cursors++);
  for (const list of results)
    client.subscribe({ query }, { next: (r) => list.push(r), error: () => undefined, complete: () => undefined });
  await eventually('both have begun', () => cursors === 2);
  return {
    results,
    extensions: socket?.extensions,
    bytes: () => (socket as unknown as { _socket: { bytesRead: number } })._socket.bytesRead,
    async [Symbol.asyncDispose]() {
      await client.dispose();
    },
  };
}

test('with compression on, two operations of a socket get the whole of every event, in less than half the bytes', async () => {
  await using r = await river(sdl, { compression: true });
  await using peer = await subscribed(r.wsUrl);
  expect(peer.extensions).toBe('permessage-deflate');
  const before = peer.bytes();
  for (let n = 0; n < 50; n++) await r.publish('notes', { id: n, text: `${n} ${text}` });
  await eventually('all has come', () => peer.results.every((list) => list.length === 50));
  for (const list of peer.results) {
    expect(list.map(({ data }) => data.note)).toEqual(
      Array.from({ length: 50 }, (_, n) => ({ id: String(n), text: `${n} ${text}` })),
    );
  }
  expect(peer.bytes() - before).toBeLessThan((2 * 50 * text.length) / 2);
});

test.each<[string, boolean, ClientOptions]>([
  ['off', false, {}],
  ['on, to a client that did not ask for it', true, { perMessageDeflate: false }],
  ['on, to a client whose window is smaller than ours', true, { perMessageDeflate: { serverMaxWindowBits: 9 } }],
])('nothing is compressed with compression %s', async (_, compression, options) => {
  await using r = await river(sdl, { compression });
  await using peer = await subscribed(r.wsUrl, options);
  expect(peer.extensions).toBe('');
  await r.publish('notes', { id: 1, text });
  await eventually('it has come', () => peer.results.every((list) => list.length === 1));
  expect(peer.results[0]?.[0].data.note).toEqual({ id: '1', text });
});

/** A handshake with this offer, and what the gateway says to it. */
async function shaken(url: string, offer: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const lines = ['GET /graphql HTTP/1.1', `Host: ${hostname}`, 'Connection: Upgrade', 'Upgrade: websocket'];
  const more = ['Version: 13', `Key: ${'A'.repeat(22)}==`, 'Protocol: graphql-transport-ws', `Extensions: ${offer}`];
  socket.write(`${[...lines, ...more.map((one) => `Sec-WebSocket-${one}`)].join('\r\n')}\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  const compresses = /^sec-websocket-extensions: permessage-deflate/im.test(String(head));
  return { socket, status: String(head).split(' ')[1], compresses };
}

test.each<[boolean, string]>([
  [true, 'permessage-deflate; client_max_window_bits'],
  [true, 'permessage-deflate;client_max_window_bits="10" ; server_no_context_takeover'],
  [true, 'x-webkit-deflate-frame, permessage-deflate; client_max_window_bits=8'],
  [true, 'permessage-deflate; server_max_window_bits=9, permessage-deflate'],
  [true, 'permessage-deflate; better=yes, permessage-deflate'],
  [false, 'permessage-deflate; better=yes'],
  [false, 'permessage-deflate; client_max_window_bits=7'],
  [false, 'permessage-deflate; client_max_window_bits; client_max_window_bits=9'],
  [false, 'permessage-deflate; server_no_context_takeover=1'],
  [false, 'permessage-deflate; server_max_window_bits=15'],
  [false, 'permessage-deflate; Server_Max_Window_Bits=9'],
  [false, 'permessage-deflate;'],
  [false, '__proto__; "'],
  [false, ', ,'],
  [false, ''],
])('nobody is shut out by what they offer; compressed: %s, for %j', async (compresses, offer) => {
  await using r = await river(sdl, { compression: true });
  const shake = await shaken(r.url, offer);
  shake.socket.destroy();
  expect(shake).toMatchObject({ status: '101', compresses });
});

/** A client's frame, masked with zeros. `first` is its first byte. */
function masked(first: number, payload: Uint8Array): Buffer {
  const length = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([first, ...length, 0, 0, 0, 0]), payload]);
}

test.each([8, 15])(
  'a client may compress too, by a window of %i bits, in pieces and with a ping in between',
  async (bits) => {
    await using r = await river(sdl, { compression: true });
    const { socket } = await shaken(r.url, `permessage-deflate; client_max_window_bits=${bits}`);
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    const say = (message: object) => {
      const packed = deflateRawSync(JSON.stringify(message), { finishFlush: 2, windowBits: bits }).subarray(0, -4);
      const [at, empty] = [packed.length >> 1, Buffer.alloc(0)];
      const pieces = [masked(0x41, packed.subarray(0, at)), masked(0x89, Buffer.from('!')), masked(0x00, empty)];
      socket.write(Buffer.concat([...pieces, masked(0x80, packed.subarray(at))]));
    };
    say({ type: 'connection_init', payload: { text } });
    await eventually('it is acknowledged', () => text.includes('connection_ack') && text.includes('\x8a\x01!'));
    say({ type: 'subscribe', id: '1', payload: { query } });
    await eventually('it has begun', () => text.includes('"type":"ping"'));
    await r.publish('notes', { id: 7, text: '' });
    await eventually('its event has come', () => text.includes('{"id":"1"'));
    socket.destroy();
  },
);

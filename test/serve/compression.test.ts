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

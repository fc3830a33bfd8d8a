import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { river } from '../support/river.js';

const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';
const handshake = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';

/** The first line of what is answered. */
const ask = (url: string, path: string, headers: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', reject);
    socket.once('data', (data) => {
      resolve(String(data).split('\r\n', 1)[0] ?? '');
      socket.destroy();
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
  });

test.each(['//', '//evil.example/graphql', '/\\', '*', 'http://[', '/%', '/graphql/..//'])(
  'a request for %s, which is no path of ours, is answered 404, as a handshake too, and the gateway lives on',
  async (path) => {
    await using r = await river(sdl);
    for (const headers of ['', handshake]) expect(await ask(r.url, path, headers)).toBe('HTTP/1.1 404 Not Found');
    expect(await ask(r.url, '/healthz', '')).toBe('HTTP/1.1 200 OK');
  },
);

test('a proxy may write the whole address into its request', async () => {
  await using r = await river(sdl);
  expect(await ask(r.url, `http://gateway.example/graphql?query=%7Bversion%7D`, '')).toBe('HTTP/1.1 200 OK');
});

import { connect } from 'node:net';
import { test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { river } from '../support/river.js';

const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';

/** What Java's HttpClient puts into its requests without TLS, until somebody speaks HTTP/2 with it. */
const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n';

/** A connection that keeps all that it gets. */
function wire(url: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let got = '';
  socket.on('data', (data) => {
    got += String(data);
  });
  return { socket, got: () => got, [Symbol.dispose]: () => socket.destroy() };
}

test('a request that offers HTTP/2 without TLS is answered in HTTP/1.1, and so are those after it', async () => {
  await using r = await river(sdl);
  using client = wire(r.url);
  const body = JSON.stringify({ query: '{ version }' });
  const post = `POST /graphql HTTP/1.1\r\nHost: a\r\n${offer}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const answers = () => client.got().match(/HTTP\/1\.1 200 OK[\s\S]*?"version"/g)?.length ?? 0;

  // Its body comes with it, or later, or in chunks.
  client.socket.write(post + body);
  await eventually('the first answer', () => answers() === 1);
  client.socket.write(post);
  client.socket.write(body.slice(0, 5));
  client.socket.write(body.slice(5));
  await eventually('the second answer', () => answers() === 2);
  client.socket.write(`GET /graphql?query=%7Bversion%7D HTTP/1.1\r\nHost: a\r\n\r\n`);
  await eventually('an answer without an offer', () => answers() === 3);
});

test('an event stream comes to a client that offers HTTP/2 without TLS', async () => {
  await using r = await river(sdl);
  using client = wire(r.url);
  const path = `/graphql/stream?query=${encodeURIComponent('subscription { note { id } }')}`;
  client.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${offer}\r\n`);
  await eventually('its first id', () => /HTTP\/1\.1 200 OK[\s\S]*\nid: /.test(client.got()));
});

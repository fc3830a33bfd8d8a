import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { river } from '../../support/river.js';

const sdl = 'type Subscription { all: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';

const handshake = (path: string, more: readonly string[] = []) =>
  [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...more,
    '\r\n',
  ].join('\r\n');

test.each([
  ['of another path', 404, handshake('/nowhere'), {}],
  ['from a page of another origin', 403, handshake('/graphql', ['Origin: https://elsewhere.example']), {}],
  [
    'with headers that are too long',
    431,
    handshake('/graphql', [`Cookie: ${'x'.repeat(5_000)}`]),
    { headerBytes: 4_096 },
  ],
  ['beyond the rate of connections', 503, handshake('/graphql'), { connectRate: 0 }],
])(
  'a handshake %s is answered with %i, and its connection let go of, whatever its client sends',
  async (_, status, sent, limits) => {
    await using r = await river(sdl, { limits });
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(r.url).port), allowHalfOpen: true });
    socket.on('error', () => undefined);
    socket.write(sent);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain(`HTTP/1.1 ${status}`);
    // Where nobody reads it, a byte is taken and says nothing.
    await eventually('the other end is gone', () => {
      socket.write('x');
      return socket.destroyed;
    });
  },
);

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as secureConnect } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { startAdmin } from '../../src/admin/server.js';
import { http2 } from '../support/clients/http2.js';
import { eventually } from '../support/eventually.js';
import { type River, river } from '../support/river.js';
import { certificateAuthority } from '../support/servers/certificates.js';

const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';

/** One connection of HTTP/1.1, as a proxy keeps it. */
function kept(socket: Socket) {
  let closed = false;
  socket.on('error', () => undefined);
  // Else its end would wait behind what nobody reads.
  socket.resume();
  socket.on('close', () => {
    closed = true;
  });
  return {
    isClosed: () => closed,
    async ask() {
      socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
      const [answer] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
      const text = String(answer);
      return { line: text.split('\r\n', 1)[0], told: /^keep-alive: (.*)\r$/im.exec(text)?.[1] };
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

const port = ({ url }: Pick<River, 'url'>) => Number(new URL(url).port);
const plainly = (r: River) => kept(connect(port(r), '127.0.0.1'));
const over = (ca: string) => (r: River) =>
  kept(
    secureConnect({
      host: '127.0.0.1',
      port: port(r),
      ca,
      ALPNProtocols: ['http/1.1'],
      checkServerIdentity: () => undefined,
    }),
  );

/** Until a request that never came whole was given up, so and so often: each time `requestTimeout` has gone by. */
async function patienceEnds(r: River, dial: (r: River) => ReturnType<typeof kept>, times: number) {
  for (let n = 0; n < times; n++) {
    const silent = dial(r);
    await eventually('a silent connection is closed', () => silent.isClosed());
  }
}

const ok = 'HTTP/1.1 200 OK';
using authority = certificateAuthority();
const tls = authority.issue('gateway');

describe.concurrent.each([
  ['HTTP/1.1', null, plainly],
  ['HTTP/1.1 over TLS', tls, over(authority.ca)],
] as const)('a connection of %s that is idle', (_, tls, dial) => {
  test('is kept for 75 s: longer than proxies keep it, which else send into one that is being closed', async () => {
    await using r = await river(sdl, { tls });
    using idle = dial(r);
    expect(await idle.ask()).toEqual({ line: ok, told: 'timeout=75' });
  });

  test('is kept beyond the time in which a request must have come, and used again', async () => {
    await using r = await river(sdl, { tls, limits: { requestTimeout: 100 } });
    using idle = dial(r);
    for (let n = 0; n < 3; n++) {
      expect((await idle.ask()).line).toBe(ok);
      await patienceEnds(r, dial, 2);
    }
    expect((await idle.ask()).line).toBe(ok);
  });

  test('is closed after the time that is set', async () => {
    await using r = await river(sdl, { tls, keepAlive: 1_000 });
    using idle = dial(r);
    expect(await idle.ask()).toEqual({ line: ok, told: 'timeout=1' });
    await eventually('it is closed', () => idle.isClosed());
  });
});

describe.concurrent('a session of HTTP/2 that is idle', () => {
  test('is kept beyond the time in which a request must have come, and closed after the time that is set', async () => {
    await using r = await river(sdl, { tls, keepAlive: 1_500, heartbeat: 50, limits: { requestTimeout: 100 } });
    await using idle = http2(r.url, authority.ca);
    expect((await idle.ask('/healthz')).status).toBe(200);
    await patienceEnds(r, over(authority.ca), 2);
    expect(idle.goneAway()).toBe(false);
    expect((await idle.ask('/healthz')).status).toBe(200);
    await eventually('it is let go', () => idle.goneAway() && idle.session.destroyed);
  });

  test('is not one while a stream of it runs', async () => {
    await using r = await river(sdl, { tls, keepAlive: 200, heartbeat: 60_000 });
    await using one = http2(r.url, authority.ca);
    const stream = await one.events('subscription { note { id } }');
    await using other = http2(r.url, authority.ca);
    await other.ask('/healthz');
    await eventually('another one is let go', () => other.session.destroyed);
    expect([one.goneAway(), stream.isOver()]).toEqual([false, false]);
    expect((await one.ask('/healthz')).status).toBe(200);
  });
});

test('the admin port keeps connections as long', async () => {
  const metrics = { contentType: 'text/plain', text: async () => '' };
  const admin = await startAdmin({ host: '127.0.0.1', port: 0, token: null, metrics, ready: async () => null });
  using idle = kept(connect(admin.port, '127.0.0.1'));
  expect(await idle.ask()).toEqual({ line: ok, told: 'timeout=75' });
  await admin.close();
});

import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { AuditEntry } from '../../../src/observe/audit.js';
import { silent } from '../../../src/observe/logger.js';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import type { GatewayParts } from '../../../src/serve/gateway.js';
import { block, line, told } from '../../support/clients/proxy-headers.js';
import { eventually } from '../../support/eventually.js';
import { type River, river } from '../../support/river.js';
import { certificateAuthority } from '../../support/servers/certificates.js';

const authority = certificateAuthority();
afterAll(() => authority[Symbol.dispose]());

const sdl = 'type Subscription { all: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';
const version = '/graphql?query=%7Bversion%7D';
const asked = `GET ${version} HTTP/1.1\r\nHost: x\r\n\r\n`;
const from = '192.0.2.7';
const tram = { from, to: '198.51.100.1' };
const house = { from: '2001:db8:1:2::7', to: '2001:db8::1' };
const ofHouse = '2001:db8:1:2::/64';

/** A gateway behind a proxy; what it refused, what its log said of it, and the address of each who asked something. */
async function proxied(parts: Partial<GatewayParts> = {}) {
  const limited: string[] = [];
  const lines: object[] = [];
  const entries: AuditEntry[] = [];
  const r = await river(sdl, {
    proxyProtocol: true,
    metrics: { ...noGatewayMetrics, limited: (limit) => void limited.push(limit) },
    logger: { ...silent, warn: (fields) => void lines.push(fields) },
    audit: (entry) => void entries.push(entry),
    ...parts,
  });
  const addresses = () => entries.flatMap((entry) => ('peer' in entry && entry.peer ? [entry.peer.address] : []));
  return Object.assign(r, { limited, lines, addresses });
}

async function opened({ url }: River, ...parts: (Uint8Array | string)[]): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  for (const part of parts) socket.write(part);
  return socket;
}

const answer = async (socket: Socket) => {
  const [first] = await once(socket, 'data');
  socket.destroy();
  return String(first).split('\r\n', 1)[0];
};
const ok = 'HTTP/1.1 200 OK';

describe.each([
  ['version 1', line(tram), from],
  ['version 2', told(tram), from],
  ['version 1 of IPv6', line(house), ofHouse],
  ['version 2 of IPv6', told(house), ofHouse],
  ['version 2 with more beside it', told(tram, Buffer.from('0400010005000104', 'hex')), from],
  ['a check of the proxy’s own', block(0, 0, Buffer.alloc(0)), '127.0.0.1'],
  ['one that tells nobody', Buffer.from('PROXY UNKNOWN\r\n'), '127.0.0.1'],
])('behind a proxy that sends a header of %s', (_, header, address) => {
  test('a request is answered, with what came in the same piece and without it, and comes from that address', async () => {
    await using r = await proxied();
    expect(await answer(await opened(r, Buffer.concat([header, Buffer.from(asked)])))).toBe(ok);
    expect(await answer(await opened(r, header, asked))).toBe(ok);
    expect(r.addresses()).toEqual([address, address]);
  });

  test('also when it comes byte by byte', async () => {
    await using r = await proxied();
    const socket = await opened(r);
    socket.setNoDelay(true);
    const whole = Buffer.concat([header, Buffer.from(asked)]);
    for (const byte of whole) {
      socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    expect(await answer(socket)).toBe(ok);
    expect(r.addresses()).toEqual([address]);
  });

  test('so is one over TLS, by HTTP/1.1 and by HTTP/2: the header comes before TLS', async () => {
    await using r = await proxied({ tls: authority.issue('gateway') });
    for (const ALPNProtocols of [['http/1.1'], ['h2']]) {
      const socket = await opened(r, header);
      const secure = connectTls({ socket, ca: authority.ca, servername: 'localhost', ALPNProtocols });
      await once(secure, 'secureConnect');
      if (ALPNProtocols[0] === 'h2') {
        const session = connectHttp2('https://localhost', { createConnection: () => secure });
        const [head] = await once(session.request({ ':path': version }), 'response');
        expect(head[':status']).toBe(200);
        session.destroy();
      } else {
        secure.write(asked);
        expect(String((await once(secure, 'data'))[0])).toContain(ok);
        secure.destroy();
      }
    }
    expect(r.addresses()).toEqual([address, address]);
  });

  test('so is a WebSocket', async () => {
    await using r = await proxied();
    const socket = await opened(r, header);
    const webSocket = new WebSocket(r.wsUrl, 'graphql-transport-ws', { createConnection: () => socket });
    await once(webSocket, 'open');
    webSocket.send('{"type":"connection_init"}');
    webSocket.send('{"type":"subscribe","id":"1","payload":{"query":"subscription { all { id } }"}}');
    await eventually('it is subscribed', () => r.addresses().length === 1);
    expect(r.addresses()).toEqual([address]);
    webSocket.terminate();
  });
});

test('limits count clients, and not the proxy through which they come', async () => {
  await using r = await proxied({ limits: { connectionsPerAddress: 1 } });
  const shake = async (header: Uint8Array) => {
    const socket = await opened(r, header);
    const webSocket = new WebSocket(r.wsUrl, 'graphql-transport-ws', { createConnection: () => socket });
    await once(webSocket, 'open');
    const closed = once(webSocket, 'close').then(([code]) => code as number);
    webSocket.send('{"type":"connection_init"}');
    const acknowledged = once(webSocket, 'message').then(() => 'acknowledged');
    return { webSocket, is: await Promise.race([closed, acknowledged]) };
  };
  const first = await shake(told(tram));
  const other = await shake(told({ ...tram, from: '192.0.2.8' }));
  const again = await shake(line(tram));
  expect([first.is, other.is, again.is]).toEqual(['acknowledged', 'acknowledged', 1013]);
  for (const { webSocket } of [first, other, again]) webSocket.terminate();
});

test('proxies that speak HTTP behind it are believed as without it', async () => {
  await using r = await proxied({ trustedHops: 1 });
  const through = asked.replace('\r\n\r\n', '\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n');
  expect(await answer(await opened(r, told(tram), through))).toBe(ok);
  expect(r.addresses()).toEqual(['203.0.113.9']);
});

test('an offer of another protocol, after which the connection is read anew, is declined as everywhere', async () => {
  await using r = await proxied();
  const offer = asked.replace('\r\n\r\n', '\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n');
  expect(await answer(await opened(r, told(tram), offer))).toBe(ok);
  expect(r.addresses()).toEqual([from]);
});

test('requests of one connection come from the same address, and the next connection has its own', async () => {
  await using r = await proxied();
  const socket = await opened(r, told(tram), asked);
  await once(socket, 'data');
  socket.write(asked);
  await once(socket, 'data');
  socket.destroy();
  expect(await answer(await opened(r, told(house), asked))).toBe(ok);
  expect(r.addresses()).toEqual([from, from, ofHouse]);
});

describe('who is closed without an answer', () => {
  const closed = async (socket: Socket) => {
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    // By an error too: of what is written into it then.
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
    return bytes;
  };

  test('whoever comes from elsewhere, whatever it sends: counted, and told once', async () => {
    await using r = await proxied({ proxyProtocolFrom: ['10.0.0.0/8', '2001:db8::/32'] });
    for (const parts of [[asked], [line(tram), asked], [told(tram), asked]])
      expect(await closed(await opened(r, ...parts))).toBe(0);
    expect(r.limited).toEqual(Array(3).fill('proxyProtocol'));
    expect(r.lines).toEqual([{ address: '127.0.0.1', why: 'its peer is not trusted' }]);
    expect(r.addresses()).toEqual([]);
  });

  test('whoever comes without a header, with a broken one, or with rubbish', async () => {
    await using r = await proxied();
    const rubbish = [
      asked,
      'PROXY TCP4 evil evil 1 2\r\n',
      Buffer.from([0x16, 3, 1]),
      Buffer.alloc(100_000, 'x'),
      '\0',
    ];
    for (const part of rubbish) expect(await closed(await opened(r, part))).toBe(0);
    expect(r.limited).toEqual(rubbish.map(() => 'proxyProtocol'));
    expect(r.lines).toHaveLength(2);
    expect(await answer(await opened(r, line(tram), asked))).toBe(ok);
  });

  test('a header that does not come to its end, when its time is over', async () => {
    await using r = await proxied({ limits: { requestTimeout: 200 } });
    for (const part of ['', 'PROXY TCP4 ', told(tram).subarray(0, 20)])
      expect(await closed(await opened(r, part))).toBe(0);
    expect(r.limited).toEqual(Array(3).fill('proxyProtocol'));
  });

  test('one that hangs up in the midst of it is nobody’s fault', async () => {
    await using r = await proxied();
    for (const part of ['', 'PROXY TCP4 ', line(tram)]) {
      const socket = await opened(r, part);
      socket.resume().end();
      await closed(socket);
    }
    expect(r.limited).toEqual([]);
  });

  test('the eldest of those whose header is awaited, where they are more than may be half open', async () => {
    await using r = await proxied({ limits: { halfOpen: 3 } });
    const sockets: Socket[] = [];
    for (let n = 0; n < 8; n++) sockets.push(await opened(r, 'PROXY '));
    await eventually('all above the limit are closed', () => sockets.filter(({ closed }) => closed).length === 5);
    expect(r.limited).toEqual(Array(5).fill('halfOpen'));
    for (const socket of sockets) socket.destroy();
  });

  test('those whose header is awaited when the gateway has retired', async () => {
    const r = await proxied();
    const socket = await opened(r, 'PROXY ');
    await r.retire();
    expect(await closed(socket)).toBe(0);
  });
});

test('without the setting a header is no request, and the address stays the peer’s', async () => {
  await using r = await proxied({ proxyProtocol: false });
  expect(await answer(await opened(r, line(tram), asked))).toMatch(/^HTTP\/1.1 400 /);
  expect(await answer(await opened(r, asked))).toBe(ok);
  expect(r.addresses()).toEqual(['127.0.0.1']);
});

import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressOf } from '../../../src/serve/limits/address.js';

const from = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } }) as never;

const address = (hops: number, peer: string, forwarded?: string) =>
  addressOf(from(peer, forwarded) as IncomingMessage, hops);

test.each([
  [0, '203.0.113.7', undefined, '203.0.113.7'],
  // Nobody is believed who was not named.
  [0, '203.0.113.7', '198.51.100.1', '203.0.113.7'],
  [1, '10.0.0.1', '198.51.100.1', '198.51.100.1'],
  // The client wrote the first; its own address is the one that the proxy saw.
  [1, '10.0.0.1', '192.0.2.99, 198.51.100.1', '198.51.100.1'],
  [2, '10.0.0.1', '192.0.2.99, 198.51.100.1, 10.0.0.2', '198.51.100.1'],
  [2, '10.0.0.1', '198.51.100.1', '198.51.100.1'],
  [1, '10.0.0.1', undefined, '10.0.0.1'],
  [1, '10.0.0.1', ' , ', '10.0.0.1'],
])('behind %i trusted proxies, %s with X-Forwarded-For %s comes from %s', (hops, peer, forwarded, expected) => {
  expect(address(hops, peer, forwarded)).toBe(expected);
});

test.each([
  ['::ffff:198.51.100.1', '198.51.100.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['1:2:3:4:5:6:198.51.100.1', '1:2:3:4::/64'],
  // However it is written, IPv4 is one address and not the /64 of all the others.
  ['::ffff:c633:6401', '198.51.100.1'],
  ['0:0:0:0:0:FFFF:198.51.100.1', '198.51.100.1'],
])('%s is counted as %s', (peer, expected) => {
  expect(address(0, peer)).toBe(expected);
});

test.each([
  ['198.51.100.1:4711', '198.51.100.1'],
  ['[2001:db8:1:2::9]:4711', '2001:db8:1:2::/64'],
  ['[2001:db8:1:2::9]', '2001:db8:1:2::/64'],
  ['[::ffff:198.51.100.1]:4711', '198.51.100.1'],
  ['unknown', 'unknown'],
])(
  '%s, as some proxies write it, is counted as %s: a port would make a stranger of each connection',
  (told, expected) => {
    expect(address(1, '10.0.0.1', told)).toBe(expected);
  },
);

const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('unknown', '::ffff:192.0.2.1'));
const rubbish = fc.oneof(
  host,
  fc.string(),
  fc.constantFrom('', ',', ',,', '[', '[::', ']:1', '%', '1.2.3.4,', 'for=1.2.3.4'),
);

test('whatever a client writes into X-Forwarded-For, it is counted as the outermost trusted proxy saw it', () => {
  fc.assert(
    fc.property(fc.array(rubbish), host, fc.array(host, { maxLength: 3 }), (written, client, proxies) => {
      const forwarded = [...written, client, ...proxies].join(', ');
      const alone = address(proxies.length + 1, '10.0.0.1', [client, ...proxies].join(', '));
      expect(address(proxies.length + 1, '10.0.0.1', forwarded)).toBe(alone);
      expect(address(0, '10.0.0.1', forwarded)).toBe('10.0.0.1');
    }),
  );
});

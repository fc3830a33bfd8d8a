import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readProxyHeader } from '../../../src/serve/port/proxy-protocol.js';
import { block, bytesOf, line, told } from '../../support/clients/proxy-headers.js';

const port = fc.integer({ min: 0, max: 65_535 });
const ports = fc.tuple(port, port);
const pair = fc.oneof(
  fc.record({ from: fc.ipV4(), to: fc.ipV4(), ports }),
  fc.record({ from: fc.ipV6(), to: fc.ipV6(), ports }).filter(({ from, to }) => !`${from}${to}`.includes('.')),
);
const behind = fc.uint8Array({ maxLength: 40 });

/** Headers that are whole, and the address that each tells. */
const header = fc.oneof(
  pair.map((pair) => ({ bytes: line(pair), address: pair.from as string | null })),
  fc
    .tuple(pair, fc.uint8Array({ maxLength: 60 }))
    .map(([pair, more]) => ({ bytes: told(pair, more), address: pair.from })),
  fc
    .constantFrom('', ' TCP4', ' ffff::1 x y')
    .map((rest) => ({ bytes: Buffer.from(`PROXY UNKNOWN${rest}\r\n`), address: null })),
  // A check of the proxy's own, whatever it tells beside it.
  fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 60 })).map(([kind, rest]) => ({
    bytes: block(0, kind, rest),
    address: null,
  })),
  // Sockets of another kind: not told, UDP, Unix.
  fc.constantFrom([0x00, 0], [0x12, 12], [0x22, 36], [0x31, 216]).map(([kind = 0, length]) => ({
    bytes: block(1, kind, Buffer.alloc(length as number, 7)),
    address: null,
  })),
);

test('a header tells its address and its length, whatever stands behind it, and each of its beginnings asks for more', () => {
  fc.assert(
    fc.property(header, behind, ({ bytes, address }, behind) => {
      const read = readProxyHeader(Buffer.concat([bytes, behind]));
      if (read.kind !== 'whole') throw new Error(JSON.stringify(read));
      expect(read.length).toBe(bytes.length);
      if (address === null || read.address === null) expect(read.address).toBe(address);
      else expect(bytesOf(read.address)).toEqual(bytesOf(address));
      for (let length = 0; length < bytes.length; length++)
        expect(readProxyHeader(bytes.subarray(0, length)), String(length)).toEqual({ kind: 'more' });
    }),
  );
});

test('whatever comes, it is decided by 4,096 bytes, and what was decided stays so', () => {
  const mutated = fc.tuple(header, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([{ bytes }, at, byte]) => {
    const changed = Buffer.from(bytes);
    changed[at % bytes.length] = byte;
    return changed;
  });
  const begun = fc.constantFrom(
    Buffer.from('PROXY '),
    block(1, 0x11, Buffer.alloc(0)).subarray(0, 12),
    Buffer.alloc(0),
  );
  const rubbish = fc.tuple(begun, fc.uint8Array()).map((parts) => Buffer.concat(parts));
  fc.assert(
    fc.property(fc.oneof(mutated, rubbish), behind, (bytes, behind) => {
      expect(readProxyHeader(Buffer.concat([bytes, Buffer.alloc(4_096)])).kind).not.toBe('more');
      const read = readProxyHeader(bytes);
      if (read.kind === 'more') return;
      expect(readProxyHeader(Buffer.concat([bytes, behind]))).toEqual(read);
    }),
  );
});

test.each([
  'GET / HTTP/1.1\r\n',
  'PROXX',
  'proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
  'PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n',
  'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n',
  'PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n',
  'PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n',
  'PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n',
  'PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n',
  'PROXY TCP4 ::1 ::1 1 2\r\n',
  'PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n',
  'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n',
  'PROXY TCP4 evil 192.0.2.2 1 2\r\n',
  'PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n',
  'PROXY \r\n',
  `PROXY TCP6 ${'f'.repeat(100)}`,
  `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`,
  block(2, 0x11, Buffer.alloc(12)),
  block(0x11, 0x11, Buffer.alloc(12)),
  block(1, 0x11, Buffer.alloc(11)),
  block(1, 0x21, Buffer.alloc(35)),
  block(1, 0x13, Buffer.alloc(12)),
  block(1, 0x41, Buffer.alloc(216)),
  block(1, 0x11, Buffer.alloc(4_081)),
  block(1, 0x11, Buffer.alloc(65_535)).subarray(0, 16),
  Buffer.from('0d0a0d0a0a', 'hex'),
])('%j is no header', (bytes) => {
  expect(readProxyHeader(Buffer.from(bytes as never)).kind).toBe('wrong');
});

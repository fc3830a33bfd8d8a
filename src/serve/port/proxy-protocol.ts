import { isIPv4, isIPv6 } from 'node:net';

/** What stands at the beginning of a connection, as far as it has come. */
export type ProxyHeader =
  | { readonly kind: 'more' }
  | { readonly kind: 'wrong'; readonly why: string }
  /** `length` bytes long. `address` is the client's; null where it tells none: a check of the proxy's own, another kind of socket. */
  | { readonly kind: 'whole'; readonly length: number; readonly address: string | null };

const more: ProxyHeader = { kind: 'more' };
const wrong = (why: string): ProxyHeader => ({ kind: 'wrong', why });

const begin = Buffer.from('PROXY ');
const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Bytes of a header of version 1, by its specification. */
const longestLine = 107;
/** Bytes of a header of version 2. Behind the addresses a proxy may tell of TLS and of its network: some hundred. */
const longestBlock = 4_096;

/**
 * Reads a header of the PROXY protocol, version 1 or 2, at the beginning of what has come so far. It is decided by 4,096 bytes at
 * most, and rubbish by its first wrong one. Never throws.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (isBegun(bytes, signature)) return bytes.length < 16 ? more : readBlock(bytes);
  if (isBegun(bytes, begin)) return readLine(bytes);
  return wrong('it does not begin with a header of the PROXY protocol');
}

function isBegun(bytes: Buffer, mark: Buffer): boolean {
  const there = Math.min(bytes.length, mark.length);
  return bytes.subarray(0, there).equals(mark.subarray(0, there));
}

/** `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` and CR LF, or `PROXY UNKNOWN` and whatever. */
function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, longestLine).indexOf('\r\n');
  if (end < 0) return bytes.length < longestLine ? more : wrong('its line is too long');
  const [, family, from = '', to = '', ...ports] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (family === 'UNKNOWN') return { kind: 'whole', length, address: null };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : () => false;
  if (!isAddress(from) || !isAddress(to) || ports.length !== 2 || !ports.every(isPort))
    return wrong('its line is not well formed');
  return { kind: 'whole', length, address: from };
}

/** Node takes one with the name of an interface for an address too. */
const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%');
const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

/** Version and command, family and transport, the length of the rest; then addresses and ports, then what else it tells. */
function readBlock(bytes: Buffer): ProxyHeader {
  const [versionAndCommand = 0, kind = 0] = bytes.subarray(12, 14);
  const length = 16 + bytes.readUInt16BE(14);
  const isLocal = versionAndCommand === 0x20;
  if (!isLocal && versionAndCommand !== 0x21) return wrong('its version or its command is unknown');
  if (length > longestBlock) return wrong('it is too long');
  const addresses = kind % 16 > 2 ? undefined : bytesOfAddresses[kind >> 4];
  if (!isLocal && addresses === undefined) return wrong('its kind of address is unknown');
  if (!isLocal && length < 16 + (addresses ?? 0)) return wrong('it is shorter than its addresses');
  if (bytes.length < length) return more;
  return { kind: 'whole', length, address: isLocal ? null : addressIn(kind, bytes.subarray(16)) };
}

/** Of none that is told, of IPv4, of IPv6, of a Unix socket. */
const bytesOfAddresses: readonly number[] = [0, 12, 36, 216];

function addressIn(kind: number, bytes: Buffer): string | null {
  if (kind === 0x11) return bytes.subarray(0, 4).join('.');
  if (kind !== 0x21) return null;
  return Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16)).join(':');
}

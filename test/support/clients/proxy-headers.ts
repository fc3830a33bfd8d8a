import { isIPv6 } from 'node:net';

/** Who connects to whom, as a proxy tells it. */
export interface Told {
  readonly from: string;
  readonly to: string;
  readonly ports?: readonly [number, number];
}

/** A header of version 1, as the specification has it. */
export const line = ({ from, to, ports = [56_324, 443] }: Told): Buffer =>
  Buffer.from(`PROXY ${isIPv6(from) ? 'TCP6' : 'TCP4'} ${from} ${to} ${ports.join(' ')}\r\n`);

/** A header of version 2: its command and its kind of address, then what it tells. */
export function block(command: number, kind: number, rest: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
  return Buffer.concat([signature, Buffer.from([0x20 + command, kind]), length, rest]);
}

/** That of a connection over TCP; `more` is what some proxies tell beside it. */
export function told({ from, to, ports = [56_324, 443] }: Told, more: Uint8Array = Buffer.alloc(0)): Buffer {
  const portBytes = Buffer.alloc(4);
  ports.forEach((port, at) => {
    portBytes.writeUInt16BE(port, 2 * at);
  });
  return block(1, isIPv6(from) ? 0x21 : 0x11, Buffer.concat([bytesOf(from), bytesOf(to), portBytes, more]));
}

/** The bytes of an address, by another way than the one that is tested. */
export function bytesOf(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [head = [], tail = []] = groups.map((part) => part.split(':').filter(Boolean));
  const all = groups.length === 1 ? head : [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

import type { IncomingMessage } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { forwardedOf } from '../forwarded.js';

/**
 * Where a request comes from, as far as that can be known: as the outermost of `hops` proxies that are believed saw it, else its
 * peer.
 */
export function addressOf(
  request: IncomingMessage,
  hops: number,
  peerOf: (socket: Socket) => string = ({ remoteAddress = '' }) => remoteAddress,
): string {
  return one(forwardedOf(request.headers, hops).address ?? peerOf(request.socket));
}

/** An address as limits count it. One customer has a whole /64 of IPv6: each address of it would count anew. */
function one(told: string): string {
  // Some proxies write the port too, which is another one for each connection: each would count anew.
  // A socket that listens on IPv6 tells IPv4 as `::ffff:1.2.3.4`.
  const [, inBrackets, dotted] = /^(?:\[([^\]]*)\]|(?:::ffff:(?=\d+\.))?([\d.]+))(?::\d*)?$/i.exec(told) ?? [];
  const address = inBrackets ?? dotted ?? told;
  // The first is for speed: Node's own is an expression of a thousand characters.
  if (!address.includes(':') || !isIPv6(address)) return address;
  const groups = groupsOf(address);
  if (groups.slice(0, 6).join(':') !== '0:0:0:0:0:ffff') return `${groups.slice(0, 4).join(':')}::/64`;
  const [high, low] = groups.slice(6).map((group) => Number.parseInt(group, 16)) as [number, number];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** All eight groups of an IPv6 address. Parsed as part of a URL it has one form, without dots, capitals and leading zeros. */
function groupsOf(address: string): string[] {
  const { hostname } = new URL(`http://[${address.split('%')[0]}]`);
  const [head = [], tail = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  return [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
}

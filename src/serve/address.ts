import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

/**
 * Where a request comes from, as far as that can be known: `hops` proxies in front are believed, each of which added
 * the address it saw to the end of X-Forwarded-For. What stands before, anybody may have written.
 */
export function addressOf(request: IncomingMessage, hops: number): string {
  const peer = request.socket.remoteAddress ?? '';
  if (hops === 0) return one(peer);
  const header = request.headers['x-forwarded-for'] ?? '';
  const told = String(header)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  // Fewer than the proxies there are: whoever asks is one of them.
  return one(told.at(-hops) ?? told[0] ?? peer);
}

/** One customer has a whole /64 of IPv6: each address of it would count anew. */
function one(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1] as string;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] as string).split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length;
  const all = [...groups, ...Array<string>(Math.max(0, zeros)).fill('0'), ...rest];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

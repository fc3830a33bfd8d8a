import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import type { Reply } from './reply.js';

const unauthorized: Reply = {
  status: 401,
  text: 'a bearer token is needed',
  headers: { 'WWW-Authenticate': 'Bearer' },
};
const byName: Reply = { status: 403, text: 'by this name only with TAILRACE_ADMIN_TOKEN; without one ask 127.0.0.1' };

/** Null for a request that may ask: one with this token, or without any token one by a name that nobody can lead elsewhere. */
export function refusal(token: string | null, { headers }: IncomingMessage): Reply | null {
  if (token === null) return isFixed(headers.host ?? '') ? null : byName;
  return isBearer(token, headers.authorization) ? null : unauthorized;
}

/** A token is compared by its hash: those have one length, so the time it takes tells nothing about it. */
function isBearer(token: string, authorization = ''): boolean {
  const given = /^Bearer +(.+)$/i.exec(authorization)?.[1] ?? '';
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}

/**
 * False for a name whose address others decide. A page of such a name may have it lead here (DNS rebinding), and the browser
 * would let it read the answers as its own.
 */
function isFixed(host: string): boolean {
  const { hostname = '' } = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : {};
  return host === '' || /^(.+\.)?localhost$|^\[/.test(hostname) || isIPv4(hostname);
}

/** Whether the address is one of this machine's own. */
export const isLoopback = (address = ''): boolean => /^(::ffff:)?127\.|^::1$/.test(address);

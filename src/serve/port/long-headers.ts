import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Fault, limitExceeded } from '../../event/faults.js';
import { rawAnswer } from '../answer.js';
import { endWith } from './last-word.js';

/** Bytes of headers that are read, twice what may be sent: whoever sends a little too much is answered as others are. */
export const readable = (headerBytes: number): number => 2 * headerBytes;

/** Path, query and headers, as Node counts them: without what parts them. */
function bytesOf({ url = '', rawHeaders, httpVersionMajor }: IncomingMessage): number {
  // Over HTTP/2 the path is one of the headers.
  let bytes = httpVersionMajor < 2 ? url.length : 0;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}

/**
 * Why a request's headers are refused; null when they may be so long. Most of their bytes are a token's: an identity
 * provider that puts groups into it writes long ones.
 */
export function whyTooLong(request: IncomingMessage, headerBytes: number): Fault | null {
  const bytes = bytesOf(request);
  return bytes > headerBytes ? limitExceeded('headerBytes', headerBytes, bytes) : null;
}

const refused = new WeakSet<Socket>();

/** Answers a request whose headers Node has stopped to read. */
export function refuseUnread(socket: Socket, headerBytes: number): void {
  // Node tells it once more for what still comes.
  if (refused.has(socket)) return;
  refused.add(socket);
  const limit = 'headerBytes';
  const value = `more than ${readable(headerBytes)}`;
  const fault = new Fault('LIMIT_EXCEEDED', { limit, max: headerBytes, value }, { limit, max: headerBytes });
  endWith(socket, rawAnswer(fault));
}

import { isUtf8 } from 'node:buffer';
import { type Message, MessageType, validateMessage } from 'graphql-ws';
import { readJson } from '../../event/read-json.js';
import { givenIn } from '../http/parameters.js';

/** Messages that a client may send. What only a server says is as wrong as any other word: the library would throw at it, as at a fault of its own. */
const clients: ReadonlySet<string> = new Set([
  MessageType.ConnectionInit,
  MessageType.Ping,
  MessageType.Pong,
  MessageType.Subscribe,
  MessageType.Complete,
]);

/** What a client said, in a text message or a binary one; null when it is no message that a client may send. */
export function messageOf(data: Buffer): Message | null {
  // Nobody has looked yet whether a binary message is UTF-8: decoded all the same, it would say what was not written.
  if (!isUtf8(data)) return null;
  try {
    const message = validateMessage(givenIn(readJson(String(data))));
    return clients.has(message.type) ? message : null;
  } catch {
    return null;
  }
}

const pongBegins = Buffer.from('{"type":"pong"');

/** True for a pong as every client's JSON.stringify writes one. Any other is read like other messages. */
export function isPong(data: Buffer): boolean {
  return data.length >= pongBegins.length && pongBegins.compare(data, 0, pongBegins.length) === 0;
}

/** A close reason cut to the 123 bytes that it has room for (RFC 6455, section 5.5). */
export function shortened(reason: string | undefined): string | undefined {
  if (reason === undefined || Buffer.byteLength(reason) <= 123) return reason;
  return Buffer.from(reason)
    .subarray(0, 120)
    .toString()
    .replace(/\uFFFD*$/, '');
}

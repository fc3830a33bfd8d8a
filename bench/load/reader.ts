import { randomBytes } from 'node:crypto';
import type { Kind } from '../events.js';
import { eachFrame, opcodes, pong } from './frames.js';
import type { Crowd } from './load.js';

/** One client of the crowd: who it is, and whom its reader tells what. */
export interface Client {
  readonly crowd: Crowd;
  readonly kind: Kind;
  readonly subject: number;
  readonly token: string | null;
  say(bytes: Buffer): void;
  subscribed(): void;
  /** An event, whose number begins there. */
  count(all: Buffer, from: number): void;
  /** An event of somebody else's operation or channel. */
  stray(): void;
}

export interface Reader {
  /** What a client says once the connection stands. */
  readonly request: string;
  /** The body so far; gives back where the part begins that is not whole yet. */
  read(all: Buffer, at: number): number;
}

/** `greet` is called once the server has agreed; `hear` with each text message. */
export function webSocket(
  { crowd, say }: Client,
  { path, protocol }: { readonly path: string; readonly protocol: string | null },
  greet: () => void,
  hear: (all: Buffer, start: number, end: number) => void,
): Reader {
  let greeted = false;
  return {
    request:
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${crowd.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
      `${protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ''}\r\n`,
    read(all, at) {
      if (!greeted) {
        greeted = true;
        greet();
      }
      return eachFrame(all, at, (opcode, start, end) => {
        if (opcode === opcodes.ping) return say(pong);
        if (opcode === opcodes.close)
          throw new Error(`closed: ${all.readUInt16BE(start)} ${all.toString('utf8', start + 2, end)}`);
        if (opcode !== opcodes.text) throw new Error(`unexpected: a frame of kind ${opcode}`);
        hear(all, start, end);
      });
    },
  };
}

/** `opening` is what comes before the number of each event. */
export function serverSentEvents({ crowd, token, count, subscribed }: Client, path: string, opening: Buffer): Reader {
  let begun = false;
  return {
    request:
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${crowd.port}\r\nAccept: text/event-stream\r\n` +
      `${token ? `Authorization: Bearer ${token}\r\n` : ''}\r\n`,
    read(all, at) {
      if (!begun) {
        begun = true;
        subscribed();
      }
      return eachEvent(all, at, opening, count);
    },
  };
}

/** Calls `count` for each whole event; gives back where the next one may begin. */
export function eachEvent(all: Buffer, at: number, opening: Buffer, count: Client['count']): number {
  let done = at;
  for (;;) {
    const found = all.indexOf(opening, done);
    const end = found < 0 ? -1 : all.indexOf('\n', found);
    // What comes before an event is an id, a comment, or the length of a chunk.
    if (end < 0) return found < 0 ? Math.max(done, all.length - opening.length) : found;
    count(all, found + opening.length);
    done = end;
  }
}

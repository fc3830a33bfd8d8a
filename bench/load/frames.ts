import { createHmac, randomBytes } from 'node:crypto';

/** A text message as a client must send it: masked. */
export function masked(message: string): Buffer {
  const text = Buffer.from(message);
  const mask = randomBytes(4);
  const head = Buffer.alloc(text.length < 126 ? 2 : 4);
  head[0] = 0x81;
  head[1] = 0x80 | Math.min(text.length, 126);
  if (head.length === 4) head.writeUInt16BE(text.length, 2);
  return Buffer.concat([head, mask, text.map((byte, at) => byte ^ (mask[at % 4] as number))]);
}

/** The answer to a ping of the WebSocket protocol itself: empty, with a mask of zeros. */
export const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

export const opcodes = { text: 1, close: 8, ping: 9 } as const;

/** Calls `take` for each whole frame and gives back where the first that is not whole begins. */
export function eachFrame(
  all: Buffer,
  from: number,
  take: (opcode: number, start: number, end: number) => void,
): number {
  let next = from;
  while (next + 2 <= all.length) {
    const short = (all[next + 1] as number) & 127;
    const start = next + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (start > all.length) break;
    const length =
      short < 126 ? short : short === 126 ? all.readUInt16BE(next + 2) : Number(all.readBigUInt64BE(next + 2));
    if (start + length > all.length) break;
    take((all[next] as number) & 15, start, start + length);
    next = start + length;
  }
  return next;
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token (HS256) for an hour. */
export function tokenFor(sub: string, secret: string): string {
  const now = Math.floor(Date.now() / 1_000);
  const signed = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ sub, iat: now, exp: now + 3_600 })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

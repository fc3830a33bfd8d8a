import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';

/**
 * The least that a server on Node can do: bare sockets, one subscription each, and what comes from Redis is framed once
 * and written to every one of them with its id spliced in. No GraphQL, no rules, no history, no limits, no parking.
 * `with-batches` writes the frames of one turn of the event loop in one piece.
 */
const [, , redisUrl = '', channel = '', mode = ''] = process.argv;
const batches = mode === 'with-batches';
const members: { readonly socket: Socket; readonly id: Buffer }[] = [];
const idLength = 36;

function framed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(bytes.length < 126 ? 2 : 4);
  head[0] = 0x81;
  head[1] = Math.min(bytes.length, 126);
  if (head.length === 4) head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}

const server = createServer({ noDelay: true }, (socket) => {
  let text = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (data: Buffer) => {
    if (text === '') {
      text = String(data);
      const key = /sec-websocket-key: (.*)\r\n/i.exec(text)?.[1];
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      return void socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    }
    const message = unmasked(data);
    if (message.type === 'connection_init') socket.write(framed('{"type":"connection_ack"}'));
    if (message.type === 'subscribe') {
      members.push({ socket, id: Buffer.from(message.id) });
      socket.write(framed('{"type":"ping"}'));
    }
  });
});

/** Messages of the generator come one a packet. */
function unmasked(data: Buffer): { type: string; id: string } {
  const start = ((data[1] as number) & 127) < 126 ? 2 : 4;
  const mask = data.subarray(start, start + 4);
  return JSON.parse(String(data.subarray(start + 4).map((byte, at) => byte ^ (mask[at % 4] as number))));
}

const hole = '0'.repeat(idLength);
let waiting: Buffer[] = [];

function write(frames: Buffer): void {
  const places: number[] = [];
  for (let at = frames.indexOf(hole); at >= 0; at = frames.indexOf(hole, at + 1)) places.push(at);
  for (const { socket, id } of members) {
    const own = Buffer.allocUnsafe(frames.length);
    own.set(frames);
    for (const at of places) own.set(id, at);
    socket.write(own);
  }
}

const redis = new Redis(redisUrl);
redis.on('message', (_, payload) => {
  const frame = framed(`{"id":"${hole}","type":"next","payload":${payload}}`);
  if (!batches) return write(frame);
  if (waiting.push(frame) > 1) return;
  process.nextTick(() => {
    write(Buffer.concat(waiting));
    waiting = [];
  });
});
await redis.subscribe(channel);
server.listen(0, '127.0.0.1', 511, () => console.log(JSON.stringify(server.address())));

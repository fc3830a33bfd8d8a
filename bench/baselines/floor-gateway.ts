import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Redis } from 'ioredis';

/**
 * The least that a server on Node can do: bare sockets, one subscription each, and what comes from Redis is framed once
 * and written to every one that watches its channel, with its id spliced in. No GraphQL, no rules, no history, no limits,
 * no parking; tokens are read and not verified. With `CERT` and `KEY` over TLS. `TURNS=on` writes the frames of one turn of the event loop in one piece.
 * Prints its port.
 */
const { REDIS_URL = '', TURNS = 'off', CERT = '', KEY = '' } = process.env;

/** Who watches one channel; a hole is where each one's id goes. */
interface Watched {
  readonly members: { readonly socket: Socket; readonly id: Uint8Array }[];
  frame(event: string): Buffer;
  waiting: Buffer[];
}

const watched = new Map<string, Watched>();
const hole = '0'.repeat(36);
// As long as a gateway's, whose events have a cursor.
const extensions = `"extensions":{"cursor":"${'x'.repeat(46)}"}`;

function framed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(bytes.length < 126 ? 2 : 4);
  head[0] = 0x81;
  head[1] = Math.min(bytes.length, 126);
  if (head.length === 4) head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}

function chunked(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}

const redis = new Redis(REDIS_URL);

function watch(channel: string, frame: Watched['frame'], socket: Socket, id: Uint8Array): void {
  let all = watched.get(channel);
  if (!all) {
    all = { members: [], frame, waiting: [] };
    watched.set(channel, all);
    void redis.subscribe(channel);
  }
  all.members.push({ socket, id });
}

const field = (query: string) => /(quote|order|vehicle)\b/.exec(query)?.[1] ?? '';
const channelOf = (name: string, sub: string, id: string) =>
  ({ quote: 'quotes', order: `orders:${sub}`, vehicle: `vehicles:${id}` })[name] ?? '';
const subOf = (authorization = '') =>
  JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString() || '{}').sub ?? '';

function webSocket(socket: Socket, request: string): (data: Buffer) => void {
  const key = /sec-websocket-key: (.*)\r\n/i.exec(request)?.[1];
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let sub = '';
  return (data) => {
    for (const { type, id, payload } of unmasked(data)) {
      if (type === 'connection_init') {
        sub = subOf(payload?.Authorization);
        socket.write(framed('{"type":"connection_ack"}'));
      } else if (type === 'ping') socket.write(framed('{"type":"pong"}'));
      else if (type === 'subscribe') {
        const name = field(payload.query);
        const frame = (event: string) =>
          framed(`{"id":"${hole}","type":"next","payload":{"data":{"${name}":${event}},${extensions}}}`);
        watch(channelOf(name, sub, payload.variables.id), frame, socket, Buffer.from(id));
      }
    }
  };
}

function serverSentEvents(socket: Socket, request: string): void {
  const name = field(request);
  const id = /bus-\d+/.exec(request)?.[0] ?? '';
  socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
  socket.write(chunked(':\n\n'));
  const frame = (event: string) => chunked(`event: next\ndata: {"data":{"${name}":${event}},${extensions}}\n\n`);
  watch(channelOf(name, subOf(/authorization: (.*)\r\n/i.exec(request)?.[1]), id), frame, socket, new Uint8Array());
}

const accept = (socket: Socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', (data: Buffer) => {
    const request = String(data);
    if (/upgrade: websocket/i.test(request)) socket.on('data', webSocket(socket, request));
    else serverSentEvents(socket, request);
  });
};
const server = CERT
  ? createTlsServer({ cert: readFileSync(CERT), key: readFileSync(KEY) }, accept)
  : createServer({ noDelay: true }, accept);

/** Messages of the generator are short, and come whole. */
function* unmasked(data: Buffer) {
  for (let at = 0; at < data.length; ) {
    const short = (data[at + 1] as number) & 127;
    const start = at + (short < 126 ? 2 : 4);
    const length = short < 126 ? short : data.readUInt16BE(at + 2);
    const mask = data.subarray(start, start + 4);
    const text = data.subarray(start + 4, start + 4 + length).map((byte, i) => byte ^ (mask[i % 4] as number));
    yield JSON.parse(String(text));
    at = start + 4 + length;
  }
}

function write({ members }: Watched, frames: Buffer): void {
  const places: number[] = [];
  for (let at = frames.indexOf(hole); at >= 0; at = frames.indexOf(hole, at + 1)) places.push(at);
  for (const { socket, id } of members) {
    const own = Buffer.allocUnsafe(frames.length);
    own.set(frames);
    for (const at of places) own.set(id, at);
    socket.write(own);
  }
}

redis.on('message', (channel, payload) => {
  const all = watched.get(channel);
  if (!all) return;
  const frame = all.frame(payload);
  if (TURNS === 'off') return write(all, frame);
  if (all.waiting.push(frame) > 1) return;
  process.nextTick(() => {
    write(all, Buffer.concat(all.waiting));
    all.waiting = [];
  });
});
server.listen(0, '127.0.0.1', 511, () => console.log(JSON.stringify(server.address())));

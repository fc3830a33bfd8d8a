import { randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { clock, Histogram } from './measure.js';

/**
 * The load generator, a process of its own: clients of graphql-transport-ws over bare sockets, each with one
 * subscription whose events are `{"data":{"tick":{"n":…,"at":…`. It looks at every frame: the right id, and the number
 * after the last one. Its parent says `begin` and `end`, and gets `Heard` for what came in between.
 */
export interface Heard {
  readonly deliveries: number;
  /** Of the wrong operation, out of order, twice, or after one that never came. */
  readonly wrong: number;
  /** The newest event that everybody has. */
  readonly last: number;
  readonly latency: readonly number[];
}

const port = Number(process.argv[2]);
const clients = Number(process.argv[3]);

let deliveries = 0;
let wrong = 0;
let latency = new Histogram();
const newest: number[] = new Array(clients).fill(0);
let subscribed = 0;

/** A text message as a client must send it: masked. */
function masked(message: object): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  const mask = randomBytes(4);
  const head = Buffer.alloc(text.length < 126 ? 2 : 4);
  head[0] = 0x81;
  head[1] = 0x80 | Math.min(text.length, 126);
  if (head.length === 4) head.writeUInt16BE(text.length, 2);
  return Buffer.concat([head, mask, text.map((byte, at) => byte ^ (mask[at % 4] as number))]);
}

const shared = Buffer.allocUnsafe(262_144);

function open(client: number, connected: () => void): void {
  const id = Buffer.from(randomUUID());
  const opening = Buffer.concat([
    Buffer.from('{"id":"'),
    id,
    Buffer.from('","type":"next","payload":{"data":{"tick":{"n":'),
  ]);
  let rest: Buffer | null = null;
  let upgraded = false;
  let begun = false;

  function take(bytes: Buffer): void {
    const all: Buffer = rest ? Buffer.concat([rest, bytes]) : bytes;
    let at = 0;
    if (!upgraded) {
      const end = all.indexOf('\r\n\r\n');
      if (end >= 0) {
        upgraded = true;
        at = end + 4;
        socket.write(masked({ type: 'connection_init' }));
      }
    }
    while (upgraded && at + 4 <= all.length) {
      const short = (all[at + 1] as number) & 127;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (start > all.length) break;
      const length =
        short < 126 ? short : short === 126 ? all.readUInt16BE(at + 2) : Number(all.readBigUInt64BE(at + 2));
      if (start + length > all.length) break;
      message(all, start, start + length);
      at = start + length;
    }
    // The buffer is everybody's: what is left of it is copied.
    rest = at < all.length ? Buffer.from(all.subarray(at)) : null;
  }

  function message(all: Buffer, start: number, end: number): void {
    // The third character tells an event, {"id":…, from all else, {"type":…
    if (all[start + 2] === 0x69) event(all, start);
    else control(JSON.parse(all.toString('utf8', start, end)).type);
  }

  function event(all: Buffer, start: number): void {
    const from = start + opening.length;
    if (opening.compare(all, start, from) !== 0) wrong++;
    let n = 0;
    let at = from;
    for (; isDigit(all[at]); at++) n = n * 10 + (all[at] as number) - 48;
    let sent = 0;
    for (at += ',"at":'.length; isDigit(all[at]); at++) sent = sent * 10 + (all[at] as number) - 48;
    if (newest[client] !== 0 && n !== (newest[client] as number) + 1) wrong++;
    newest[client] = n;
    deliveries++;
    latency.add(clock() - sent);
  }

  function control(type: string): void {
    if (type === 'connection_ack') {
      const query = 'subscription { tick { n at } }';
      socket.write(masked({ id: String(id), type: 'subscribe', payload: { query } }));
    } else if (type === 'ping') {
      if (begun) return void socket.write(masked({ type: 'pong' }));
      begun = true;
      connected();
    } else throw new Error(`unexpected: ${type}`);
  }

  const onread = {
    buffer: shared,
    callback(length: number) {
      take(shared.subarray(0, length));
      return true;
    },
  };
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
  socket.on('close', () => process.exit(1));
  socket.write(
    `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
      'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
  );
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;

process.on('message', (word) => {
  if (word === 'begin') {
    deliveries = 0;
    wrong = 0;
    latency = new Histogram();
  }
  const last = newest.reduce((least, n) => Math.min(least, n), Number.POSITIVE_INFINITY);
  process.send?.({ deliveries, wrong, last, latency: latency.counts } satisfies Heard);
});
process.on('disconnect', () => process.exit());

/** A hundred at a time: more would overflow the queue of those who wait to be accepted. */
let next = 0;
const more = () => {
  if (next < clients) open(next++, begun);
};
function begun(): void {
  subscribed++;
  if (subscribed === clients) process.send?.('ready');
  more();
}
for (let n = 0; n < 100; n++) more();

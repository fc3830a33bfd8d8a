import { randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { kinds, secret } from '../events.js';
import { clock, Histogram } from '../measure.js';
import { eachFrame, masked, opcodes, pong, tokenFor } from './frames.js';
import type { Crowd, Heard } from './load.js';

/**
 * The load generator, a process of its own: clients over bare sockets, each with one subscription. It looks at every event:
 * the right operation, and the number after the last one. Counting costs it about a microsecond an event, so that two
 * cores are enough for a server and its clients.
 */
const crowd = JSON.parse(process.argv[2] ?? '') as Crowd;
const kind = kinds[crowd.kind];
const subjectOf = (client: number) => (client + (crowd.firstSubject ?? 0)) % crowd.subjects;
/** A local address has no more ports than this for one server. */
const perAddress = 20_000;

let deliveries = 0;
let wrong = 0;
let latency = new Histogram();
const newest: number[] = new Array(crowd.clients).fill(0);

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;
const gap = ',"at":'.length;

/** Reads `<n>,"at":<microseconds>` from there on. */
function count(client: number, all: Buffer, from: number): void {
  let n = 0;
  let at = from;
  for (; isDigit(all[at]); at++) n = n * 10 + (all[at] as number) - 48;
  let sent = 0;
  for (at += gap; isDigit(all[at]); at++) sent = sent * 10 + (all[at] as number) - 48;
  const before = newest[client] as number;
  // What came before the subscription was there is not its.
  if (before !== 0 && n !== before + 1) wrong++;
  newest[client] = n;
  deliveries++;
  latency.add(clock() - sent);
}

interface Reader {
  /** What a client says once the connection stands. */
  readonly request: string;
  /** The body so far; gives back where the part begins that is not whole yet. */
  read(all: Buffer, at: number): number;
}

type Write = (bytes: Buffer) => void;

function webSocket(client: number, token: string | null, answer: Write, subscribed: () => void): Reader {
  const say = (message: object) => answer(masked(message));
  const subject = subjectOf(client);
  const id = randomUUID();
  const { query, field } = kind;
  const opening = Buffer.from(
    crowd.protocol === 'plain'
      ? `{"data":{"${field}":{"n":`
      : `{"id":"${id}","type":"next","payload":{"data":{"${field}":{"n":`,
  );

  function control(type: string, text: string): void {
    if (type === 'connection_ack') {
      say({ id, type: 'subscribe', payload: { query, variables: kind.variables(subject) } });
      // Answered after what was asked before it.
      say({ type: 'ping' });
    } else if (type === 'ping') say({ type: 'pong' });
    else if (type === 'pong') subscribed();
    else throw new Error(`unexpected: ${text}`);
  }

  let asked = false;
  return {
    request:
      `GET ${crowd.protocol === 'plain' ? '/' : '/graphql'} HTTP/1.1\r\nHost: 127.0.0.1:${crowd.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
      `${crowd.protocol === 'plain' ? '' : 'Sec-WebSocket-Protocol: graphql-transport-ws\r\n'}\r\n`,
    read(all, at) {
      if (!asked) {
        asked = true;
        if (crowd.protocol === 'plain') subscribed();
        else say({ type: 'connection_init', ...(token && { payload: { Authorization: `Bearer ${token}` } }) });
      }
      return eachFrame(all, at, (opcode, start, end) => {
        if (opcode === opcodes.ping) return answer(pong);
        if (opcode === opcodes.close)
          throw new Error(`closed: ${all.readUInt16BE(start)} ${all.toString('utf8', start + 2, end)}`);
        if (opcode !== opcodes.text) throw new Error(`unexpected: a frame of kind ${opcode}`);
        const from = start + opening.length;
        if (opening.compare(all, start, Math.min(from, end)) === 0) return count(client, all, from);
        const text = all.toString('utf8', start, end);
        const { type } = JSON.parse(text);
        if (type === 'next') wrong++;
        else control(type, text);
      });
    },
  };
}

function serverSentEvents(client: number, token: string | null, subscribed: () => void): Reader {
  const variables = JSON.stringify(kind.variables(subjectOf(client)));
  const path = `/graphql?query=${encodeURIComponent(kind.query)}&variables=${encodeURIComponent(variables)}`;
  const opening = Buffer.from(`data: {"data":{"${kind.field}":{"n":`);
  let begun = false;
  return {
    request:
      `GET ${crowd.protocol === 'plain' ? '/' : path} HTTP/1.1\r\nHost: 127.0.0.1:${crowd.port}\r\nAccept: text/event-stream\r\n` +
      `${token ? `Authorization: Bearer ${token}\r\n` : ''}\r\n`,
    read(all, at) {
      if (!begun) {
        begun = true;
        subscribed();
      }
      let done = at;
      for (;;) {
        const found = all.indexOf(opening, done);
        const end = found < 0 ? -1 : all.indexOf('\n', found);
        // What comes before an event is an id, a comment, or the length of a chunk.
        if (end < 0) return found < 0 ? Math.max(done, all.length - opening.length) : found;
        count(client, all, found + opening.length);
        done = end;
      }
    },
  };
}

const shared = Buffer.allocUnsafe(262_144);

function open(client: number, subscribed: () => void): void {
  const sub = kind.sub(subjectOf(client));
  const token = sub && tokenFor(sub, secret);
  const write: Write = (bytes) => void socket.write(bytes);
  const begun = () => {
    if (crowd.stalls) socket.pause();
    subscribed();
  };
  const reader =
    crowd.transport === 'sse' ? serverSentEvents(client, token, begun) : webSocket(client, token, write, begun);
  let rest: Buffer | null = null;
  let answered = false;

  function take(bytes: Buffer): void {
    const all: Buffer = rest ? Buffer.concat([rest, bytes]) : bytes;
    let at = 0;
    if (!answered) {
      const end = all.indexOf('\r\n\r\n');
      if (end >= 0) {
        const status = all.toString('latin1', 0, all.indexOf('\r\n'));
        if (!/ (101|200) /.test(status)) throw new Error(status);
        answered = true;
        at = end + 4;
      }
    }
    if (answered) at = reader.read(all, at);
    // The buffer is everybody's: what is left of it is copied.
    rest = at < all.length ? Buffer.from(all.subarray(at)) : null;
  }

  const onread = {
    buffer: shared,
    callback(length: number) {
      take(shared.subarray(0, length));
      return true;
    },
  };
  // Only where it must be: a port of an address that was named is one of all servers together, and three may be at work.
  const address = Math.floor(client / perAddress);
  const from = address > 0 ? { localAddress: `127.0.0.${1 + address}` } : {};
  const where = { port: crowd.port, host: '127.0.0.1', ...from };
  const socket = crowd.tls
    ? // Its certificate is the benchmark's own.
      connectTls({ ...where, rejectUnauthorized: false }).on('data', take)
    : connect({ ...where, noDelay: true, onread });
  socket.on('close', () => {
    throw new Error('the server has closed a connection');
  });
  socket.write(reader.request);
}

process.on('message', (word: 'begin' | 'count' | 'end') => {
  if (word === 'begin') {
    deliveries = 0;
    wrong = 0;
    latency = new Histogram();
  }
  const heard: Heard = { deliveries, wrong, newest: word === 'end' ? newest : [], latency: latency.counts };
  process.send?.(heard);
});
process.on('disconnect', () => process.exit());

/** So many at a time: more would overflow the queue of those who wait to be accepted. */
let next = 0;
let there = 0;
const more = () => {
  if (next < crowd.clients) open(next++, subscribed);
};
function subscribed(): void {
  there++;
  if (there === crowd.clients) process.send?.('ready');
  more();
}
for (let n = 0; n < crowd.inFlight; n++) more();

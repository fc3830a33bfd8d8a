import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Kind, kinds, secret } from '../events.js';
import { centrifugoOverSse, centrifugoOverWebSocket } from './centrifugo.js';
import { tokenFor } from './frames.js';
import { graphqlOverSse, graphqlOverWebSocket } from './graphql.js';
import type { Crowd, Heard } from './load.js';
import type { Client } from './reader.js';
import { openStream } from './streams.js';
import { Tally } from './tally.js';

/**
 * The load generator, a process of its own: clients over bare sockets, each with one subscription. It looks at every event:
 * the right operation, and the number after the last one. That costs so little that two cores are enough for a server
 * and its clients.
 */
const crowd = JSON.parse(process.argv[2] ?? '') as Crowd;
const kind: Kind = kinds[crowd.kind];
const subjectOf = (client: number) => (client + (crowd.firstSubject ?? 0)) % crowd.subjects;
/** A local address has no more ports than this for one server. */
const perAddress = 20_000;
const tally = new Tally(crowd.clients);

const readers = {
  graphql: { websocket: graphqlOverWebSocket, sse: graphqlOverSse },
  plain: { websocket: graphqlOverWebSocket, sse: graphqlOverSse },
  centrifugo: { websocket: centrifugoOverWebSocket, sse: centrifugoOverSse },
};

const shared = Buffer.allocUnsafe(262_144);

function clientOf(number: number, subscribed: () => void, say: (bytes: Buffer) => void): Client {
  const subject = subjectOf(number);
  const sub = kind.sub(subject);
  return {
    crowd,
    kind,
    subject,
    token: sub && tokenFor(sub, secret),
    say,
    subscribed,
    count: (all, from) => tally.count(number, all, from),
    stray: () => void tally.wrong++,
  };
}

function openSocket(number: number, transport: 'websocket' | 'sse', subscribed: () => void): void {
  const begun = () => {
    if (crowd.stalls) socket.pause();
    subscribed();
  };
  const client = clientOf(number, begun, (bytes) => void socket.write(bytes));
  const reader = readers[crowd.protocol][transport](client);
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
  const address = Math.floor(number / perAddress);
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

function open(number: number, subscribed: () => void): void {
  const { transport } = crowd;
  // To a stream nothing more is said than its request.
  if (transport === 'http2')
    openStream(
      number,
      clientOf(number, subscribed, () => {}),
    );
  else openSocket(number, transport, subscribed);
}

process.on('message', (word: 'begin' | 'count' | 'end') => {
  if (word === 'begin') tally.begin();
  const { deliveries, wrong, latency, newest } = tally;
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

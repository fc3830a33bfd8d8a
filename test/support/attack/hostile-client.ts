import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { deflateRawSync } from 'node:zlib';
import { WebSocket } from 'ws';

/**
 * One who means harm, in a process of their own, so that what they do to themselves hurts nobody else: `<kind> <url>`.
 * Begins when its stdin says so,
 * goes on until that ends, then prints how often it met with what.
 */
const [kind = '', url = '', amount = '1'] = process.argv.slice(2);
const { host, hostname, port } = new URL(url);
const wsUrl = url.replace('http', 'ws');
const met: Record<string, number> = {};
const meet = (what: string) => {
  met[what] = (met[what] ?? 0) + 1;
};

const init = '{"type":"connection_init"}';
const subscribe = (id: number, query = 'subscription { all { id } }', variables = {}) =>
  JSON.stringify({ id: String(id), type: 'subscribe', payload: { query, variables } });

async function opened(options = {}) {
  const socket = new WebSocket(wsUrl, 'graphql-transport-ws', { perMessageDeflate: false, ...options });
  const closed = new Promise<number>((resolve) => {
    socket.on('close', resolve);
  });
  socket.on('error', () => undefined);
  await Promise.race([once(socket, 'open'), closed]);
  return { socket, closed };
}

/** The code with which it was closed, or that it still is not when the attack is over. */
async function untilStopped(closed: Promise<number>): Promise<string> {
  const over = (async () => {
    while (!stopped) await wait(50);
    return 'still there';
  })();
  return Promise.race([closed.then(String), over]);
}

async function acknowledged(socket: WebSocket) {
  socket.send(init);
  await once(socket, 'message');
}

/** A socket after the handshake, without a library that would keep to the rules. */
async function bare(): Promise<Socket> {
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  const key = Buffer.alloc(16, 1).toString('base64');
  const lines = [
    'GET /graphql HTTP/1.1',
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Protocol: graphql-transport-ws',
    'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}

/** `first` is the frame's first byte: 0x80 the last of a message, 0x40 compressed, then the opcode. */
function frame(first: number, payload: Uint8Array, masked = true): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = (masked ? 0x80 : 0) | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  // A mask of zeros leaves what it masks as it is.
  return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}
const text = (words: string) => Buffer.from(words);

/** The code with which a bare socket is closed. */
async function closeOf(socket: Socket, ...frames: Buffer[]): Promise<string> {
  const said: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    said.push(chunk);
    if (chunk.at(0) === 0x88) socket.end();
  });
  const end = once(socket, 'close');
  for (const one of frames) socket.write(one);
  await end;
  const all = Buffer.concat(said);
  const at = all.lastIndexOf(0x88);
  return at < 0 ? 'cut off' : String(all.readUInt16BE(at + 2));
}

async function post(query: string, variables: object = {}, accept = 'application/graphql-response+json') {
  const headers = { 'content-type': 'application/json', accept };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const [, limit = String(answer.status)] = /"limit":"(\w+)"/.exec(await answer.text()) ?? [];
  return limit;
}

const deep = `{ ${'node { '.repeat(400)} id ${'}'.repeat(400)} }`;
const aliased = `{ ${Array.from({ length: 700 }, (_, n) => `a${n}: version`).join(' ')} }`;
const nested = `{ node { ${'nodes { '.repeat(8)} id ${'}'.repeat(9)} }`;

const attacks: Readonly<Record<string, () => Promise<void>>> = {
  async subscriptions() {
    const { socket, closed } = await opened();
    await acknowledged(socket);
    // To what brings nothing: a hundred streams of everything cost what they cost anybody who reads them, flood or not.
    for (let n = 0; n < Number(amount); n++) socket.send(subscribe(n, 'subscription { silent { id } }'));
    meet(await untilStopped(closed));
    socket.terminate();
  },
  async silence() {
    const sockets: Promise<string>[] = [];
    for (let n = 0; n < Number(amount); n++) {
      sockets.push(bare().then((socket) => closeOf(socket)));
      // Just below the rate at which a gateway takes them: so most get in.
      if (n % 18 === 17) await wait(20);
    }
    for (const code of await Promise.all(sockets)) meet(code);
  },
  async 'half handshakes'() {
    const sockets = Array.from({ length: Number(amount) }, async (_, n) => {
      await wait(n);
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(`GET /graphql HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nX-Long: `);
      const [said] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => ['cut off'])]);
      meet(String(said).slice(0, 12));
      socket.destroy();
    });
    await Promise.all(sockets);
  },
  async 'never reading'() {
    const sockets = Array.from({ length: Number(amount) }, async () => {
      const socket = await bare();
      socket.write(frame(0x81, text(init)));
      await once(socket, 'data');
      for (let n = 0; n < 20; n++) socket.write(frame(0x81, text(subscribe(n))));
      socket.pause();
      while (!socket.destroyed && socket.writable && !stopped) {
        // What is never read shows its end only to who writes.
        socket.write(frame(0x8a, Buffer.alloc(0)));
        await wait(500);
      }
      meet(stopped ? 'still there' : 'cut off');
      socket.destroy();
    });
    await Promise.all(sockets);
  },
  async pings() {
    const { socket, closed } = await opened();
    socket.send(init);
    const ping = JSON.stringify({ type: 'ping', payload: { long: 'x'.repeat(65_000) } });
    let ended = false;
    void closed.then(() => {
      ended = true;
    });
    while (!ended && !stopped) {
      for (let n = 0; n < 20 && socket.bufferedAmount < 4_000_000; n++) socket.send(ping);
      await wait(1);
    }
    meet(await untilStopped(closed));
    socket.terminate();
  },
  async operations() {
    for (const query of [deep, aliased, nested]) {
      for (const accept of ['application/graphql-response+json', 'text/event-stream'])
        meet(await post(query, {}, accept));
      const { socket, closed } = await opened();
      const limit = new Promise<string>((resolve) => {
        socket.on('message', (data) => {
          const found = /"limit":"(\w+)"/.exec(String(data));
          if (found) resolve(String(found[1]));
        });
      });
      await acknowledged(socket);
      socket.send(subscribe(1, query));
      meet(await Promise.race([limit, closed.then(String)]));
      socket.terminate();
    }
  },
  async 'a million'() {
    const million = { list: Array.from({ length: 1_000_000 }, () => 1) };
    meet(await post('{ version }', million));
    const { socket, closed } = await opened();
    await acknowledged(socket);
    socket.send(subscribe(1, 'query ($list: [Int]) { version }', million));
    meet(String(await closed));
  },
  async bombs() {
    const zeros = deflateRawSync(Buffer.alloc(50_000_000, 0x20), { level: 9 });
    meet(await closeOf(await bare(), frame(0xc1, zeros)));
  },
  async 'broken text'() {
    meet(await closeOf(await bare(), frame(0x81, Buffer.from([0x22, 0xc3, 0x28, 0x22]))));
  },
  async fragments() {
    // As the protocol has it: a ping may come between the pieces of a message.
    const whole = await bare();
    whole.write(frame(0x01, text(init.slice(0, 5))));
    whole.write(frame(0x89, text('here?')));
    whole.write(frame(0x80, text(init.slice(5))));
    let said = '';
    for await (const chunk of whole) {
      said += String(chunk);
      if (said.includes('connection_ack')) break;
    }
    meet('acknowledged');
    whole.destroy();
    const pieces = Array.from({ length: 60_000 }, () => frame(0x00, text('x')));
    meet(`pieces: ${await closeOf(await bare(), frame(0x01, text('x')), Buffer.concat(pieces))}`);
    meet(`interleaved: ${await closeOf(await bare(), frame(0x01, text('{')), frame(0x81, text(init)))}`);
    meet(`no beginning: ${await closeOf(await bare(), frame(0x80, text(init)))}`);
  },
  async 'no mask'() {
    meet(await closeOf(await bare(), frame(0x81, text(init), false)));
  },
};

let stopped = false;
process.stdin.on('end', () => {
  stopped = true;
});
process.stdin.resume();
const attack = attacks[kind];
if (!attack) throw new Error(`no attack is called ${kind}`);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
do {
  await attack();
  await wait(50);
} while (!stopped);
process.stdout.write(`${JSON.stringify(met)}\n`);
process.exit(0);

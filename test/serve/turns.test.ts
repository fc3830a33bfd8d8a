import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.js';
import { river } from '../support/river.js';

const sdl = `
  type Subscription { all: Note! @kafka(topic: "notes") @public }
  type Note { id: ID! }`;
const burst = 150;

/** Of an address that a proxy tells. */
async function connectedFrom(wsUrl: string, address: string): Promise<WebSocket> {
  const headers = { 'x-forwarded-for': address };
  const webSocket = new WebSocket(wsUrl, 'graphql-transport-ws', { headers });
  await once(webSocket, 'open');
  webSocket.send('{"type":"connection_init"}');
  await once(webSocket, 'message');
  return webSocket;
}

test('a message each of many sockets of one address, at once, does not keep another address waiting', async () => {
  await using r = await river(sdl, { trustedHops: 1 });
  const many = await Promise.all(Array.from({ length: 300 }, () => connectedFrom(r.wsUrl, '198.51.100.1')));
  const other = await connectedFrom(r.wsUrl, '198.51.100.2');
  const said: string[] = [];
  other.on('message', () => said.push('pong'));
  for (const [n, one] of many.entries()) {
    one.on('message', () => said.push('error'));
    // Each of another document, which has to be read.
    const query = `{ ${`version nothing${n} `.repeat(500)} }`;
    one.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
  }
  other.send('{"type":"ping"}');
  await eventually('all are answered', () => said.length === many.length + 1, { within: 30_000 });
  expect(said.indexOf('pong')).toBeGreaterThanOrEqual(0);
  expect(said.indexOf('pong')).toBeLessThan(many.length / 2);
  for (const one of [...many, other]) one.terminate();
});

test('requests of one address, at once, do not keep another address waiting', async () => {
  await using r = await river(sdl, { trustedHops: 1 });
  const count = 200;
  const answered: string[] = [];
  async function connected() {
    const socket = connect(Number(new URL(r.url).port), '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }
  function post(socket: Socket, address: string, query: string) {
    socket.once('data', () => answered.push(address));
    const body = JSON.stringify({ query });
    const head = ['POST /graphql HTTP/1.1', 'Host: x', `X-Forwarded-For: ${address}`, 'Content-Type: application/json'];
    socket.write(`${[...head, `Content-Length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`);
  }
  const many: Socket[] = [];
  for (let n = 0; n < count; n++) many.push(await connected());
  const other = await connected();
  for (const [n, socket] of many.entries()) post(socket, '198.51.100.1', `{ ${`version nothing${n} `.repeat(500)} }`);
  post(other, '198.51.100.2', '{ version }');
  await eventually('all are answered', () => answered.length === count + 1, { within: 30_000 });
  expect(answered.indexOf('198.51.100.2')).toBeLessThan(count / 2);
  for (const socket of [other, ...many]) socket.destroy();
});

test('a hundred messages that one socket sends at once do not keep another one waiting', async () => {
  await using r = await river(sdl);
  const said: string[] = [];
  async function connected(name: string) {
    const webSocket = new WebSocket(r.wsUrl, 'graphql-transport-ws');
    await once(webSocket, 'open');
    webSocket.send('{"type":"connection_init"}');
    await once(webSocket, 'message');
    webSocket.on('message', (data) => said.push(`${name} ${JSON.parse(String(data)).type}`));
    return webSocket;
  }
  const [greedy, other] = [await connected('greedy'), await connected('other')];
  const { _socket: socket } = greedy as unknown as { _socket: Socket };
  socket.cork();
  for (let n = 0; n < burst; n++)
    greedy.send(JSON.stringify({ id: `${n}`, type: 'subscribe', payload: { query: `{ version nothing${n} }` } }));
  socket.uncork();
  other.send('{"type":"ping"}');
  await eventually('all is answered', () => said.filter((one) => one === 'greedy error').length === burst);
  expect(said.indexOf('other pong')).toBeGreaterThanOrEqual(0);
  expect(said.indexOf('other pong')).toBeLessThan(burst / 2);
  for (const one of [greedy, other]) one.terminate();
});

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.js';
import { river } from '../support/river.js';

const sdl = `
  type Subscription { all: Note! @kafka(topic: "notes") @public }
  type Note { id: ID! }`;
const burst = 150;

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

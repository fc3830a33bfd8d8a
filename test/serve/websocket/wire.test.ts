import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { socket } from '../../support/clients/socket.js';
import { eventually } from '../../support/eventually.js';
import { river } from '../../support/river.js';

test('a client whose answer to a ping comes late, because it reads slowly, is not cut off for it', async () => {
  const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! text: String! }';
  await using r = await river(sdl, { heartbeat: 500, limits: { socketBuffer: 4_096 } });
  /** By its pings the test knows that time goes by. */
  await using clock = socket(r.wsUrl);
  await clock.init();
  const slow = new WebSocket(r.wsUrl, 'graphql-transport-ws');
  const said: string[] = [];
  const pings = () => said.filter((text) => text.startsWith('{"type":"ping"')).length;
  slow.on('message', (data) => said.push(String(data)));
  slow.on('error', () => undefined);
  await once(slow, 'open');
  slow.send('{"type":"connection_init"}');
  await eventually('it is acknowledged', () => said.length > 0);
  const query = 'subscription { note { text } }';
  slow.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
  // Of its subscription, and of a heartbeat; neither is answered.
  await eventually('it is pinged', () => pings() === 2);
  slow.pause();
  for (let n = 0; n < 150; n++) await r.publish('notes', { id: n, text: 'x'.repeat(60_000) });
  const beats = () => clock.messages.filter(({ type }) => type === 'ping').length;
  const before = beats();
  await eventually('two heartbeats', async () => {
    await clock.send({ type: 'pong' });
    return beats() >= before + 2;
  });
  slow.resume();
  await eventually('all has come, and then a ping', () => said.length > 150 && pings() === 3);
  expect(slow.readyState).toBe(WebSocket.OPEN);
  slow.terminate();
});

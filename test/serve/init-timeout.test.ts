import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { defaultLimits } from '../../src/serve/limits/limits.js';
import { river } from '../support/river.js';

const sdl = `
  type Subscription { note: Note! @kafka(topic: "notes") @where(rule: "true") @public }
  type Note { id: ID! }`;
const initTimeout = 50;

test('an init that came in time counts, also when the gateway was too busy to read it', async () => {
  await using stream = await river(sdl, { limits: { ...defaultLimits, initTimeout } });
  const socket = new WebSocket(stream.wsUrl, 'graphql-transport-ws');
  const message = once(socket, 'message').then(([data]) => String(data));
  const closed = once(socket, 'close').then(([code]) => code);
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  const busyUntil = performance.now() + 3 * initTimeout;
  while (performance.now() < busyUntil);
  expect(await Promise.race([message, closed])).toContain('"type":"connection_ack"');
  socket.close();
});

test('without an init the socket is closed', async () => {
  await using stream = await river(sdl, { limits: { ...defaultLimits, initTimeout } });
  const socket = new WebSocket(stream.wsUrl, 'graphql-transport-ws');
  expect((await once(socket, 'close'))[0]).toBe(4408);
});

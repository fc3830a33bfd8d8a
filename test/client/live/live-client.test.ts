import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { connectionStatus } from '../../../src/client/index.js';
import { liveClient } from '../../../src/client/live/index.js';
import { eventually } from '../../support/eventually.js';

afterEach(() => void vi.unstubAllGlobals());

/** A browser's window, which knows who still listens to it. */
function page() {
  const signals: (AbortSignal | undefined)[] = [];
  const listen = (_type: string, _listener: unknown, until?: { signal: AbortSignal }) => signals.push(until?.signal);
  vi.stubGlobal('addEventListener', listen);
  return { listeners: () => signals.filter((signal) => !signal?.aborted).length };
}

// Nobody listens there.
const url = 'ws://127.0.0.1:1';

test('a client that is disposed of listens to nothing of its page', () => {
  const { listeners } = page();
  const client = liveClient({ url, webSocketImpl: WebSocket });
  expect(listeners()).toBeGreaterThan(0);
  client.dispose();
  expect(listeners()).toBe(0);
});

test('a status that was given to a client stays when the client is disposed of: others have it too', () => {
  const { listeners } = page();
  const connection = connectionStatus();
  const before = listeners();
  liveClient({ url, webSocketImpl: WebSocket, connection }).dispose();
  expect(listeners()).toBe(before);
  connection.dispose();
  expect(listeners()).toBe(0);
});

test('what is subscribed after its end is complete at once, and opens no socket', async () => {
  let sockets = 0;
  class Counted extends WebSocket {
    constructor(...given: ConstructorParameters<typeof WebSocket>) {
      super(...given);
      sockets++;
    }
  }
  const client = liveClient({ url, webSocketImpl: Counted });
  client.dispose();
  const heard: unknown[] = [];
  const sink = {
    next: (result: unknown) => void heard.push(result),
    error: (error: unknown) => void heard.push(error),
    complete: () => void heard.push('complete'),
  };
  client.subscribe({ query: 'subscription { n }' }, sink)();
  client.subscribe({ query: 'subscription { n }' }, sink);
  await eventually('both are over', () => heard.length === 2);
  expect([heard, sockets]).toEqual([['complete', 'complete'], 0]);
});

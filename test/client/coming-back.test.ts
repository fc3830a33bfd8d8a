import type { AddressInfo } from 'node:net';
import { type ClientOptions, createClient } from 'graphql-ws';
import { describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { connectionStatus, type Resuming, resumingWebSocket } from '../../src/client/index.js';
import { eventually } from '../support/eventually.js';

const acknowledges = '{"type":"connection_ack"}';
const brings = '{"type":"ping"}';

/** A server that brings something, and closes its sockets with these codes, one after the other; the next stays open. */
const closing = (...codes: readonly number[]) => saying([acknowledges, brings], ...codes);

/** The same, with all that it says to who signs in. */
async function saying(words: readonly string[], ...codes: readonly number[]) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'graphql-transport-ws' });
  const inits: unknown[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const { type, payload } = JSON.parse(String(data));
      if (type === 'connection_init') {
        inits.push(payload);
        for (const word of words) socket.send(word);
      }
      const code = codes[inits.length - 1];
      if (type === 'subscribe' && code !== undefined) socket.close(code, 'as the test says');
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** What each connection signed in with. */
    inits,
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function subscribe(url: string, options: Partial<ClientOptions> = {}, resuming: Resuming = {}) {
  const ends: unknown[] = [];
  const client = createClient(resumingWebSocket({ url, webSocketImpl: WebSocket, ...options }, resuming));
  const listen = () =>
    client.subscribe(
      { query: 'subscription { n }' },
      { next() {}, error: (error) => ends.push(error), complete: () => ends.push('complete') },
    );
  const stop = listen();
  return {
    ends,
    client,
    listen,
    stop,
    // It rejects where it waits for its next attempt.
    [Symbol.asyncDispose]: async () => Promise.resolve(client.dispose()).catch(() => undefined),
  };
}

describe('a socket that is closed with', () => {
  test('1001 is replaced at once: nobody waits for a replica that retires', async () => {
    await using server = await closing(1001, 1001);
    const random = vi.spyOn(Math, 'random');
    await using page = subscribe(server.url, { generateID: () => 'one' });
    await eventually('a third one', () => server.inits.length === 3);
    // A wait is drawn; a frame of `ws` is masked by other means.
    expect([random.mock.calls.length, page.ends]).toEqual([0, []]);
    random.mockRestore();
  });

  test('1001 before it has brought anything is replaced after a while: nobody asks without end', async () => {
    await using server = await saying([acknowledges], 1001, 1001);
    const random = vi.spyOn(Math, 'random').mockReturnValue(0);
    await using page = subscribe(server.url, { generateID: () => 'one' });
    await eventually('a third one', () => server.inits.length === 3);
    expect([random.mock.calls.length, page.ends]).toEqual([2, []]);
    random.mockRestore();
  });

  test.each([1011, 1012, 1013, 4408])('%d is replaced after a while', async (code) => {
    await using server = await closing(code);
    await using page = subscribe(server.url);
    await eventually('another one', () => server.inits.length === 2);
    expect(page.ends).toEqual([]);
  });

  test.each([4400, 4401, 4406, 4409, 4429])('%d ends its operations with it', async (code) => {
    await using server = await closing(code);
    const connection = connectionStatus();
    await using page = subscribe(server.url, {}, { connection });
    await eventually('the end', () => page.ends.length > 0);
    expect(page.ends).toEqual([expect.objectContaining({ code, reason: 'as the test says' })]);
    expect([server.inits.length, connection.current.state]).toEqual([1, 'live']);
  });

  test.each([
    ['of which there is only one', { connectionParams: { authorization: 'Bearer one' } }],
    ['which only the page’s cookie has', {}],
  ])('4403 ends them where there can be no other token: one %s', async (_, options) => {
    await using server = await closing(4403);
    await using page = subscribe(server.url, options);
    await eventually('the end', () => page.ends.length > 0);
    expect([page.ends, server.inits.length]).toEqual([[expect.objectContaining({ code: 4403 })], 1]);
  });

  test('4403 is replaced only with another token, and no other is sent meanwhile', async () => {
    await using server = await closing(4403, 4403);
    const tokens = ['one', 'one', 'one', 'two', 'two', 'three'];
    const connectionParams = async () => ({ authorization: `Bearer ${tokens.shift() ?? 'three'}` });
    await using page = subscribe(server.url, { connectionParams });
    await eventually('a third one', () => server.inits.length === 3);
    expect(server.inits).toEqual(['one', 'two', 'three'].map((token) => ({ authorization: `Bearer ${token}` })));
    expect(page.ends).toEqual([]);
  });
});

test('a token that cannot be had now is asked for again: no operation ends', async () => {
  await using server = await closing();
  let asked = 0;
  const connectionParams = async () => {
    if (++asked < 3) throw new Error('no connection');
    return { authorization: 'Bearer one' };
  };
  await using page = subscribe(server.url, { connectionParams });
  await eventually('it has signed in', () => server.inits.length === 1);
  expect([asked, page.ends]).toEqual([3, []]);
});

test('attempts and waits that a page gives stay its own', async () => {
  await using server = await closing(1013, 1013, 1013);
  const waits: number[] = [];
  const retryWait = async (retries: number) => void waits.push(retries);
  await using page = subscribe(server.url, { retryWait, retryAttempts: 1, shouldRetry: () => waits.length < 2 });
  await eventually('the end', () => page.ends.length > 0);
  expect([waits.length, page.ends]).toEqual([2, [expect.objectContaining({ code: 1013 })]]);
});

test.each([
  ['not JSON', '<html>', []],
  ['JSON, and no message', 'null', []],
  ['not JSON, once it has brought something', '<html>', [brings]],
])('a server that says what is %s is left for another, after longer and longer waits', async (_, wrong, before) => {
  await using server = await saying([acknowledges, ...before, wrong]);
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.001);
  const timer = vi.spyOn(globalThis, 'setTimeout');
  const connection = connectionStatus();
  await using page = subscribe(server.url, { generateID: () => 'one' }, { connection });
  await eventually('many', () => server.inits.length > 4);
  page.stop();
  expect(page.ends).toEqual([]);
  const waits = timer.mock.calls.map(([, wait]) => Number(wait)).filter((wait) => wait > 0 && wait < 10);
  expect(waits.slice(0, 4)).toEqual([0.5, 1, 2, 4]);
  random.mockRestore();
  timer.mockRestore();
});

describe('after it has given up, the status is as with nothing subscribed', () => {
  test('live, where it was', async () => {
    await using server = await closing(1013);
    const connection = connectionStatus();
    const seen: string[] = [];
    connection.subscribe(() => void seen.push(connection.current.state));
    await using page = subscribe(server.url, { shouldRetry: () => false }, { connection });
    await eventually('the status', () => seen.length === 3);
    expect([seen, page.ends]).toEqual([['live', 'resuming', 'live'], [expect.objectContaining({ code: 1013 })]]);
  });

  test('as at the beginning, where it never was', async () => {
    const connection = connectionStatus();
    let tries = 0;
    const on = { connecting: () => void tries++ };
    // Nobody listens there.
    await using page = subscribe(
      'ws://127.0.0.1:1',
      { retryAttempts: 1, retryWait: async () => {}, on },
      { connection },
    );
    await eventually('the end', () => page.ends.length === 1);
    await eventually('the status', () => connection.current.attempt === 0);
    expect([tries, connection.current]).toEqual([2, expect.objectContaining({ state: 'connecting', reason: null })]);
  });
});

test('on.closed is told once of each end, whoever ended it', async () => {
  await using server = await closing(1013);
  const codes: unknown[] = [];
  const on = { closed: (event: unknown) => void codes.push((event as { code: number }).code) };
  await using page = subscribe(server.url, { on });
  await eventually('another one', () => server.inits.length === 2);
  page.client.terminate();
  await eventually('a third one', () => server.inits.length === 3);
  page.client.dispose();
  await eventually('the last end', () => codes.length >= 3);
  expect(codes).toEqual([1013, 4499, 1000]);
});

describe('when all subscriptions are left while it waits for the next attempt', () => {
  test.each<[string, Partial<ClientOptions>]>([
    ['as it waits by itself', {}],
    ['as its page lets it wait', { retryWait: () => new Promise((resolve) => setTimeout(resolve, 20)) }],
  ])('the status is live, %s: nothing is subscribed, until something is', async (_, options) => {
    await using server = await closing(1013);
    const connection = connectionStatus();
    const seen: string[] = [];
    connection.subscribe(() => {
      seen.push(connection.current.state);
      if (connection.current.state === 'resuming') page.stop();
    });
    await using page = subscribe(server.url, options, { connection });
    await eventually('the end of the wait', () => seen.length === 3);
    expect([seen, server.inits.length, page.ends]).toEqual([['live', 'resuming', 'live'], 1, ['complete']]);
    page.listen();
    await eventually('another connection', () => seen.length === 5);
    expect([seen.slice(3), server.inits.length]).toEqual([['connecting', 'live'], 2]);
  });
});

test('a url that is long in coming does not count as nobody being there', async () => {
  await using server = await closing(1013);
  const connection = connectionStatus();
  let asked = 0;
  const seen: string[] = [];
  const url = async () => {
    if (asked++ > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    return server.url;
  };
  connection.subscribe(() => void seen.push(connection.current.state));
  await using _page = subscribe(server.url, { url }, { connection });
  await eventually('another one', () => server.inits.length === 2);
  await eventually('it is live again', () => seen.length >= 3);
  expect(seen).toEqual(['live', 'resuming', 'live']);
});

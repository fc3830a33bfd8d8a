import { describe, expect, test } from 'vitest';
import { createMemoryLog } from '../../../src/log/memory-log.js';
import { socket } from '../../support/clients/socket.js';
import { eventually } from '../../support/eventually.js';
import { river } from '../../support/river.js';
import { slowSource } from '../../support/slow-source.js';

/** A log that confirms channels only from when it is opened. */
function slowLog() {
  const log = createMemoryLog();
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const tail: typeof log.tail = async (listener) => {
    const heard = await log.tail(listener);
    return { ...heard, listen: (channels) => gate.then(() => heard.listen(channels)) };
  };
  return { log: { ...log, tail, close: async () => {} }, open };
}

/** Whatever was said before has been heard by then. */
async function heard(client: ReturnType<typeof socket>) {
  await client.send({ type: 'ping' });
  await client.message('pong');
}

test('the acknowledgement tells the limits by which a client paces itself', async () => {
  const limits = { subscriptionsPerSocket: 7, subscriptionsPerUser: 9, messageRate: 11, messageBytes: 2_048 };
  await using r = await river('type Query { one: Int @public }', { limits });
  await using client = socket(r.wsUrl);
  await client.init();
  expect((await client.message('connection_ack')).payload).toEqual({ limits });
});

describe('an id that is completed and used again while its first operation is still being opened', () => {
  test('is of one subscription, and none is left when its socket has closed', async () => {
    const { log, open } = slowLog();
    await using r = await river(
      'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }',
      { log },
    );
    const client = socket(r.wsUrl);
    await client.init();
    const query = 'subscription { note { id } }';
    for (let n = 0; n < 10; n++) {
      await client.subscribe('1', { query });
      await client.send({ type: 'complete', id: '1' });
    }
    await client.subscribe('1', { query });
    await heard(client);
    open();
    // Its first cursor.
    await client.message('ping');
    expect(r.subscribed()).toBe(1);
    await client[Symbol.asyncDispose]();
    await eventually('none is left', () => r.subscribed() === 0);
  });

  test('brings what was asked for last, once, and nothing of what was given up', async () => {
    const source = slowSource('told');
    await using r = await river('type Query { one: Int @public } type Subscription { told: String! @public }', {
      resolvers: { ...source.resolvers, Query: { one: () => 1 } } as never,
    });
    await using client = socket(r.wsUrl);
    await client.init();
    for (const alias of ['first', 'second']) {
      await client.subscribe('1', { query: `subscription { ${alias}: told }` });
      await eventually('it is being opened', () => source.asked() === (alias === 'first' ? 1 : 2));
      if (alias === 'first') await client.send({ type: 'complete', id: '1' });
    }
    source.open();
    await client.message('next', '1');
    await heard(client);
    await client.send({ type: 'complete', id: '1' });
    await client.subscribe('1', { query: '{ one }' });
    await client.message('complete', '1');
    expect(client.messages.filter(({ id }) => id === '1').map(({ payload }) => payload?.data)).toEqual([
      { second: 'undefined' },
      { one: 1 },
      undefined,
    ]);
  });
});

test.each([false, true])(
  'every id comes back as it was sent, whatever it holds; compression on: %s',
  async (compression) => {
    const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! text: String! }';
    await using r = await river(sdl, { compression, limits: { messageBytes: 200_000 } });
    await using client = socket(r.wsUrl);
    await client.init();
    const ids = ['__proto__', 'toString', '"', '\\', '\u2028\n\0', '\ud800', 'é'.repeat(33_000), 'x'.repeat(100_000)];
    for (const id of ids) await client.subscribe(id, { query: 'subscription { note { text } }' });
    await eventually('all have begun', () => r.subscribed() === ids.length);
    const texts = ['short', 'long '.repeat(20_000)];
    for (const text of texts) await r.publish('notes', { id: 1, text });
    const nexts = () => client.messages.filter(({ type }) => type === 'next');
    await eventually('all has come', () => nexts().length === ids.length * 2);
    for (const id of ids) {
      const mine = nexts().filter((message) => message.id === id);
      expect(mine.map(({ payload }) => payload.data.note.text)).toEqual(texts);
      await client.send({ type: 'complete', id });
    }
    await eventually('all have ended', () => r.subscribed() === 0);
    expect(client.isOpen()).toBe(true);
  },
);

test('a stream begins with a ping, also one with `rewind`, which has no cursor for it yet', async () => {
  await using r = await river('type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }');
  await using client = socket(r.wsUrl);
  await client.init();
  await client.subscribe('1', { query: 'subscription @resume(rewind: 5) { note { id } }' });
  expect((await client.message('ping')).payload?.cursors ?? {}).toEqual({});
});

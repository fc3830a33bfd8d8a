import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { type Prepared, SocketOutlet } from '../../../src/serve/connection/socket-outlet.js';
import { eventually } from '../../support/eventually.js';

/** Two ends of a real connection. */
async function pair() {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as { port: number };
  const near = connect(address.port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  let text = '';
  far.on('data', (data) => {
    text += String(data);
  });
  far.on('error', () => undefined);
  return {
    near,
    far,
    text: () => text,
    async [Symbol.asyncDispose]() {
      near.destroy();
      far.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const prepared = (text: string): Prepared => ({
  bytes: Buffer.from(text),
  holes: [...text.matchAll(/\?/g)].map(({ index }) => index),
});
const id = (text: string) => Buffer.from(text);
const limit = 262_144;
const opened = { isOpen: () => true, holds() {} };

/** How often the socket was asked to write. */
function counted(socket: Socket): () => number {
  let writes = 0;
  const { write } = socket;
  socket.write = ((...args: Parameters<typeof write>) => {
    writes++;
    return write.apply(socket, args);
  }) as typeof write;
  return () => writes;
}

test('frames of one turn leave in one write, each with its own id, and before anything else of that turn', async () => {
  await using ends = await pair();
  const outlet = new SocketOutlet(ends.near, limit, opened);
  const writes = counted(ends.near);
  const shared = prepared('a?b ');
  outlet.write(shared, id('1'));
  outlet.write(shared, id('2'));
  outlet.write(prepared('?! '), id('3'));
  expect(writes()).toBe(0);
  await new Promise<void>((resolve) => process.nextTick(resolve));
  expect(writes()).toBe(1);
  outlet.write(shared, id('4'));
  outlet.aside(() => ends.near.write('last'));
  ends.far.resume();
  await eventually('all has come', () => ends.text().endsWith('last'));
  expect(ends.text()).toBe('a1b a2b 3! a4b last');
});

test('what many sockets get in one turn leaves in that turn, also what one write brings about', async () => {
  await using one = await pair();
  await using two = await pair();
  const outlets = [one, two].map(({ near }) => new SocketOutlet(near, limit, opened));
  for (const outlet of outlets) outlet.write(prepared('?'), id('x'));
  await Promise.resolve().then(() => outlets[0]?.write(prepared('?'), id('y')));
  for (const { far } of [one, two]) far.resume();
  await eventually('both have theirs', () => one.text() === 'xy' && two.text() === 'x');
});

test('after the close of its connection nothing is written', async () => {
  await using ends = await pair();
  let open = true;
  const outlet = new SocketOutlet(ends.near, limit, { isOpen: () => open, holds() {} });
  const writes = counted(ends.near);
  outlet.write(prepared('?'), id('x'));
  open = false;
  outlet.flush();
  expect(writes()).toBe(0);
  open = true;
  ends.near.destroy();
  outlet.write(prepared('?'), id('x'));
  outlet.flush();
  expect(writes()).toBe(0);
});

test.each([1_024, 262_144])(
  'a reader that stops fills it up to %i bytes, and all is there when it reads on',
  async (limit) => {
    await using ends = await pair();
    const outlet = new SocketOutlet(ends.near, limit, opened);
    const frame = prepared('x'.repeat(999).concat('?'));
    let count = 0;
    // Within one turn: whoever writes a thousand frames must be told without waiting for its end.
    while (outlet.drained() === null) {
      outlet.write(frame, id('\n'));
      count++;
    }
    expect(ends.near.writableLength).toBeGreaterThan(limit);
    expect(ends.near.writableLength).toBeLessThan(limit + 65_536 + 2_000);
    ends.far.resume();
    await outlet.drained();
    expect(outlet.drained()).toBeNull();
    await eventually('all has come', () => ends.text().length === count * 1_000);
  },
);

test('what something else has written counts too', async () => {
  await using ends = await pair();
  const outlet = new SocketOutlet(ends.near, 1_024, opened);
  outlet.aside(() => {
    while (ends.near.write('x'.repeat(65_536)));
  });
  expect(outlet.drained()).not.toBeNull();
  ends.far.resume();
  await outlet.drained();
  expect(outlet.drained()).toBeNull();
});

test('a reader that is gone is waited for no longer', async () => {
  await using ends = await pair();
  const outlet = new SocketOutlet(ends.near, 1_024, opened);
  while (outlet.drained() === null) outlet.write(prepared('x'.repeat(9_999).concat('?')), id('\n'));
  const drained = outlet.drained();
  ends.near.destroy();
  await drained;
});

test('a reader that takes nothing for five heartbeats is stuck; one that takes a little is not', async () => {
  await using ends = await pair();
  const outlet = new SocketOutlet(ends.near, 1_024, opened);
  while (outlet.drained() === null) outlet.write(prepared('x'.repeat(9_999).concat('?')), id('\n'));
  const beats = Array.from({ length: 6 }, () => outlet.isStuck());
  expect(beats).toEqual([false, false, false, false, false, true]);
  ends.far.resume();
  await eventually('something was taken', () => !outlet.isStuck());
});

test('so is one that leaves unread less than it may have waiting', async () => {
  await using ends = await pair();
  const outlet = new SocketOutlet(ends.near, 2 ** 30, opened);
  const frame = prepared('x'.repeat(99_999).concat('?'));
  while (outlet.waiting() < 200_000) {
    outlet.write(frame, id('\n'));
    outlet.flush();
  }
  expect(outlet.drained()).toBeNull();
  const beats = Array.from({ length: 6 }, () => outlet.isStuck());
  expect(beats).toEqual([false, false, false, false, false, true]);
});

test('one that closes while something waits is not told to hold it: nobody would ever take it off the list', async () => {
  await using ends = await pair();
  let [open, held] = [true, 0];
  const owner = { isOpen: () => open, holds: () => void held++ };
  const outlet = new SocketOutlet(ends.near, limit, owner);
  ends.far.pause();
  while (held === 0) {
    outlet.write(prepared('x'.repeat(60_000)), id('1'));
    outlet.flush();
  }
  outlet.write(prepared('y'), id('1'));
  open = false;
  const before = held;
  await new Promise<void>((resolve) => process.nextTick(resolve));
  expect(held).toBe(before);
});

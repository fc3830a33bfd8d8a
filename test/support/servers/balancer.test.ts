import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { eventually } from '../eventually.js';
import { opened } from '../opened.js';
import { balancer } from './balancer.js';

// Faults that do nothing would let the chaos pass whatever the product does.

/** A server that echoes, and a balancer before it. */
async function echo() {
  const scope = opened();
  const served: Socket[] = [];
  const server = createServer((socket) => {
    served.push(socket);
    socket.on('error', () => {}).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => new Promise((resolve) => server.close(resolve)));
  const line = scope.use(await balancer([(server.address() as AddressInfo).port]));
  return {
    line,
    served,
    /** What came back, and whether it is over. */
    async client() {
      const socket = connect(line.port, '127.0.0.1');
      const heard = { text: '', over: false, say: (text: string) => socket.write(text) };
      socket.on('data', (data) => (heard.text += data)).on('close', () => (heard.over = true));
      socket.on('error', () => {});
      scope.defer(() => socket.destroy());
      const before = line.connections();
      heard.say('a');
      await eventually('the echo, or the end', () => heard.text === 'a' || heard.over);
      expect(line.connections()).toBe(heard.over ? before : before + 1);
      return heard;
    },
    [Symbol.asyncDispose]: scope[Symbol.asyncDispose],
  };
}

describe('a balancer', () => {
  test('stalls what is open, serves what comes later, and ends both sides by a cut', async () => {
    await using world = await echo();
    const stalled = await world.client();
    world.line.stall();
    stalled.say('b');
    const later = await world.client();
    later.say('b');
    await eventually('the later one passes', () => later.text === 'ab');
    expect(stalled).toMatchObject({ text: 'a', over: false });
    expect(world.served.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    world.line.cut();
    await eventually('both are over', () => stalled.over && later.over);
    await eventually('on both sides', () => world.served.every(({ destroyed }) => destroyed));
  });

  test('stalls only the one that its server sees from a port', async () => {
    await using world = await echo();
    const [stalled, other] = [await world.client(), await world.client()];
    world.line.stall(world.served[0]?.remotePort as number);
    for (const one of [stalled, other]) one.say('b');
    await eventually('the other passes', () => other.text === 'ab');
    expect(stalled).toMatchObject({ text: 'a', over: false });
  });

  test.each(['near', 'far'] as const)('leaves the %s side of a connection alone with it', async (left) => {
    await using world = await echo();
    const client = await world.client();
    world.line.halfOpen(left);
    await eventually('the other side is over', () => (left === 'near' ? world.served[0]?.destroyed : client.over));
    expect(left === 'near' ? client.over : world.served[0]?.destroyed).toBe(false);
  });

  test('lets requests pass and drops their answers when muted', async () => {
    await using world = await echo();
    const client = await world.client();
    world.line.mute();
    client.say('b');
    await eventually('the server has it', () => world.served[0]?.bytesRead === 2);
    await eventually('and has answered', () => world.served[0]?.bytesWritten === 2);
    expect(client).toMatchObject({ text: 'a', over: false });
  });

  test('refuses until it is open again', async () => {
    await using world = await echo();
    world.line.refuse();
    expect(await world.client()).toMatchObject({ text: '', over: true });
    world.line.open();
    expect(await world.client()).toMatchObject({ text: 'a', over: false });
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import type { SocketOutlet } from '../../../src/serve/connection/socket-outlet.js';
import { Hearing } from '../../../src/serve/websocket/hearing.js';
import { eventually } from '../../support/eventually.js';

/** What befalls one socket: it says something, its turn comes, its answers are read or not. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('say' as const), length: fc.nat(40_000) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'frame' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'pong' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'busy' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'idle' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'full' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'drained' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'tick' as const }) },
);

function stage() {
  const heard: number[] = [];
  /** How many were heard while answers waited. */
  const pressed = new Map<object, number>();
  const gates = { turn: null as PromiseWithResolvers | null, full: null as PromiseWithResolvers | null };
  let paused = false;
  const webSocket = {
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
    },
  };
  const owner = {
    isOpen: () => true,
    turn: () => gates.turn?.promise ?? null,
    hear: (message: Buffer) => {
      heard.push(message.readUInt32LE());
      if (gates.full) pressed.set(gates.full, (pressed.get(gates.full) ?? 0) + 1);
    },
    slowed: () => undefined,
    holds: () => undefined,
    flooded: () => expect.unreachable('nobody floods'),
  };
  const outlet = { drained: () => gates.full?.promise ?? null };
  const limits = { messageBytes: 65_536, messageRate: 2_000, subscriptionsPerSocket: 1 };
  const hearing = new Hearing(webSocket as WebSocket, outlet as SocketOutlet, owner, limits);
  return { hearing, heard, pressed, gates, isPaused: () => paused };
}

type PromiseWithResolvers = { readonly promise: Promise<void>; readonly resolve: () => void };
function gate(): PromiseWithResolvers {
  let resolve = () => {};
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, resolve };
}

test('everything is heard once, in the order in which it was said, whatever it has to wait for; then the socket is read again', async () => {
  let waited = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 150 }), async (steps) => {
      const { hearing, heard, pressed, gates, isPaused } = stage();
      const open = (which: 'turn' | 'full') => {
        const opened = gates[which];
        gates[which] = null;
        opened?.resolve();
      };
      let said = 0;
      for (const one of steps) {
        if (one.kind === 'say') {
          const message = Buffer.alloc(4 + one.length);
          message.writeUInt32LE(said++);
          hearing.message(message);
        } else if (one.kind === 'frame') hearing.frame();
        else if (one.kind === 'pong') hearing.pong(20);
        else if (one.kind === 'busy') gates.turn ??= gate();
        else if (one.kind === 'idle') open('turn');
        else if (one.kind === 'full') gates.full ??= gate();
        else if (one.kind === 'drained') open('full');
        else await new Promise((resolve) => setImmediate(resolve));
        waited += Number(hearing.isPaused());
        expect(isPaused()).toBe(hearing.isPaused());
      }
      open('turn');
      open('full');
      await eventually('all is heard', () => heard.length === said && !hearing.isPaused());
      expect(heard).toEqual(Array.from({ length: said }, (_, n) => n));
      // One at most: that which was on its way when they filled the socket.
      expect(Math.max(0, ...pressed.values())).toBeLessThanOrEqual(1);
      expect([isPaused(), hearing.waiting()]).toEqual([false, 0]);
    }),
    { numRuns: 200 },
  );
  expect(waited).toBeGreaterThan(1_000);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Room } from '../../../src/serve/limits/room.js';
import { Visit } from '../../../src/serve/limits/visit.js';

const sockets = 3;
const perSocket = 3;
const perUser = 5;

/** What befalls operations: one is asked for on a socket, one of them leaves in whatever state it is, a whole socket goes. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      socket: fc.nat(sockets - 1),
      ofUser: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), socket: fc.nat(sockets - 1) }) },
);

interface Asked {
  readonly socket: number;
  readonly ofUser: boolean;
  readonly visit: Visit;
}

/** Who should be where, found anew from the order in which all came to each line: nothing of it is counted along. */
class Oracle {
  /** In the socket's room, or in the line for it; in their order. */
  readonly #bySocket = Array.from({ length: sockets }, () => [] as Asked[]);
  /** In the user's room, or in the line for it. */
  readonly #ofUser: Asked[] = [];

  ask(asked: Asked): void {
    this.#bySocket[asked.socket]?.push(asked);
    this.#goOn();
  }

  leave(asked: Asked): void {
    for (const line of [...this.#bySocket, this.#ofUser]) {
      const at = line.indexOf(asked);
      if (at >= 0) line.splice(at, 1);
    }
    this.#goOn();
  }

  isInside(asked: Asked): boolean {
    const inSocket = this.#within(this.#bySocket[asked.socket] ?? [], perSocket).includes(asked);
    return inSocket && (!asked.ofUser || this.#within(this.#ofUser, perUser).includes(asked));
  }

  #within = (line: readonly Asked[], most: number) => line.slice(0, most);

  #goOn(): void {
    for (const line of this.#bySocket) {
      for (const asked of this.#within(line, perSocket)) {
        if (asked.ofUser && !this.#ofUser.includes(asked)) this.#ofUser.push(asked);
      }
    }
  }
}

test('whoever asks, leaves or gives up in whatever order: never more than the limit, first come first served, and nobody waits where there is room', () => {
  let waited = 0;
  let entered = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      const rooms = Array.from({ length: sockets }, () => new Room('subscriptionsPerSocket', perSocket));
      const user = new Room('subscriptionsPerUser', perUser);
      const oracle = new Oracle();
      const here = new Set<Asked>();
      const told = new Set<Visit>();

      function leave(asked: Asked): void {
        here.delete(asked);
        // The oracle goes first: who enters by this is told while the visit leaves.
        oracle.leave(asked);
        asked.visit.leave();
        expect(asked.visit.state).toBe('left');
      }

      for (const one of steps) {
        if (one.kind === 'ask') {
          const room = rooms[one.socket] as Room;
          const visit: Visit = new Visit(one.ofUser ? [room, user] : [room], () => {
            expect(told.has(visit)).toBe(false);
            told.add(visit);
            entered++;
          });
          const asked = { socket: one.socket, ofUser: one.ofUser, visit };
          here.add(asked);
          oracle.ask(asked);
          expect(visit.take()).toBe(oracle.isInside(asked));
        } else if (one.kind === 'leave') {
          const asked = [...here][one.which % Math.max(1, here.size)];
          if (asked) leave(asked);
        } else {
          const ofSocket = [...here].filter(({ socket }) => socket === one.socket);
          for (const asked of ofSocket.reverse()) leave(asked);
          expect(rooms[one.socket]?.taken).toBe(0);
        }
        for (const asked of here) expect(asked.visit.state).toBe(oracle.isInside(asked) ? 'inside' : 'waiting');
        for (const room of rooms) expect(room.taken).toBeLessThanOrEqual(perSocket);
        expect(user.taken).toBeLessThanOrEqual(perUser);
        waited += [...here].filter(({ visit }) => visit.state === 'waiting').length;
      }
      for (const asked of here) leave(asked);
      expect([...rooms, user].map(({ taken }) => taken)).toEqual([0, 0, 0, 0]);
    }),
    { numRuns: 300 },
  );
  expect(Math.min(waited, entered)).toBeGreaterThan(100);
});

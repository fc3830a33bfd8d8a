import type { IncomingMessage } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { PubSub } from 'graphql-subscriptions';
import { expect, test } from 'vitest';
import { Fault } from '../../../src/event/faults.js';
import { encoded, internal } from '../../../src/graphql/render/render.js';
import { Resolved, type Results } from '../../../src/graphql/running/resolved.js';
import type { Running } from '../../../src/graphql/running/running.js';
import { nobody, type Viewer } from '../../../src/graphql/viewer.js';
import type { Frame } from '../../../src/hub/frame.js';
import type { Outlet } from '../../../src/hub/outlet.js';
import type { AuditEntry } from '../../../src/observe/audit.js';
import { silent } from '../../../src/observe/logger.js';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import type { Connection } from '../../../src/serve/connection/connection.js';
import { Connections } from '../../../src/serve/connection/connections.js';
import { openFor } from '../../../src/serve/connection/opening.js';
import { renew } from '../../../src/serve/connection/renew.js';
import { renewalDesk } from '../../../src/serve/connection/renewal-desk.js';
import type { LastWord, Wire } from '../../../src/serve/connection/wire.js';
import { admissionOf } from '../../../src/serve/limits/admission.js';
import { FairTurns } from '../../../src/serve/limits/fair-turns.js';
import { defaultLimits } from '../../../src/serve/limits/limits.js';
import { memoryBudget } from '../../../src/serve/limits/mutation-budget.js';
import { memoryReplicas } from '../../../src/serve/replicas/replicas.js';
import { eventually } from '../../support/eventually.js';
import { Stall } from '../../support/stall.js';

/** The least that a transport has to say: everything else of its connections' lives must come by itself. */
class MemoryWire implements Wire, Outlet {
  readonly said: unknown[] = [];
  beats = 0;
  isOneWay = true;
  /** What its client leaves unread: bytes that wait. */
  unread = 0;
  isPeerStuck = false;
  readonly stall = new Stall();
  #isSilent = false;

  constructor(readonly connection: Connection) {}

  write(frames: readonly Frame[]): void {
    if (!this.#isSilent) this.said.push(...frames.map(({ rendered }) => JSON.parse(rendered.value ?? 'null')));
  }
  end(): void {
    this.said.push('complete');
  }
  fail({ code }: Fault): void {
    this.said.push(code);
  }
  isPaused = () => false;
  drained = () => this.stall.drained();
  waiting = () => this.unread;
  isStuck = () => this.isPeerStuck;
  beat(): void {
    this.beats++;
  }
  silence(): void {
    this.#isSilent = true;
  }
  dismiss(last: LastWord): void {
    this.said.push(last.kind === 'expelled' ? last.fault.message : last.kind);
    this.connection.closed();
  }
  terminate(): void {
    this.said.push('cut off');
    this.connection.closed();
  }
}

const ada = (role: string, expiresAt: number | null = null): Viewer => ({
  signedIn: true,
  claims: { iss: 'here', sub: 'ada', role },
  expiresAt,
});

/** Numbers for those of a role, until somebody is a guest. */
function numbers(pubsub: PubSub, viewer: Viewer): Running {
  const subscribe = async ({ claims }: Viewer): Promise<Results> => {
    if (claims.role === 'guest') throw new Fault('FORBIDDEN', { why: 'not for guests' });
    return pubsub.asyncIterableIterator<ExecutionResult>(String(claims.role)) as unknown as Results;
  };
  return new Resolved('numbers', viewer, pubsub.asyncIterableIterator(String(viewer.claims.role)) as never, {
    subscribe,
    encode: (result) => encoded(result, silent),
    masked: (error) => internal(error, silent),
  });
}

/** A replica's connections, and nothing else of it. */
function house(heartbeat = 20) {
  const revoked = new Set<unknown>();
  const counts = { connected: 0, limited: [] as string[] };
  const entries: AuditEntry[] = [];
  const audit = (entry: AuditEntry) => void entries.push(entry);
  const identity = {
    isRevoked: ({ claims }: Viewer) => revoked.has(claims.sub),
    authenticate: async ({ authorization }: { authorization: string | null }) =>
      ada(String(authorization).replace('Bearer ', '')),
  };
  const connections = new Connections({
    identity,
    heartbeat,
    processBuffer: 1_000,
    observers: {
      metrics: {
        ...noGatewayMetrics,
        connected: (_, change) => {
          counts.connected += change;
        },
        limited: (limit) => void counts.limited.push(limit),
      },
      logger: silent,
      audit,
    },
  });
  const limits = { ...defaultLimits, connectionsPerUser: 2 };
  const shared = { mutations: memoryBudget(100), turns: new FairTurns(), metrics: noGatewayMetrics };
  const admission = admissionOf({ limits, trustedHops: 0, ...shared });
  const pubsub = new PubSub();
  const desk = renewalDesk(connections.named, memoryReplicas(), identity, audit);
  let n = 0;
  return {
    connections,
    revoked,
    counts,
    entries,
    desk,
    audit,
    pubsub,
    places: () => {
      // Whoever finds no room is told so; whoever finds some leaves again.
      const places = [1, 2].map(() => admission.enter({ headers: {}, socket: {} } as IncomingMessage));
      try {
        for (const place of places) place.claim(ada('user'));
        return 'free';
      } catch (error) {
        return (error as Fault).details.limit;
      } finally {
        for (const place of places) place.leave();
      }
    },
    come(viewer: Viewer = ada('user'), change: (wire: MemoryWire) => void = () => {}) {
      const place = admission.enter({ headers: {}, socket: {} } as IncomingMessage);
      place.claim(viewer);
      const peer = { transport: 'sse', address: '10.0.0.1', stream: `stream-${++n}` } as const;
      return connections.attach(place, peer, viewer, (connection) => {
        const wire = new MemoryWire(connection);
        change(wire);
        return wire;
      });
    },
    run(wire: MemoryWire) {
      const operation = numbers(pubsub, wire.connection.viewer);
      wire.connection.begin('1', operation);
      operation.start(wire);
    },
    publish: (role: string, value: number) => pubsub.publish(role, { data: { n: value } }),
    [Symbol.dispose]: () => connections.close(),
  };
}

/** One that nobody is left of: not counted, not beaten, not held, and its place is another's. */
async function gone(h: ReturnType<typeof house>, wire: MemoryWire) {
  expect([h.counts.connected, h.connections.named.size, h.places()]).toEqual([0, 0, 'free']);
  expect(wire.connection.operations.size).toBe(0);
  const { beats } = wire;
  const other = h.come();
  await eventually('others are beaten', () => other.beats > 2);
  expect(wire.beats).toBe(beats);
  other.connection.closed();
}

test('a transport that only has words is shown events, beaten, and nothing is left of it when it has closed', async () => {
  using h = house();
  const wire = h.come();
  expect([h.counts.connected, h.places()]).toEqual([1, 'connectionsPerUser']);
  h.run(wire);
  await h.publish('user', 1);
  await eventually('it is shown', () => wire.said.length === 1);
  await eventually('it is beaten', () => wire.beats > 2);
  wire.connection.closed();
  wire.connection.closed();
  await h.publish('user', 2);
  await gone(h, wire);
  expect(wire.said).toEqual([1]);
});

test('a token that has expired is its last word, and renewed in time it is not', async () => {
  using h = house();
  const soon = Date.now() + 300;
  const [left, stays] = [h.come(ada('user', soon)), h.come(ada('user', soon))];
  expect(await h.desk.renew(stays.connection.peer.stream, 'user', async () => {})).toEqual({ ok: true });
  await eventually('one is over', () => h.counts.connected === 1);
  expect(left.said).toEqual([expect.stringContaining('expired')]);
  expect(stays.said).toEqual([]);
  stays.connection.closed();
  await gone(h, left);
});

test('a token that is renewed while its connection closes wakes nobody at its end', async () => {
  using h = house();
  const [closes, stays] = [h.come(), h.come()];
  const renewals = [closes, stays].map(({ connection }) =>
    renew(
      connection,
      async () => {
        closes.connection.closed();
        return ada('user', Date.now() + 50);
      },
      h.audit,
    ),
  );
  await Promise.all(renewals);
  await eventually('the one that stays is over', () => stays.said.length > 0);
  expect(closes.said).toEqual([]);
  await gone(h, stays);
});

test('a revocation between admission and attach finds it, and what it asked for never begins', async () => {
  using h = house();
  h.revoked.add('ada');
  const wire = h.come();
  h.run(wire);
  await h.publish('user', 1);
  h.revoked.clear();
  expect(wire.said).toEqual([expect.stringContaining('revoked')]);
  await gone(h, wire);
});

test('who is revoked is shown nothing from that moment on, told why, and written down', async () => {
  using h = house();
  const wire = h.come();
  h.run(wire);
  h.revoked.add('ada');
  h.connections.expelRevoked();
  await h.publish('user', 1);
  await eventually('it is over', () => h.counts.connected === 0);
  h.revoked.clear();
  expect(wire.said).toEqual([expect.stringContaining('revoked')]);
  expect(h.entries).toMatchObject([{ event: 'expelled', claims: { sub: 'ada' } }]);
  await gone(h, wire);
});

test('a token renewed by the name of its stream moves what runs to its new claims, or ends what those may not have', async () => {
  using h = house();
  const wire = h.come();
  h.run(wire);
  const renew = (role: string) => h.desk.renew(wire.connection.peer.stream, role, async () => {});
  expect(await renew('admin')).toEqual({ ok: true });
  expect(wire.connection.viewer.claims.role).toBe('admin');
  await h.publish('user', 1);
  await h.publish('admin', 2);
  await eventually('it is shown', () => wire.said.length > 0);
  expect(await renew('guest')).toEqual({ ok: true });
  await h.publish('admin', 3);
  expect(wire.said).toEqual([2, 'FORBIDDEN']);
  wire.connection.closed();
  await gone(h, wire);
});

test('what is opened while its token is renewed is opened again by the new one', async () => {
  using h = house();
  const wire = h.come();
  const { connection } = wire;
  const roles: unknown[] = [];
  let open = () => {};
  const opening = openFor(connection, '1', 0, async (viewer) => {
    roles.push(viewer.claims.role);
    if (roles.length === 1) await new Promise<void>((resolve) => (open = resolve));
    return numbers(h.pubsub, viewer);
  });
  expect(await h.desk.renew(connection.peer.stream, 'admin', async () => {})).toEqual({ ok: true });
  open();
  expect((await opening).kind).toBe('running');
  expect([roles, [...connection.operations.keys()]]).toEqual([['user', 'admin'], ['1']]);
  connection.closed();
  await gone(h, wire);
});

test('a replica that retires asks each to come back', async () => {
  using h = house();
  const wires = [h.come(), h.come()];
  for (const wire of wires) h.run(wire);
  await h.connections.retire(10, { shut() {}, owes: () => false });
  expect(wires.map(({ said }) => said)).toEqual([['retired'], ['retired']]);
  await gone(h, wires[0] as MemoryWire);
});

test('of those that hold too much together the worst is turned away', async () => {
  using h = house();
  const wires = [h.come(), h.come()];
  for (const [at, wire] of wires.entries()) {
    wire.unread = 600 + at;
    wire.connection.holds();
  }
  await eventually('one is away', () => h.counts.connected === 1);
  expect(wires.map(({ said }) => said)).toEqual([[], ['turned away']]);
  expect(h.counts.limited).toEqual(['processBuffer']);
  wires[0]?.connection.closed();
  await gone(h, wires[0] as MemoryWire);
});

test('who can speak and is silent is cut off, and neither one who is read too slowly to have heard, nor one without a way back', async () => {
  using h = house();
  const twoWay = (wire: MemoryWire) => {
    wire.isOneWay = false;
  };
  const silentOne = h.come(nobody, twoWay);
  const full = h.come(nobody, (wire) => {
    twoWay(wire);
    wire.stall.begin();
  });
  const oneWay = h.come(nobody);
  const alive = h.come(nobody, twoWay);
  alive.beat = () => {
    alive.beats++;
    alive.connection.heard();
  };
  await eventually('they are beaten', () => oneWay.beats > 3 && alive.beats > 3);
  expect([silentOne, full, oneWay, alive].map(({ said }) => said)).toEqual([['cut off'], [], [], []]);
  expect([silentOne.beats, full.beats]).toEqual([1, 0]);
  full.isPeerStuck = true;
  await eventually('who takes nothing for long is cut off, too', () => full.said.length > 0);
  expect([h.connections.named.size, h.counts.connected]).toEqual([1, 2]);
  for (const { connection } of [oneWay, alive]) connection.closed();
  await gone(h, silentOne);
});

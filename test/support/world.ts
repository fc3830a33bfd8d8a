import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../bin/process.js';
import { balancer } from './balancer.js';
import { type Resuming, resumingEventSource, resumingWebSocket } from './resuming.js';
import { type Result, secret, tokenFor } from './river.js';
import { eventually, freshPrefix, freshTopic, kafkaClient } from './services.js';

/** Names as users have them: none may break a key, a pattern or a channel. */
export const users = Array.from({ length: 200 }, (_, n) => `user ${n}: "${n}"`);
const rooms = Array.from({ length: 20 }, (_, n) => `room|${n}`);
const partitions = 4;

export interface Note {
  readonly id: number;
  readonly userId: string;
  readonly room: string;
  /** Counts per user, whose notes all lie in one partition. */
  readonly sequence: number;
}

/** Half of the users ask for their own notes, half for those of three rooms: one channel, and several. */
export const viewers = users.map((sub, n) => {
  const own = [0, 7, 13].map((step) => rooms[(n + step) % rooms.length] as string);
  return n % 2 === 0
    ? { sub, rooms: own, field: 'mine', sees: (note: Note) => note.userId === sub }
    : { sub, rooms: own, field: 'shared', sees: (note: Note) => own.includes(note.room) };
});

const schemaOf = (topic: string) => `
  type Subscription {
    mine: Note! @kafka(topic: "${topic}") @where(rule: "event.userId == claims.sub")
    shared: Note! @kafka(topic: "${topic}") @where(rule: "event.room in claims.rooms")
  }
  type Note { id: Int! userId: ID! room: String! sequence: Int! }`;

export type Process = ReturnType<typeof run>;

/**
 * The real thing: two relays and two gateways as processes on a real Kafka and Redis, and a client per viewer, half of
 * them over WebSocket, half over EventSource, all through a balancer.
 */
export async function world({ redisUrl, brokers }: { readonly redisUrl: string; readonly brokers: string[] }) {
  const closing: (() => PromiseLike<unknown> | unknown)[] = [];
  const use = <T extends AsyncDisposable>(resource: T): T => {
    closing.push(() => resource[Symbol.asyncDispose]());
    return resource;
  };
  const topic = use(await freshTopic('world', partitions, {}, brokers));
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-world-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'schema.graphql');
  writeFileSync(file, schemaOf(topic.name));
  const common = {
    TAILRACE_SCHEMA: file,
    TAILRACE_REDIS_URL: redisUrl,
    TAILRACE_REDIS_PREFIX: freshPrefix(),
    TAILRACE_HISTORY_MAX: '5000',
    TAILRACE_ADMIN_PORT: '0',
  };
  const settings = {
    relay: { ...common, TAILRACE_KAFKA_BROKERS: brokers.join(','), TAILRACE_KAFKA_GROUP_ID: freshPrefix() },
    gateway: {
      ...common,
      TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
      TAILRACE_AUTH_JWT_SECRET: secret,
      TAILRACE_RETIRE_PERIOD: '1s',
      TAILRACE_HEARTBEAT: '1s',
    },
  };
  const ready = async (started: Process) => {
    const [, admin] = await started.until(/"adminPort":(\d+)/);
    const answers = async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok;
    await eventually('a process is ready', answers, { within: 60_000 });
    return started;
  };
  const startRelay = () => ready(run(['relay'], settings.relay));
  const startGateway = async (port: string) => {
    const started = await ready(run(['gateway'], { ...settings.gateway, TAILRACE_PORT: port }));
    const [, taken] = await started.until(/"port":(\d+)/);
    return { ...started, port: Number(taken) };
  };

  const relays = await Promise.all([startRelay(), startRelay()]);
  const gateways = await Promise.all([startGateway('0'), startGateway('0')]);
  closing.push(async () => {
    for (const one of [...relays, ...gateways]) await one[Symbol.asyncDispose]();
  });
  const front = use(await balancer(gateways.map(({ port }) => port)));

  // Idempotent, or a broker that dies between write and answer would get a batch twice from the test itself.
  const producer = kafkaClient(brokers).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    retry: { retries: 100, maxRetryTime: 1_000 },
  });
  await producer.connect();
  closing.push(() => producer.disconnect());

  const clients: Resuming[] = await Promise.all(
    viewers.map(async ({ sub, rooms: list, field }, n) => {
      const token = await tokenFor({ sub, rooms: list });
      const query = `subscription { ${field} { id userId room sequence } }`;
      return n % 4 < 2
        ? resumingWebSocket(`ws://127.0.0.1:${front.port}/graphql`, token, query)
        : resumingEventSource(`http://127.0.0.1:${front.port}/graphql/stream`, token, query);
    }),
  );
  closing.push(() => {
    for (const client of clients) client.close();
  });

  return {
    clients,
    relays,
    gateways,
    front,
    startRelay,
    startGateway,
    ...ledgerOf((messages) => producer.send({ topic: topic.name, messages })),
    async [Symbol.asyncDispose]() {
      for (const close of closing.reverse()) await close();
    },
  };
}

export type World = Awaited<ReturnType<typeof world>>;

/** What was produced, in order. */
function ledgerOf(send: (messages: { key: string; value: string }[]) => Promise<unknown>) {
  const notes: Note[] = [];
  const sequences = new Map<string, number>();
  return {
    notes,
    /** Writes one note of each of the next `count` users; resolves when Kafka has them. */
    async produce(count: number) {
      const made = Array.from({ length: count }, (_, i): Note => {
        const userId = users[i % users.length] as string;
        const sequence = (sequences.get(userId) ?? 0) + 1;
        sequences.set(userId, sequence);
        return { id: notes.length + i, userId, room: rooms[(i * 31 + sequence) % rooms.length] as string, sequence };
      });
      notes.push(...made);
      await send(made.map((note) => ({ key: note.userId, value: JSON.stringify(note) })));
    },
  };
}

/** Until everybody has something nobody knows that every subscription has started. What comes before is not promised. */
export async function warmUp({ clients, notes, produce }: World): Promise<number> {
  const seen = () => clients.every(({ results }) => results.length > 0);
  for (let round = 0; !seen(); round++) {
    if (round === 60) throw new Error(`after ${notes.length} notes not everybody has one`);
    await produce(users.length * 2);
    await eventually('everybody has a note', seen, { within: 1_000 }).catch(() => undefined);
  }
  return notes.length;
}

const noteOf = (result: Result): Note => result.data?.mine ?? result.data?.shared ?? { failed: result };

/** Everyone gets exactly what the rule says of the notes from `begin` on, once, and per key in order. */
export async function compare({ clients, notes }: World, begin: number, within = 60_000) {
  const wrong: string[] = [];
  const deadline = Date.now() + within;
  for (const [n, viewer] of viewers.entries()) {
    const expected = notes.slice(begin).filter(viewer.sees);
    const got = () => (clients[n] as Resuming).results.map(noteOf).filter(({ id }) => !(id < begin));
    const all = () => got().length >= expected.length;
    const left = Math.max(0, deadline - Date.now());
    await eventually(`${viewer.sub} has all of theirs`, all, { within: left }).catch(() => undefined);
    const verdict = judge(expected, got());
    if (verdict) wrong.push(`${viewer.sub} (${viewer.field}, ${n % 4 < 2 ? 'WebSocket' : 'SSE'}): ${verdict}`);
  }
  expect(wrong).toEqual([]);
}

function judge(expected: readonly Note[], got: readonly Note[]): string | null {
  const ids = new Set(got.map(({ id }) => id));
  const wanted = new Set(expected.map(({ id }) => id));
  const lost = expected.filter(({ id }) => !ids.has(id));
  const foreign = got.filter(({ id }) => !wanted.has(id));
  const last = new Map<string, number>();
  let disordered = 0;
  for (const { userId, sequence } of got) {
    if (sequence <= (last.get(userId) ?? 0)) disordered++;
    last.set(userId, sequence);
  }
  const twice = got.length - ids.size;
  if (lost.length + foreign.length + twice + disordered === 0) return null;
  const range = lost.length > 0 ? ` (${lost[0]?.id} to ${lost.at(-1)?.id} of ${expected.at(-1)?.id})` : '';
  return `${lost.length} lost${range}, ${foreign.length} foreign ${JSON.stringify(foreign[0] ?? '')}, ${twice} twice, ${disordered} out of order`;
}

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Producer } from 'kafkajs';
import { expect, test } from 'vitest';
import { run } from '../bin/process.js';
import { balancer } from '../support/balancer.js';
import { type Resuming, resumingEventSource, resumingWebSocket } from '../support/resuming.js';
import { type Result, secret, tokenFor } from '../support/river.js';
import { eventually, freshPrefix, freshTopic, kafkaBrokers, kafkaClient, redisUrl } from '../support/services.js';

const users = Array.from({ length: 200 }, (_, n) => `user ${n}: "${n}"`);
const rooms = Array.from({ length: 20 }, (_, n) => `room|${n}`);
const partitions = 4;

interface Note {
  readonly id: number;
  readonly userId: string;
  readonly room: string;
  readonly sequence: number;
}

/** Half of the users ask for their own notes, half for those of three rooms: one channel, and several. */
const viewers = users.map((sub, n) => {
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

/** The real thing: relays and gateways as processes on real Kafka and Redis, clients through a balancer. */
async function world() {
  const closing: (() => PromiseLike<void> | void)[] = [];
  const use = <T extends AsyncDisposable>(resource: T): T => {
    closing.push(() => resource[Symbol.asyncDispose]());
    return resource;
  };
  const topic = use(await freshTopic('load', partitions));
  const file = join(mkdtempSync(join(tmpdir(), 'tailrace-load-')), 'schema.graphql');
  writeFileSync(file, schemaOf(topic.name));
  const common = {
    TAILRACE_SCHEMA: file,
    TAILRACE_REDIS_URL: redisUrl(),
    TAILRACE_REDIS_PREFIX: freshPrefix(),
    TAILRACE_LOG_LEVEL: 'info',
    TAILRACE_HISTORY_MAX: '5000',
  };
  const relay = {
    ...common,
    TAILRACE_ADMIN_PORT: '0',
    TAILRACE_KAFKA_BROKERS: kafkaBrokers().join(','),
    TAILRACE_KAFKA_GROUP_ID: freshPrefix(),
  };
  const gateway = {
    ...common,
    TAILRACE_ADMIN_PORT: '0',
    TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
    TAILRACE_AUTH_JWT_SECRET: secret,
    TAILRACE_RETIRE_PERIOD: '1s',
    TAILRACE_HEARTBEAT: '1s',
  };
  const ready = async (started: ReturnType<typeof run>) => {
    const [, admin] = await started.until(/"adminPort":(\d+)/);
    await eventually('a process is ready', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok, {
      within: 60_000,
    });
    return started;
  };
  const startGateway = async (port: string) => {
    const started = await ready(run(['gateway'], { ...gateway, TAILRACE_PORT: port }));
    const [, taken] = await started.until(/"port":(\d+)/);
    return { ...started, port: Number(taken) };
  };
  for (const started of [run(['relay'], relay), run(['relay'], relay)]) use(await ready(started));
  const gateways = [await startGateway('0'), await startGateway('0')];
  closing.push(async () => {
    for (const one of gateways) await one[Symbol.asyncDispose]();
  });
  const front = use(await balancer(gateways.map(({ port }) => port)));

  const producer = kafkaClient().producer();
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
  closing.push(async () => {
    for (const client of clients) client.close();
  });
  return {
    topic: topic.name,
    producer,
    clients,
    gateways,
    startGateway,
    async [Symbol.asyncDispose]() {
      for (const close of closing.reverse()) await close();
    },
  };
}

type World = Awaited<ReturnType<typeof world>>;

/** Produces in batches; `sequence` counts per user, whose notes all lie in one partition. */
function ledger({ producer, topic }: { producer: Producer; topic: string }) {
  const notes: Note[] = [];
  const sequences = new Map<string, number>();
  return {
    notes,
    async produce(count: number, pick = (n: number) => n) {
      const made = Array.from({ length: count }, (_, i): Note => {
        const userId = users[pick(i) % users.length] as string;
        const sequence = (sequences.get(userId) ?? 0) + 1;
        sequences.set(userId, sequence);
        return { id: notes.length + i, userId, room: rooms[(i * 31 + sequence) % rooms.length] as string, sequence };
      });
      const messages = made.map((note) => ({ key: note.userId, value: JSON.stringify(note) }));
      await producer.send({ topic, messages });
      notes.push(...made);
    },
  };
}

const noteOf = (result: Result): Note => result.data?.mine ?? result.data?.shared ?? { failed: result };

/** Everyone gets exactly what the rule says of these notes, once, and per key in order. */
async function compare({ clients }: World, notes: readonly Note[]) {
  const begin = notes[0]?.id ?? 0;
  for (const [n, viewer] of viewers.entries()) {
    const expected = notes.filter(viewer.sees);
    const got = () => (clients[n] as Resuming).results.map(noteOf).filter(({ id }) => !(id < begin));
    const all = () => got().length >= expected.length;
    await eventually(`${viewer.sub} has all of theirs`, all, { within: 60_000 }).catch(() => undefined);
    const ids = new Set(got().map(({ id }) => id));
    expect(ids, `${viewer.sub}: lost or foreign`).toEqual(new Set(expected.map(({ id }) => id)));
    expect(got().length, `${viewer.sub}: twice`).toBe(expected.length);
    const last = new Map<string, number>();
    for (const { userId, sequence } of got()) {
      expect(sequence, `${viewer.sub}: order of ${userId}`).toBeGreaterThan(last.get(userId) ?? 0);
      last.set(userId, sequence);
    }
  }
}

/** Until everybody has something nobody knows that every subscription has started: what comes before is not promised. */
async function warmUp({ clients }: World, book: ReturnType<typeof ledger>) {
  const seen = () => clients.every(({ results }) => results.length > 0);
  for (let round = 0; !seen(); round++) {
    if (round === 60) throw new Error(`after ${book.notes.length} notes not everybody has one`);
    await book.produce(users.length * 2);
    await eventually('everybody has a note', seen, { within: 1_000 }).catch(() => undefined);
  }
  return book.notes.length;
}

test('200 users on two gateways get exactly their own of 20,000 events, in order', async () => {
  await using made = await world();
  const book = ledger(made);
  const begin = await warmUp(made, book);
  for (let n = 0; n < 20; n++) await book.produce(1_000);
  await compare(made, book.notes.slice(begin));
});

test('a rolling restart of both gateways under load loses nothing for clients that resume', async () => {
  await using made = await world();
  const book = ledger(made);
  const begin = await warmUp(made, book);
  let producing = true;
  const load = (async () => {
    while (producing) {
      await book.produce(100);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  for (const [n, old] of made.gateways.entries()) {
    old.child.kill('SIGTERM');
    expect(await old.ended).toMatchObject({ code: 0 });
    made.gateways[n] = await made.startGateway(String(old.port));
  }
  const again = () => made.clients.every(({ reconnects }) => reconnects() >= 1);
  await eventually('every client was moved', again, { within: 60_000 });
  producing = false;
  await load;
  await compare(made, book.notes.slice(begin));
});

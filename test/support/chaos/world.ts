import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../bin/process.js';
import { type Connect, resumingEventSource, resumingSse, resumingWebSocket } from '../clients/resuming.js';
import { opening } from '../opened.js';
import { type Result, secret, tokenFor } from '../river.js';
import { balancer } from '../servers/balancer.js';
import { type KafkaCluster, topicsOn } from '../servers/kafka-cluster.js';
import { eventually, freshPrefix } from '../servers/services.js';
import { cutBehind, safe } from '../servers/topic-lives.js';
import { ledgerOf, type Note, type Viewer } from './ledger.js';
import { notesOn } from './notes.js';

const fields = {
  mine: { rule: 'event.userId == claims.sub', sees: (note: Note, sub: string) => note.userId === sub },
  rooms: {
    rule: 'event.room in claims.rooms',
    sees: (note: Note, _: string, own: string[]) => own.includes(note.room),
  },
  // A note in one of their own rooms reaches its author over two channels.
  either: {
    rule: 'event.userId == claims.sub || event.room in claims.rooms',
    sees: (note: Note, sub: string, own: string[]) => note.userId === sub || own.includes(note.room),
  },
};
type Field = keyof typeof fields;

const kinds: Readonly<Record<string, Connect>> = {
  'graphql-ws': resumingWebSocket,
  'graphql-sse': resumingSse,
  EventSource: resumingEventSource,
};

/** Of the users, the first so many listen: each kind of client to each field. */
function viewersOf(count: number, users: readonly string[], rooms: readonly string[]) {
  return users.slice(0, count).map((sub, n) => {
    const own = [0, 7, 13].map((step) => rooms[(n + step) % rooms.length] as string);
    const field = Object.keys(fields)[Math.floor(n / 3) % 3] as Field;
    const kind = Object.keys(kinds)[n % 3] as string;
    const sees: Viewer['sees'] = (note) => fields[field].sees(note, sub, own);
    return { name: `${sub} (${field}, ${kind})`, sub, own, field, kind, sees };
  });
}

const schemaOf = (topic: string) => `
  type Subscription {
    ${Object.entries(fields)
      .map(([name, { rule }]) => `${name}: Note! @kafka(topic: "${topic}") @where(rule: "${rule}")`)
      .join('\n')}
  }
  type Note { id: Int! userId: ID! room: String! sequence: Int! }`;

const noteOf = ({ data }: Result): Note | undefined => data?.mine ?? data?.rooms ?? data?.either;

export type Process = ReturnType<typeof run>;

export interface WorldOptions {
  /** What each process is given, so that each can have a way of its own to Redis. */
  readonly redisUrl: string | ((process: 'relay' | 'gateway', n: number) => string);
  readonly brokers: string[];
  /** Where the topic is made, when not simply on these brokers. */
  readonly cluster?: KafkaCluster;
  readonly clients?: number;
}

/**
 * The real thing: two relays and two gateways as processes on a real Kafka and Redis, and clients of all kinds, each
 * through a balancer of its own, so that each can be cut off alone. A ledger knows what everybody must get.
 */
export async function world({ redisUrl, brokers, cluster, clients: count = 200 }: WorldOptions) {
  return opening(async (scope) => {
    const notes = scope.use(await notesOn(cluster ?? topicsOn(brokers), cluster && safe));
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-world-'));
    scope.defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'schema.graphql');
    writeFileSync(file, schemaOf(notes.topic));
    const common = {
      TAILRACE_SCHEMA: file,
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
    const start = async (command: 'relay' | 'gateway', n: number, more: Record<string, string> = {}) => {
      const url = typeof redisUrl === 'string' ? redisUrl : redisUrl(command, n);
      const started = run([command], { ...settings[command], ...more, TAILRACE_REDIS_URL: url });
      const [, admin] = await started.until(/"adminPort":(\d+)/);
      const ready = async () => {
        const answer = await fetch(`http://127.0.0.1:${admin}/readyz`);
        if (!answer.ok) throw new Error(await answer.text());
        return true;
      };
      await eventually(`a ${command} is ready`, ready, { within: 60_000 });
      return started;
    };
    const startRelay = (n: number) => start('relay', n);
    const startGateway = async (n: number, port = '0') => {
      const started = await start('gateway', n, { TAILRACE_PORT: port });
      const [, taken] = await started.until(/"port":(\d+)/);
      return { ...started, port: Number(taken) };
    };
    const relays = await Promise.all([startRelay(0), startRelay(1)]);
    const gateways = await Promise.all([startGateway(0), startGateway(1)]);
    scope.defer(() => Promise.all([...relays, ...gateways].map((one) => one[Symbol.asyncDispose]())));

    const viewers = viewersOf(count, notes.users, notes.rooms);
    const ledger = ledgerOf(viewers);
    const clients = await Promise.all(
      viewers.map(async ({ sub, own, field, kind }, n) => {
        const ports = gateways.map(({ port }) => port);
        const line = scope.use(await balancer(ports, n));
        const hearing = {
          result(result: Result) {
            const note = noteOf(result);
            if (note) ledger.heard(n, note);
            else ledger.failed(n, JSON.stringify(result));
          },
          gap: (reason: Parameters<typeof ledger.gap>[1]) => ledger.gap(n, reason),
          ended: (how: unknown) => ledger.failed(n, how instanceof Error ? how.message : JSON.stringify(how)),
        };
        const query = `subscription { ${field} { id userId room sequence } }`;
        const token = await tokenFor({ sub, rooms: own });
        const client = (kinds[kind] as Connect)(`http://127.0.0.1:${line.port}/graphql`, token, query, hearing);
        return { ...client, line };
      }),
    );
    // What a client hears of the end of the world is no fault of the product.
    scope.defer(() => {
      for (const client of clients) client.close();
    });
    return {
      prefix: common.TAILRACE_REDIS_PREFIX,
      relays,
      gateways,
      clients,
      ledger,
      startRelay,
      startGateway,
      produce: (size: number) => notes.produce(size, ledger),
      recreateTopic: () => notes.recreate(ledger),
      recreateByTransactions: () => notes.recreateByTransactions(ledger),
      /** `lead` is the broker that is left alone. */
      cutTopic: (lead: number) =>
        notes.cutOff(ledger, (partitions) => cutBehind(cluster as KafkaCluster, notes.topic, lead, partitions)),
      /** `calm` resolves when nothing is under way. */
      growTopic: (calm: () => Promise<unknown>) => notes.grow(ledger, calm),
    };
  });
}

export type World = Awaited<ReturnType<typeof world>>;

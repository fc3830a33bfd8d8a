import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { Channel } from '../../src/event/channel.js';
import { originOf } from '../../src/event/origin.js';
import { defaultCluster } from '../../src/event/source-event.js';
import { connectRedis } from '../../src/log/redis-connection.js';
import { createRedisLogWriter } from '../../src/log/redis-writer.js';
import { silent } from '../../src/observe/logger.js';
import { compileSchema } from '../../src/schema/compile.js';
import { metaAt } from '../../test/support/meta.js';
import { startRedis } from '../../test/support/servers/services.js';
import type { Calls } from './crowd.js';

export const secret = 'a secret for benchmarks only and long enough';
const sdl = `
  type Subscription {
    note: Note! @kafka(topic: "notes") @where(rule: "event.user == claims.sub")
    word(room: ID!): Word! @kafka(topic: "words") @where(rule: "event.room == args.room") @authenticated
  }
  type Note { n: Int! at: Float! text: String! user: ID! }
  type Word { n: Int! at: Float! text: String! room: ID! }`;
export const ofUser = 'subscription { note { n at text } }';
export const ofRoom = 'subscription ($room: ID!) { note: word(room: $room) { n at text } }';
const text = 'x'.repeat(100);
const retention = { retain: 600_000, max: 1_000 };
const perAppend = 500;
/** Whose next event it is: of one user, or of a room. */
export type Address = { readonly user: string } | { readonly room: string };

const ours = fileURLToPath(new URL('../../dist', import.meta.url));

/**
 * Redis, a gateway of the build in `dist` and a crowd, each a process of its own; events are appended by this one, as a relay
 * appends them.
 */
export async function stand(environment: Record<string, string>, dist = ours) {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  const schema = join(folder, 'schema.graphql');
  writeFileSync(schema, sdl);
  const redis = await startRedis();
  const feed = await openFeed(redis.url);
  const gateway = await startGateway(dist, {
    TAILRACE_SCHEMA: schema,
    TAILRACE_REDIS_URL: redis.url,
    TAILRACE_AUTH_JWT_SECRET: secret,
    TAILRACE_CURSOR_SECRET: secret,
    ...environment,
  });
  const crowd = startCrowd();
  const asking = new Redis(redis.url);
  return {
    feed,
    crowd: crowd.calls,
    port: gateway.port,
    gatewayPid: gateway.process.pid as number,
    redisPid: redis.pid,
    /** All of this benchmark's processes: what else the machine does is somebody else's. */
    pids: [process.pid, gateway.process.pid as number, crowd.process.pid as number, redis.pid],
    /** Calls of each command since Redis started, those inside scripts too. */
    async commands() {
      const lines = (await asking.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g);
      return new Map([...lines].map(([, name = '', calls]) => [name, Number(calls)]));
    },
    async [Symbol.asyncDispose]() {
      crowd.process.kill();
      const ended = new Promise((resolve) => gateway.process.once('exit', resolve));
      gateway.process.kill('SIGTERM');
      await ended;
      await feed.close();
      asking.disconnect();
      await redis[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

export type Stand = Awaited<ReturnType<typeof stand>>;

/** Numbers the events of each user and room, from 1, without a hole. */
async function openFeed(url: string) {
  const { schema, problems } = compileSchema(sdl, { retention });
  if (!schema) throw new Error(problems.map(({ message }) => message).join('\n'));
  const routeOf = (topic: string) => schema.topics.in(defaultCluster).get(topic)?.extractors[0]?.routes[0];
  const [notes, words] = [routeOf('notes'), routeOf('words')];
  const redis = connectRedis(url, 'feed', silent);
  await once(redis, 'ready');
  const writer = createRedisLogWriter(redis, { prefix: 'tailrace' });
  const sources = {
    notes: { cluster: 'c', topic: 'notes', partition: 0 },
    words: { cluster: 'c', topic: 'words', partition: 0 },
  };
  const { epoch } = await writer.partition(sources.notes);
  const counts = new Map<string, number>();
  const next = { notes: 0, words: 0 };

  async function append(topic: 'notes' | 'words', addresses: readonly Address[]) {
    const at = Number(process.hrtime.bigint()) / 1e6;
    const base = next[topic];
    const origin = originOf(sources[topic], null);
    const entries = addresses.map((address, i) => {
      const name = nameOf(address);
      const n = (counts.get(name) ?? 0) + 1;
      counts.set(name, n);
      const event = { ...address, n, at, text };
      const channel = (topic === 'notes' ? notes : words)?.channel(event) as Channel;
      const record = metaAt(topic, base + i, { timestamp: Date.now(), key: name });
      const channels = [{ channel, retention }];
      return { origin, record, index: 0, payload: JSON.stringify(event), channels, refilled: false };
    });
    next[topic] += entries.length;
    const answer = await writer.append({
      source: sources[topic],
      epoch,
      base,
      next: next[topic],
      first: base === 0,
      last: null,
      entries,
      gap: null,
      routes: [],
      fingerprint: 'bench',
    });
    if (answer.kind !== 'appended') throw new Error(`the log answered ${answer.kind}`);
  }

  return {
    /** The number of the newest event. */
    newest: (address: Address) => counts.get(nameOf(address)) ?? 0,
    /** One event for each. */
    async append(addresses: readonly Address[]) {
      for (const topic of ['notes', 'words'] as const) {
        const mine = addresses.filter((address) => 'user' in address === (topic === 'notes'));
        for (let i = 0; i < mine.length; i += perAppend) await append(topic, mine.slice(i, i + perAppend));
      }
    },
    close: () => writer.close(),
  };
}

export const nameOf = (address: Address) => ('user' in address ? `user ${address.user}` : `room ${address.room}`);

async function startGateway(dist: string, environment: Record<string, string>) {
  const command = join(dist, 'bin/tailrace.js');
  const child = spawn(process.execPath, [...(process.env.BENCH_NODE_FLAGS?.split(' ') ?? []), command, 'gateway'], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: {
      PATH: process.env.PATH,
      TAILRACE_HOST: '127.0.0.1',
      TAILRACE_PORT: '0',
      TAILRACE_ADMIN_PORT: '0',
      TAILRACE_RETIRE_PERIOD: '0s',
      // All of a benchmark's clients come from here, and many at once.
      TAILRACE_CONNECTIONS_PER_ADDRESS: '100000',
      TAILRACE_CONNECTIONS_PER_USER: '100000',
      TAILRACE_SUBSCRIPTIONS_PER_USER: '100000',
      TAILRACE_CONNECT_RATE: '100000',
      ...environment,
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    let heard = '';
    child.stderr?.on('data', (data) => {
      heard += data;
      const listening = /"port":(\d+).*The gateway is listening/.exec(heard);
      if (listening) resolve(Number(listening[1]));
    });
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${heard}`)));
  });
  return { process: child, port };
}

function startCrowd(): { process: ChildProcess; calls: Calls } {
  const child = fork(fileURLToPath(new URL('crowd.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let calls = 0;
  child.on('message', ({ id, result, error }: { id: number; result: unknown; error?: string }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error) call?.reject(new Error(error));
    else call?.resolve(result);
  });
  const proxy = new Proxy({} as Calls, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        new Promise((resolve, reject) => {
          waiting.set(++calls, { resolve, reject });
          child.send({ id: calls, name, args });
        }),
  });
  return { process: child, calls: proxy };
}

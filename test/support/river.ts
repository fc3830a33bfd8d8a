import { createClient as createSseClient } from 'graphql-sse';
import { PubSub } from 'graphql-subscriptions';
import { createClient, type SubscribePayload } from 'graphql-ws';
import { WebSocket } from 'ws';
import { signToken } from '../../src/bin/token.js';
import { originOf } from '../../src/event/origin.js';
import { defaultCluster, type KafkaRecord } from '../../src/event/source-event.js';
import type { Resolvers } from '../../src/graphql/executable.js';
import type { ChannelLogReader, ChannelLogWriter } from '../../src/log/channel-log.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { silent } from '../../src/observe/logger.js';
import { noGatewayMetrics } from '../../src/observe/metrics.js';
import { routeIds, routingOf } from '../../src/relay/route.js';
import { compileSchema } from '../../src/schema/compile.js';
import type { StreamSchema } from '../../src/schema/stream-schema.js';
import { createGateway, type GatewayParts } from '../../src/serve/gateway.js';
import { tokenAuthenticator } from '../../src/serve/identity/authenticate.js';
import type { Revocation } from '../../src/serve/identity/revocation.js';
import { memoryRevocations } from '../../src/serve/identity/revocation-store.js';
import { memoryReplicas } from '../../src/serve/replicas/replicas.js';
import { entriesOf } from './relay/entries.js';

export const secret = 'a secret for tests only: long enough';

export interface River extends AsyncDisposable {
  readonly url: string;
  readonly wsUrl: string;
  readonly streams: StreamSchema;
  readonly log: ChannelLogReader & ChannelLogWriter;
  /** Puts a record through decode, route and append; resolves when the log has it. */
  publish(topic: string, value: unknown, record?: Partial<KafkaRecord>): Promise<void>;
  /** Another replica over the same log. */
  replica(): Promise<{ url: string; wsUrl: string; retire(): Promise<void> }>;
  retire(): Promise<void>;
  /** Revokes tokens of these claims on all replicas. */
  revoke(claims: Revocation['claims']): Promise<Revocation>;
  /** How many subscriptions to streams are there now, on all replicas. */
  subscribed(): number;
}

/** The whole river in one process: the relay's pure steps, the log in memory, a gateway on a free port. */
export async function river(
  sdl: string,
  { resolvers = {}, ...parts }: Partial<GatewayParts> & { resolvers?: Resolvers } = {},
): Promise<River> {
  const { schema, problems } = compileSchema(sdl, { file: 'test.graphql', retention: { retain: 600_000, max: 1000 } });
  if (!schema) throw new Error(problems.map(({ line, message }) => `${line} ${message}`).join('\n'));
  const log = createMemoryLog();
  const pubsub = new PubSub();
  const told = memoryReplicas();
  const revocations = memoryRevocations();
  const offsets = new Map<string, number>();
  let subscriptions = 0;
  const subscribed = (_: string, change: number) => {
    subscriptions += change;
  };
  const metrics = { ...noGatewayMetrics, subscribed };

  async function start() {
    const gateway = createGateway({
      streams: schema as StreamSchema,
      resolvers,
      log: { ...log, close: async () => {} },
      authenticate: tokenAuthenticator({ secrets: [secret], jwksUrl: null, issuer: null, audience: null }),
      cursorSecrets: ['cursor secret'],
      pubsub,
      replicas: told,
      revocations,
      introspection: true,
      retirePeriod: 0,
      version: '1.2.3',
      metrics,
      logger: silent,
      ...parts,
    });
    const port = await gateway.listen(0, '127.0.0.1');
    const at = `127.0.0.1:${port}${parts.basePath ?? ''}/graphql`;
    return { url: `http://${at}`, wsUrl: `ws://${at}`, retire: gateway.retire, revoke: gateway.revoke };
  }

  async function publish(topic: string, value: unknown, given: Partial<KafkaRecord> = {}) {
    const partition = given.partition ?? 0;
    const name = `${topic} ${partition}`;
    const next = offsets.get(name) ?? 0;
    const record: KafkaRecord = {
      topic,
      partition,
      offset: next,
      timestamp: Date.now(),
      key: null,
      headers: {},
      value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
      ...given,
    };
    const plan = schema?.topics.in(defaultCluster).get(topic);
    if (!plan) throw new Error(`cannot publish to ${topic}`);
    const source = { cluster: 'test', topic, partition };
    const { epoch, watermark } = await log.partition(source);
    const answer = await log.append({
      source,
      epoch,
      base: watermark ?? 0,
      next: record.offset + 1,
      first: watermark === null,
      last: { offset: record.offset, timestamp: record.timestamp },
      entries: entriesOf(record, routingOf(plan, originOf(source, null))),
      gap: null,
      routes: routeIds(plan),
      fingerprint: schema?.fingerprint ?? '',
    });
    if (answer.kind !== 'appended') throw new Error(`the log answers ${answer.kind}`);
    offsets.set(name, record.offset + 1);
  }

  const first = await start();
  const replicas = [first];
  return {
    ...first,
    streams: schema,
    log,
    publish,
    subscribed: () => subscriptions,
    async replica() {
      const another = await start();
      replicas.push(another);
      return another;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(replicas.map(({ retire }) => retire()));
    },
  };
}

export const tokenFor = (claims: Record<string, unknown>, expires = 3_600_000): Promise<string> =>
  signToken({ secret, issuer: null, audience: null }, claims, expires);

// biome-ignore lint/suspicious/noExplicitAny: what a test reads from a result is its own business
export type Result = any;

export interface Listening extends AsyncDisposable {
  readonly results: Result[];
  /** Errors of the operation's `error` message, or what ended the connection. */
  readonly ended: Promise<unknown>;
  /** Resolves when the subscription counts as started: its first cursor came, or its first result. */
  close(): void;
}

/** Subscribes over WebSocket with graphql-ws's own client. */
export function listen(
  wsUrl: string,
  query: string,
  options: { token?: string; onPing?: (payload: unknown) => void } & Partial<SubscribePayload> = {},
): Listening {
  const { token, onPing, ...payload } = options;
  const client = createClient({
    on: { ping: (_, ping) => onPing?.(ping) },
    url: wsUrl,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: token ? { Authorization: `Bearer ${token}` } : {},
  });
  const results: Result[] = [];
  const ended = new Promise<unknown>((resolve) => {
    client.subscribe(
      { query, ...payload },
      { next: (r) => results.push(r), error: resolve, complete: () => resolve(null) },
    );
  });
  const close = () => void Promise.resolve(client.dispose()).catch(() => undefined);
  return { results, ended, close, [Symbol.asyncDispose]: async () => close() };
}

/** Subscribes over SSE with graphql-sse's own client. */
export function listenSse(
  url: string,
  query: string,
  options: { token?: string } & Partial<SubscribePayload> = {},
): Listening {
  const { token, ...payload } = options;
  const client = createSseClient({ url, retryAttempts: 0, headers: token ? { Authorization: `Bearer ${token}` } : {} });
  const results: Result[] = [];
  const ended = new Promise<unknown>((resolve) => {
    client.subscribe({ query, ...payload } as never, {
      next: (r) => results.push(r),
      error: resolve,
      complete: () => resolve(null),
    });
  });
  const close = () => client.dispose();
  return { results, ended, close, [Symbol.asyncDispose]: async () => close() };
}

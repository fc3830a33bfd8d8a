import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PubSub } from 'graphql-subscriptions';
import type { Config, Environment } from '../config.js';
import { createMemoryLog } from '../log/memory-log.js';
import type { Logger } from '../observe/logger.js';
import { pinoLogger } from '../observe/pino.js';
import { processRegistry, prometheusGateway, prometheusRelay } from '../observe/prometheus.js';
import { createLocalFeed } from '../relay/feed.js';
import { createRelay, type RelayCore } from '../relay/relay.js';
import { tokenAuthenticator } from '../serve/authenticate.js';
import type { Gateway } from '../serve/gateway.js';
import { type Admin, startAdmin } from './admin.js';
import { adminGraphQL } from './admin-graphql.js';
import { configOf, type Run, type Terminal } from './command.js';
import { graphiqlOf } from './graphiql.js';
import { issuersOf } from './issuers.js';
import { loadResolvers, loadSchema } from './load.js';
import { Refusal } from './refusal.js';
import type { SampleRecord } from './sample/record.js';
import { startSample } from './sample/source.js';
import { auditOf, configuredGateway, listen } from './serving.js';
import { tlsOf } from './tls.js';
import { signToken } from './token.js';
import { type Stop, untilStopped } from './until-stopped.js';
import { feeding, welcome } from './welcome.js';

/** Milliseconds: a day of trying things out. */
const tokenLife = 24 * 3_600_000;

/** Whom `dev` makes tokens for: one sees masked card numbers, the other whole ones. */
const viewers = [
  { name: 'ada', claims: { sub: 'ada' } },
  { name: 'grace (auditor)', claims: { sub: 'grace', roles: ['auditor'] } },
];

/** `tailrace dev`: relay, log and gateway in this process, fed by samples. Nothing outlives it. */
export const dev: Run = async (args, env, terminal) => {
  parseArgs({ args: [...args], options: {} });
  const config = configOf(env, 'dev');
  const file = schemaFile(config.schema, env);
  const { schema: streams } = loadSchema(file, config);
  const resolvers = await loadResolvers(config.resolvers, file);
  const logger = pinoLogger({ level: config.logLevel, command: 'dev' });
  const registry = processRegistry();
  const relayMetrics = prometheusRelay(registry);
  const metrics = prometheusGateway(registry);

  const own = issuersOf(config).length === 0 ? [randomBytes(32).toString('base64url')] : [];
  const secrets = [...config.authJwtSecret, ...own];
  const names = { issuer: config.authIssuer, audience: config.authAudience };
  const known = await Promise.all(
    secrets.slice(0, 1).flatMap((secret) =>
      viewers.map(async ({ name, claims }) => ({
        name,
        token: await signToken({ secret, ...names }, claims, tokenLife),
      })),
    ),
  );

  return untilStopped(async (started) => {
    const log = createMemoryLog();
    const replica = configuredGateway(config, {
      streams,
      resolvers,
      log,
      authenticate: tokenAuthenticator(...issuersOf({ ...config, authJwtSecret: secrets })),
      cursorSecrets: config.cursorSecret.length > 0 ? config.cursorSecret : [randomBytes(32).toString('base64url')],
      pubsub: new PubSub<Record<string, unknown>>(),
      graphiql: config.graphiql ? graphiqlOf(streams, known[0]?.token ?? null) : null,
      tls: tlsOf(config, env),
      metrics,
      logger,
      audit: auditOf(config),
    });
    started(() => replica.retire());
    const port = await listen(replica, config);
    const admin = await adminOf(config, replica, metrics.exposition, terminal);
    if (admin !== null) started(() => admin.close());

    const relay = createRelay({ schema: streams, log, cluster: 'dev', metrics: relayMetrics, logger });
    for (const stop of feed(relay, feeding(streams).fed, logger)) started(stop);

    for (const line of welcome({
      address: `${config.tlsCert === null ? 'http' : 'https'}://${authority(config.host)}:${port}`,
      admin: admin === null ? null : `http://${authority(config.adminHost)}:${admin.port}`,
      graphiql: config.graphiql,
      schema: streams,
      schemaFile: relative('.', file) || file,
      viewers: known,
    }))
      terminal.out(line);
  });
};

/** The user's own schema; the sample's, from this package, in a directory without one. */
function schemaFile(configured: string, env: Environment): string {
  const sample = fileURLToPath(new URL('../../schema.graphql', import.meta.url));
  return !env.TAILRACE_SCHEMA && !existsSync(configured) ? sample : configured;
}

/** Without the port `dev` goes on: only a second `dev` on this machine would want it. */
async function adminOf(
  config: Config<'dev'>,
  replica: Gateway,
  metrics: Parameters<typeof startAdmin>[0]['metrics'],
  { err }: Terminal,
): Promise<Admin | null> {
  const { adminHost: host, adminPort: port, adminToken: token } = config;
  try {
    return await startAdmin({
      host,
      port,
      token,
      metrics,
      ready: () => replica.ready(),
      graphql: adminGraphQL(replica),
      audit: auditOf(config),
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    for (const line of error.lines) err(`No metrics: ${line}`);
    return null;
  }
}

/** Brings the samples of these topics through the relay. Gives the stops in the order of the starts. */
function feed(relay: RelayCore, topics: readonly string[], logger: Logger): readonly Stop[] {
  if (topics.length === 0) return [];
  const feeds = topics.map((topic) => ({ topic, local: createLocalFeed(relay, topic) }));
  const emit = async (records: readonly SampleRecord[]) => {
    for (const { topic, local } of feeds) {
      const own = records.filter((record) => record.topic === topic);
      const made = own.map(({ key, value, timestamp }) => ({
        key: Buffer.from(key),
        value: Buffer.from(value),
        timestamp,
      }));
      if (made.length > 0) await local.push(made);
    }
  };
  const source = startSample(emit, (error) => logger.error({ error }, 'A sample could not be relayed'));
  const close = async () => {
    for (const { local } of feeds) local.close();
  };
  return [close, () => source.stop()];
}

/** A host as it stands in an address; `0.0.0.0` and `::` are everywhere, so here too. */
const authority = (host: string): string =>
  host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;

import { randomBytes } from 'node:crypto';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { PubSub } from 'graphql-subscriptions';
import { adminGraphQL } from '../admin/graphql.js';
import { revocationSubject } from '../admin/revocations.js';
import type { Admin, AdminParts } from '../admin/server.js';
import type { Config } from '../config/variables.js';
import { createMemoryLog } from '../log/memory-log.js';
import { pinoLogger } from '../observe/pino.js';
import { processRegistry, prometheusGateway, prometheusRelay } from '../observe/prometheus.js';
import type { Gateway } from '../serve/gateway.js';
import { byTokens } from '../serve/identity/authenticate.js';
import { type Feeding, fromHere, fromKafka } from './dev/feeding.js';
import { originsOfDev } from './dev/local-pages.js';
import { welcome } from './dev/welcome.js';
import { configOf, type Run, type Terminal, tellServiceLinks } from './process/command.js';
import { Refusal } from './process/refusal.js';
import { untilStopped } from './process/until-stopped.js';
import { configuredAdmin } from './settings/admin.js';
import { graphiqlOfDev } from './settings/graphiql.js';
import { issuersOf } from './settings/issuers.js';
import { loadResolvers, loadSchema, schemaFileOf } from './settings/load.js';
import { auditOf, configuredGateway, listen } from './settings/serving.js';
import { tlsOf } from './settings/tls.js';
import { signToken } from './token.js';

/** Milliseconds that a token of `dev` lives: a day of trying things out. */
const tokenLife = 24 * 3_600_000;

/** Whom `dev` makes tokens for: one sees masked card numbers, the other whole ones. */
const viewers = [
  { name: 'ada', claims: { sub: 'ada' } },
  { name: 'grace (auditor)', claims: { sub: 'grace', roles: ['auditor'] } },
];

/**
 * `tailrace dev`: relay, log and gateway in this process, fed by a Kafka, or without one by samples and `tailrace send`.
 * Nothing outlives it.
 */
export const dev: Run = async (args, env, terminal) => {
  parseArgs({ args: [...args], options: {} });
  const config = configOf(env, 'dev');
  const file = schemaFileOf(config.schema, env);
  const { schema: streams } = loadSchema(file, config);
  const resolvers = await loadResolvers(config.resolvers, file);
  const logger = pinoLogger({ level: config.logLevel, command: 'dev' });
  tellServiceLinks(env, logger);
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
    const replica = configuredGateway(
      { ...config, origins: originsOfDev(config) },
      {
        streams,
        resolvers,
        log,
        ...byTokens(issuersOf({ ...config, authJwtSecret: secrets }), { logger, metrics }),
        cursorSecrets: config.cursorSecret.length > 0 ? config.cursorSecret : [randomBytes(32).toString('base64url')],
        pubsub: new PubSub<Record<string, unknown>>(),
        graphiql: config.graphiql ? graphiqlOfDev(streams, file, known[0]?.token ?? null) : null,
        tls: tlsOf(config, env),
        metrics,
        logger,
        audit: auditOf(config),
      },
    );
    started(() => replica.retire());
    const port = await listen(replica, config);

    const parts = { schema: streams, log, metrics: relayMetrics, logger };
    const { audience } = replica;
    const feeding =
      config.kafkaBrokers.length > 0 ? fromKafka(config, parts, terminal) : fromHere({ ...parts, audience });
    const admin = await adminOf(config, replica, feeding, metrics.exposition, terminal);
    if (admin !== null) started(() => admin.close());
    started(feeding.stop);

    for (const line of welcome({
      address: `${config.tlsCert === null ? 'http' : 'https'}://${authority(config.host)}:${port}${config.basePath}`,
      admin: admin === null ? null : `http://${authority(config.adminHost)}:${admin.port}`,
      graphiql: config.graphiql,
      schema: streams,
      schemaFile: relative('.', file) || file,
      brokers: config.kafkaBrokers,
      command: env.npm_command === 'exec' ? 'npx tailrace' : 'tailrace',
      viewers: known,
    }))
      terminal.out(line);
    feeding.start();
  });
};

/** The admin port; null when it cannot be had, and `dev` goes on: only a second `dev` on this machine would want it. */
async function adminOf(
  config: Config<'dev'>,
  replica: Gateway,
  { send, ready }: Feeding,
  metrics: AdminParts['metrics'],
  { err }: Terminal,
): Promise<Admin | null> {
  try {
    return await configuredAdmin(config, {
      metrics,
      ready: async () => (await replica.ready()) ?? ready(),
      graphql: adminGraphQL([revocationSubject(replica)]),
      send,
      audit: auditOf(config),
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    for (const line of error.lines) err(`No metrics, and no \`tailrace send\`: ${line}`);
    return null;
  }
}

/** A host as it stands in an address; `0.0.0.0` and `::` are everywhere, so here too. */
const authority = (host: string): string =>
  host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;

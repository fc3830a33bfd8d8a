import { parseArgs } from 'node:util';
import { adminGraphQL } from '../admin/graphql.js';
import { revocationSubject } from '../admin/revocations.js';
import { needsTokenKey } from '../config/rules.js';
import { connectRedis } from '../log/redis-connection.js';
import { pinoLogger } from '../observe/pino.js';
import { processRegistry, prometheusGateway } from '../observe/prometheus.js';
import { byTokens } from '../serve/identity/authenticate.js';
import { overRedis } from '../serve/over-redis.js';
import { configOf, type Run, tellServiceLinks } from './process/command.js';
import { Refusal } from './process/refusal.js';
import { untilStopped } from './process/until-stopped.js';
import { configuredAdmin } from './settings/admin.js';
import { graphiqlOf } from './settings/graphiql.js';
import { issuersOf } from './settings/issuers.js';
import { loadResolvers, loadSchema } from './settings/load.js';
import { redisSettings } from './settings/redis.js';
import { auditOf, configuredGateway, listen } from './settings/serving.js';
import { tlsOf } from './settings/tls.js';

/** `tailrace gateway`: from the log in Redis to clients, until it is stopped. */
export const gateway: Run = async (args, env) => {
  parseArgs({ args: [...args], options: {} });
  const config = configOf(env, 'gateway');
  const { schema: streams, warnings } = loadSchema(config.schema, config);
  const keyless = needsTokenKey(config, streams);
  if (keyless !== null) throw new Refusal(keyless);
  const resolvers = await loadResolvers(config.resolvers, config.schema);

  const logger = pinoLogger({ level: config.logLevel, command: 'gateway' });
  tellServiceLinks(env, logger);
  for (const warning of warnings) logger.warn({}, warning);
  if (config.authJwtSecret.some((secret) => Buffer.byteLength(secret) < 32))
    logger.warn({}, 'A secret of TAILRACE_AUTH_JWT_SECRET has less than the 32 bytes that HS256 asks for');
  const metrics = prometheusGateway(processRegistry());
  const audit = auditOf(config);

  return untilStopped(async (started) => {
    const connect = (name: string, extra = {}) =>
      connectRedis(config.redisUrl, name, logger, { ...redisSettings(config), ...extra });
    const { redisPrefix: prefix, logShards: shards, mutationsPerMinute } = config;
    const shared = overRedis({ connect, prefix, shards, mutationsPerMinute, logger });
    started(shared.close);

    const replica = configuredGateway(config, {
      streams,
      resolvers,
      ...shared.parts,
      ...byTokens(issuersOf(config), { logger, metrics }),
      cursorSecrets: config.cursorSecret,
      graphiql: config.graphiql ? graphiqlOf(streams, config.schema) : null,
      tls: tlsOf(config, env),
      metrics,
      logger,
      audit,
    });
    const admin = await configuredAdmin(config, {
      metrics: metrics.exposition,
      ready: () => replica.ready(),
      graphql: adminGraphQL([revocationSubject(replica)]),
      audit,
    });
    started(() => admin.close());
    // The gateway's stop is registered before it listens: its connections to Redis are open already, and would stay so.
    started(() => replica.retire());
    const port = await listen(replica, config);
    const path = `${config.basePath}/graphql`;
    logger.info({ host: config.host, port, path, adminPort: admin.port }, 'The gateway is listening');
  });
};

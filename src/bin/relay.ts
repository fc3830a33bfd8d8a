import { parseArgs } from 'node:util';
import { defaultCluster } from '../event/source-event.js';
import { connectRedis } from '../log/redis-connection.js';
import { unreadyRedis } from '../log/redis-reader.js';
import { createRedisLogWriter } from '../log/redis-writer.js';
import { noAudit } from '../observe/audit.js';
import { auditLines } from '../observe/audit-lines.js';
import { pinoLogger } from '../observe/pino.js';
import { processRegistry, prometheusRelay } from '../observe/prometheus.js';
import { deadLetterTopicOf, type KafkaRelay, startKafkaRelay } from '../relay/kafka/kafka-relay.js';
import { configOf, type Run, tellServiceLinks } from './process/command.js';
import { Refusal } from './process/refusal.js';
import { untilStopped } from './process/until-stopped.js';
import { configuredAdmin } from './settings/admin.js';
import { kafkaSettings } from './settings/kafka.js';
import { loadSchema } from './settings/load.js';
import { redisSettings } from './settings/redis.js';

/** `tailrace relay`: from Kafka to the log in Redis, until it is stopped. */
export const relay: Run = async (args, env) => {
  parseArgs({ args: [...args], options: {} });
  const config = configOf(env, 'relay');
  const logger = pinoLogger({ level: config.logLevel, command: 'relay' });
  tellServiceLinks(env, logger);
  const { schema, warnings } = loadSchema(config.schema, config);
  for (const warning of warnings) logger.warn({}, warning);
  const deadLetterTopic = config.dlqTopic ?? deadLetterTopicOf(config.kafkaGroupId);
  if (schema.topics.in(defaultCluster).has(deadLetterTopic))
    throw new Refusal(
      `${deadLetterTopic} is a topic of the schema and the dead-letter topic too: a letter that cannot be read would become another one, for ever. Read it by a relay of another group, or set TAILRACE_DLQ_TOPIC.`,
    );
  const metrics = prometheusRelay(processRegistry());

  return untilStopped(async (started) => {
    const redis = connectRedis(config.redisUrl, 'relay', logger, redisSettings(config));
    const log = createRedisLogWriter(redis, { prefix: config.redisPrefix, shards: config.logShards });
    started(() => log.close());

    // The admin port comes before the first record is read: a port in use would cost the whole group a rebalance.
    let running: KafkaRelay | null = null;
    const admin = await configuredAdmin(config, {
      metrics: metrics.exposition,
      audit: config.audit ? auditLines({ arguments: 'off' }) : noAudit,
      ready: async () => (running === null ? 'starting' : ((await unreadyRedis(redis)) ?? running.ready())),
    });
    started(() => admin.close());

    running = startKafkaRelay({
      schema,
      log,
      kafka: { ...kafkaSettings(config), clientId: 'tailrace-relay' },
      groupId: config.kafkaGroupId,
      deadLetter: { unwritable: config.dlq, topic: deadLetterTopic },
      refillMax: config.refillMax,
      linger: config.kafkaLinger,
      metrics,
      logger,
    });
    started(running.stop);
    logger.info(
      { topics: [...schema.topics.in(defaultCluster).keys()], adminPort: admin.port },
      'The relay is running',
    );
  });
};

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminParts } from '../../admin/server.js';
import type { Config } from '../../config/variables.js';
import { Fault } from '../../event/faults.js';
import { defaultCluster } from '../../event/source-event.js';
import type { ChannelLogWriter } from '../../log/channel-log.js';
import type { Logger } from '../../observe/logger.js';
import type { RelayMetrics } from '../../observe/metrics.js';
import { startKafkaRelay } from '../../relay/kafka/kafka-relay.js';
import type { StreamSchema } from '../../schema/stream-schema.js';
import type { Terminal } from '../process/command.js';
import { type SampleRecord, sampled } from '../sample/record.js';
import { startSample } from '../sample/source.js';
import { type DeskOptions, openDesk } from '../send/desk.js';
import { mostOfPost } from '../send/post.js';
import { kafkaSettings } from '../settings/kafka.js';

/** What brings records to the log of `tailrace dev`. */
export interface Feeding {
  start(): void;
  /** Idempotent. May be called before the start. */
  stop(): Promise<void>;
  /** Null while records come, else why not. */
  ready(): string | null;
  readonly send: NonNullable<AdminParts['send']>;
}

/** Feeds the log by samples, where the schema has their topics, and by what is sent. */
export function fromHere(options: DeskOptions): Feeding {
  const desk = openDesk(options);
  const topics = sampled(options.schema);
  const emit = async (records: readonly SampleRecord[]) => {
    for (const topic of topics) {
      const own = records.filter((record) => record.topic === topic);
      const made = own.map(({ key, value, timestamp }) => {
        return { key: Buffer.from(key), value: Buffer.from(value), timestamp };
      });
      if (made.length > 0) await desk.push(topic, made);
    }
  };
  let sample: ReturnType<typeof startSample> | null = null;
  return {
    start() {
      const failed = (error: unknown) => options.logger.error({ error }, 'A sample could not be relayed');
      if (topics.length > 0) sample = startSample(emit, failed);
    },
    async stop() {
      await sample?.stop();
      desk.close();
    },
    ready: () => null,
    send: { answer: desk.answer, messageBytes: mostOfPost },
  };
}

/** Milliseconds that Kafka may take to let go of a relay. */
const patience = 5_000;

interface Parts {
  readonly schema: StreamSchema;
  readonly log: ChannelLogWriter;
  readonly metrics: RelayMetrics;
  readonly logger: Logger;
}

/**
 * Feeds the log by the Kafka of TAILRACE_KAFKA_BROKERS, through a relay as `tailrace relay` is one. It needs all partitions, and must take none
 * from the real relays or from another developer: so its group is its own, and forgotten with it. It writes nothing to
 * Kafka, no dead letters either.
 */
export function fromKafka(config: Config<'dev'>, parts: Parts, { err }: Terminal): Feeding {
  const brokers = config.kafkaBrokers.join(', ');
  let relay: ReturnType<typeof startKafkaRelay> | null = null;
  let untold = () => {};
  const ready = () => (relay === null ? 'starting' : relay.ready());
  const tell = (trouble: string | null) => {
    if (trouble === null)
      err(
        `Kafka at ${brokers} answers: what comes to ${[...parts.schema.topics.in(defaultCluster).keys()].join(', ')} is streamed.`,
      );
    else err(`Kafka at ${brokers}: ${trouble}. Trying again.`);
  };
  return {
    start() {
      relay = startKafkaRelay({
        ...parts,
        logger: withoutAttempts(parts.logger),
        kafka: { ...kafkaSettings(config), clientId: 'tailrace-dev' },
        groupId: `${config.kafkaGroupId}-dev-${randomBytes(4).toString('hex')}`,
        isPassing: true,
        deadLetter: null,
        linger: config.kafkaLinger,
      });
      untold = tellChanges(ready, tell);
    },
    async stop() {
      untold();
      // A Kafka that hangs would keep a Ctrl-C waiting for half a minute, and nothing here has to be saved.
      await Promise.race([relay?.stop(), sleep(patience, null, { ref: false })]);
    },
    ready,
    send: {
      async answer() {
        const why = `this dev reads Kafka at ${brokers}, and takes no records itself: set TAILRACE_KAFKA_BROKERS for \`tailrace send\` too`;
        throw new Fault('BAD_USER_INPUT', { why });
      },
      messageBytes: mostOfPost,
    },
  };
}

/** Tells each change of `ready` once, when it has lasted a second: what lasts no longer is part of every start. */
function tellChanges(ready: () => string | null, tell: (trouble: string | null) => void): () => void {
  // A trouble without its numbers: one that counts seconds would be another each second, and never last.
  const kindOf = (trouble: string | null) => trouble?.replace(/\d+/g, '#') ?? null;
  let last = kindOf(ready());
  let told: string | null | undefined;
  const looking = setInterval(() => {
    const trouble = ready();
    const kind = kindOf(trouble);
    if (kind === last && kind !== told) tell(trouble);
    if (kind === last) told = kind;
    last = kind;
  }, 1_000);
  return () => clearInterval(looking);
}

/** The logger of a relay whose troubles `ready` tells once: its warning of each further attempt is only an info. */
const withoutAttempts = (logger: Logger): Logger => ({
  debug: (...said) => logger.debug(...said),
  info: (...said) => logger.info(...said),
  error: (...said) => logger.error(...said),
  warn(fields, message) {
    if ('failures' in fields && !('partition' in fields)) logger.info(fields, message);
    else logger.warn(fields, message);
  },
});

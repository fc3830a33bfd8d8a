import { backoff } from '../event/backoff.js';
import { defaultCluster } from '../event/source-event.js';
import { formatsOf, type TopicFormats } from '../format/formats.js';
import type { ChannelLogWriter } from '../log/channel-log.js';
import type { Logger } from '../observe/logger.js';
import type { RelayMetrics } from '../observe/metrics.js';
import type { StreamSchema, TopicPlan } from '../schema/stream-schema.js';
import { type DeadLetters, logged } from './dead-letter.js';
import { PartitionRelay } from './partition.js';
import type { PartitionFeed } from './record-batch.js';

export interface RelayOptions {
  readonly schema: Pick<StreamSchema, 'topics' | 'fingerprint'>;
  readonly log: ChannelLogWriter;
  /** Kafka's own cluster id: a part of every event's coordinates. */
  readonly cluster: string;
  /** The schema's name of that cluster: of its topics the relay brings these. Default `defaultCluster`. */
  readonly clusterName?: string;
  /** How a topic's records are read. Default: as its plan names them. */
  readonly formats?: (plan: TopicPlan) => TopicFormats;
  /** Default: a record that cannot be read leaves a log line and nothing else. */
  readonly deadLetters?: DeadLetters;
  /** Milliseconds of records that are written again after the log lost data; default 60 s. What is older is a gap mark. */
  readonly refillMax?: number;
  readonly metrics: RelayMetrics;
  readonly logger: Logger;
  /** Milliseconds since 1970; default the system's clock. */
  readonly now?: () => number;
  /** Milliseconds to wait before retry n, counted from 1; default doubles from 0.1 to 5 s, with jitter. */
  readonly delay?: (attempt: number) => number;
}

/**
 * Decodes, routes and appends what a feed brings. It holds no records, opens nothing and closes nothing: whoever feeds
 * it (`kafka-relay.ts`, or `feed.ts` in `tailrace dev`) fetches, waits and commits as it is told.
 */
export interface RelayCore {
  readonly topics: readonly string[];
  /** Throws RangeError for a topic that the schema does not name. One object per partition and assignment. */
  partition(topic: string, partition: number, feed: PartitionFeed): PartitionRelay;
  /** These topics are not there yet: when they come, all that is in them is new. Throws LogUnavailable; idempotent. */
  waitFor(topics: readonly string[]): Promise<void>;
}

export function createRelay(options: RelayOptions): RelayCore {
  const { schema, log, cluster, metrics, logger, now = Date.now, delay = (n) => backoff(n) } = options;
  const { deadLetters = logged, refillMax = 60_000, formats = formatsOf } = options;
  const { clusterName = defaultCluster } = options;
  const topics = schema.topics.in(clusterName);
  const named = clusterName === defaultCluster ? { cluster } : { cluster, clusterName };
  const startedAt = now();
  const awaited = new Set<string>();
  return {
    topics: [...topics.keys()],
    partition(topic, partition, feed) {
      const plan = topics.get(topic);
      if (plan === undefined) throw new RangeError(`The schema names no topic ${topic}.`);
      return new PartitionRelay({
        source: { ...named, topic, partition },
        plan,
        formats: formats(plan),
        fingerprint: schema.fingerprint,
        feed,
        log,
        deadLetters,
        metrics,
        logger,
        retain: longestRetention(plan),
        refillMax,
        startedAt,
        now,
        delay,
      });
    },
    async waitFor(absent) {
      for (const topic of absent) {
        if (awaited.has(topic)) continue;
        await log.topic({ ...named, topic }, 0);
        awaited.add(topic);
      }
    },
  };
}

/** A first start fills the log with all that any field of the topic could still be asked for. */
const longestRetention = ({ extractors }: TopicPlan): number =>
  Math.max(0, ...extractors.flatMap(({ routes }) => routes.map(({ retention }) => retention.retain)));

/**
 * Kafka's side of an event: the record as it was read, and what became of it after decoding.
 * Offsets are JavaScript numbers: exact up to 2^53, which a partition written at a million
 * records a second reaches after 285 years.
 */

/** One record as the consumer hands it over. `value: null` is a tombstone, which is not an empty value. */
export interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970, as Kafka stored it. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  /** The last value of each header, read as UTF-8; without those that are no text. */
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
}

/** The name that a schema has for the one Kafka cluster of a deployment with no other. */
export const defaultCluster = 'default';

/** A topic as a schema names it. Kafka's own id of a cluster is none: a gateway, which asks no Kafka, could not tell whose it is. */
export interface TopicName {
  readonly cluster: string;
  readonly topic: string;
}

/** A topic as the key of a map. */
export const topicKey = ({ cluster, topic }: TopicName): string => JSON.stringify([cluster, topic]);

/** A partition of a topic of one Kafka cluster. */
export interface SourcePartition {
  /** Kafka's own id of the cluster, not its address. */
  readonly cluster: string;
  /** The schema's name of the cluster. Absent: `defaultCluster`. */
  readonly clusterName?: string;
  readonly topic: string;
  readonly partition: number;
}

/** Everything of a record but its value. Rules see it as `record`, but for the cluster. */
export interface RecordMeta extends TopicName {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  /** The key read as UTF-8, null when the record has none or it is no text. */
  readonly key: string | null;
  /** The last value of each header, read as UTF-8; without those that are no text. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * A record decoded and cut into events.
 * `origin`, `record.partition`, `record.offset` and `index` (the place within `each`, 0 without it) are its
 * coordinates: they name the event for ever, whatever the log forgets.
 */
export interface SourceEvent {
  /** Whose offsets these are: see `originOf`. Empty in what a former version wrote. */
  readonly origin: string;
  readonly record: RecordMeta;
  readonly index: number;
  /** The decoded JSON value. Shared by everyone who reads it: never changed. */
  readonly event: unknown;
}

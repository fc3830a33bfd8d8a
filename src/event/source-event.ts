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

/** A partition of a topic of one Kafka cluster. `cluster` is Kafka's own cluster id, not its address. */
export interface SourcePartition {
  readonly cluster: string;
  readonly topic: string;
  readonly partition: number;
}

/** What a rule sees as `record`: everything of the record but its value. */
export interface RecordMeta {
  readonly topic: string;
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

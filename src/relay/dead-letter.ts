import type { DecodeFault } from '../format/format.js';
import type { Logger } from '../observe/logger.js';
import type { RelayMetrics } from '../observe/metrics.js';
import type { FedRecord, OriginalHeaders } from './record-batch.js';

/** Why a record cannot become events. It goes to the dead letters; the stream goes on. */
export interface RecordFault {
  /** Short and of a closed list: a label of the metrics. */
  readonly reason: DecodeFault['reason'] | 'not-extracted';
  /** Kafka Connect's name of the stage that failed. */
  readonly stage: 'VALUE_CONVERTER' | 'TRANSFORMATION';
  readonly error: Error;
}

export interface DeadLetter {
  readonly record: FedRecord;
  readonly fault: RecordFault;
}

/**
 * Keeps records that cannot become events, in the order of their offsets. A throw means that the partition waits and
 * the letters come again, but for the first ones, of which `kept` was told. A crash between letters and the append after
 * them writes them twice.
 */
export type DeadLetters = (
  letters: readonly DeadLetter[],
  kept: (letters: readonly DeadLetter[]) => void,
) => Promise<void>;

/** A dead letter as Kafka's producers take it. */
export interface LetterMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer | string | (Buffer | string)[]>;
}

/** The record as it was written, with the headers by which Kafka Connect and its tools know a dead letter. */
export function letterMessage({ record, fault }: DeadLetter, connector: string): LetterMessage {
  const own = Object.entries(record.originalHeaders ?? ({} as OriginalHeaders));
  const connect = {
    topic: record.topic,
    partition: String(record.partition),
    offset: String(record.offset),
    'connector.name': connector,
    'task.id': String(record.partition),
    stage: fault.stage,
    'class.name': fault.stage === 'VALUE_CONVERTER' ? 'tailrace.decode' : 'tailrace.route',
    'exception.class.name': fault.error.name,
    'exception.message': fault.error.message,
    'exception.stacktrace': fault.error.stack ?? '',
  };
  const ours = Object.entries(connect).map(([name, value]) => [`__connect.errors.${name}`, value] as const);
  // Not by assignment: a header may be called `__proto__`.
  const headers = Object.fromEntries([
    ...own.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    ...ours,
  ]);
  return { key: record.key, value: record.value, headers };
}

/** Where the whole one is too large: without its value, and then with what is said of the record alone. */
export function lesserLetters({ record, fault }: DeadLetter, connector: string): readonly LetterMessage[] {
  const { originalHeaders: _, ...bare } = { ...record, value: null };
  return [
    letterMessage({ record: { ...record, value: null }, fault }, connector),
    letterMessage({ record: { ...bare, key: null }, fault }, connector),
  ];
}

/**
 * Dead letters of one partition, each written and counted once, with one line for those that come together: an append that
 * is tried again, or a refill, brings its records again.
 */
export class LettersOnce {
  /** The newest that was written: in the order of offsets, one number says which were. */
  #newest = -1;

  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly metrics: RelayMetrics,
    private readonly logger: Logger,
  ) {}

  /** Answers the first letter that could not be written, and why: no record from there on may pass. Never throws. */
  async write(letters: readonly DeadLetter[]): Promise<Unwritten | null> {
    const rest = this.#unwritten(letters);
    if (rest.length === 0) return null;
    try {
      await this.deadLetters(rest, (some) => this.#kept(some));
    } catch (error) {
      const [first] = this.#unwritten(rest);
      return first === undefined ? null : { offset: first.record.offset, error };
    }
    this.#kept(this.#unwritten(rest));
    return null;
  }

  /** The offsets begin anew. */
  forget(): void {
    this.#newest = -1;
  }

  #unwritten(letters: readonly DeadLetter[]): readonly DeadLetter[] {
    return letters.filter(({ record }) => record.offset > this.#newest);
  }

  #kept(letters: readonly DeadLetter[]): void {
    const [first] = letters;
    if (first === undefined) return;
    for (const { record, fault } of letters) {
      this.#newest = record.offset;
      this.metrics.deadLettered(record.topic, fault.reason);
    }
    const { topic, partition, offset } = first.record;
    const { reason, error } = first.fault;
    // A line for each would be as fast as Kafka, where all of a topic is of another format.
    const more = letters.length === 1 ? {} : { letters: letters.length, newest: this.#newest };
    this.logger.error({ topic, partition, offset, reason, fault: error.message, ...more }, unreadable);
  }
}

const unreadable = 'A record cannot be read: it is a dead letter';

export interface Unwritten {
  readonly offset: number;
  readonly error: unknown;
}

/** Goes on without dead letters that cannot be kept, and says which in a log line. */
export function skipping(write: DeadLetters, logger: Logger): DeadLetters {
  return async (letters, kept) => {
    let rest = letters;
    try {
      await write(letters, (some) => {
        rest = rest.slice(some.length);
        kept(some);
      });
    } catch (error) {
      const records = rest.map(({ record: { topic, partition, offset } }) => ({ topic, partition, offset }));
      logger.error({ records, reason: String(error) }, 'Dead letters could not be written and are skipped');
    }
  };
}

/** For a relay without Kafka: the partition's own log line is all that is left of such a record. */
export const logged: DeadLetters = async () => {};

import type { Logger } from '../observe/logger.js';
import type { RecordFault } from './decode.js';
import type { FedRecord, OriginalHeaders } from './record-batch.js';

export interface DeadLetter {
  readonly record: FedRecord;
  readonly fault: RecordFault;
}

/**
 * Keeps records that cannot become events, in the order of their offsets. A throw means that the partition waits and
 * the same letters come again. A crash between a letter and the append after it writes the letter twice.
 */
export type DeadLetters = (letters: readonly DeadLetter[]) => Promise<void>;

/** A dead letter as Kafka's producers take it. */
export interface LetterMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer | string | (Buffer | string)[]>;
}

/** The record as it was written, with the headers by which Kafka Connect and its tools know a dead letter. */
export function letterMessage({ record, fault }: DeadLetter, connector: string): LetterMessage {
  const headers: LetterMessage['headers'] = {};
  for (const [name, value] of Object.entries(record.originalHeaders ?? ({} as OriginalHeaders))) {
    if (value !== undefined) headers[name] = value;
  }
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
  for (const [name, value] of Object.entries(connect)) headers[`__connect.errors.${name}`] = value;
  return { key: record.key, value: record.value, headers };
}

/** Goes on without dead letters that cannot be kept, and says which in a log line. */
export function skipping(write: DeadLetters, logger: Logger): DeadLetters {
  return async (letters) => {
    try {
      await write(letters);
    } catch (error) {
      const records = letters.map(({ record: { topic, partition, offset } }) => ({ topic, partition, offset }));
      logger.error({ records, reason: String(error) }, 'Dead letters could not be written and are skipped');
    }
  };
}

/** For a relay without Kafka: the partition's own log line is all that is left of such a record. */
export const logged: DeadLetters = async () => {};

import { isUtf8 } from 'node:buffer';
import { readJson } from '../event/read-json.js';
import type { KafkaRecord } from '../event/source-event.js';

/** Why a record cannot become events. It goes to the dead letters; the stream goes on. */
export interface RecordFault {
  /** Short and of a closed list: a label of the metrics. */
  readonly reason: 'empty-value' | 'registry-frame' | 'not-utf8' | 'not-json' | 'not-extracted';
  /** Kafka Connect's name of the stage that failed. */
  readonly stage: 'VALUE_CONVERTER' | 'TRANSFORMATION';
  readonly error: Error;
}

export type Decoded =
  /** `text` is the record's own JSON text: it goes to the log unchanged wherever the event is the value itself. */
  | { readonly kind: 'value'; readonly text: string; readonly value: unknown }
  | { readonly kind: 'tombstone' }
  | { readonly kind: 'fault'; readonly fault: RecordFault };

/**
 * Reads a record's value as JSON, its whole numbers to the last digit. Never throws.
 * A null value is a tombstone. An empty one is a fault: it is not JSON, and whoever wrote it did not mean to delete.
 */
export function decode(record: Pick<KafkaRecord, 'value'>): Decoded {
  const bytes = record.value;
  if (bytes === null) return { kind: 'tombstone' };
  if (bytes.length === 0) return fault('empty-value', new SyntaxError('The value is empty.'));
  const framed = frameOf(bytes);
  if (framed !== null) return fault('registry-frame', new SyntaxError(framed));
  // Buffer.toString would put U+FFFD in the place of what it cannot read, and the log would keep the forgery.
  if (!isUtf8(bytes)) return fault('not-utf8', new TypeError('The value is not UTF-8.'));
  const text = bytes.toString('utf8', hasByteOrderMark(bytes) ? 3 : 0);
  try {
    return { kind: 'value', text, value: readJson(text) };
  } catch (error) {
    return fault('not-json', error instanceof Error ? error : new SyntaxError(String(error)));
  }
}

/**
 * Serializers of a schema registry write a zero and the id of a schema before Avro, Protobuf and JSON alike. No JSON begins
 * with a zero byte; told as bad UTF-8 or bad JSON alone, it sent people to look for a fault in their data.
 */
function frameOf(bytes: Buffer): string | null {
  if (bytes[0] !== 0 || bytes.length < 5) return null;
  const id = bytes.readUInt32BE(1);
  return `The value starts with a schema registry's frame (magic byte 0, schema id ${id}); this topic is read as JSON.`;
}

/** Some producers begin a text with it; JSON.parse refuses it. */
const hasByteOrderMark = (bytes: Buffer) => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

const fault = (reason: RecordFault['reason'], error: Error): Decoded => ({
  kind: 'fault',
  fault: { reason, stage: 'VALUE_CONVERTER', error },
});

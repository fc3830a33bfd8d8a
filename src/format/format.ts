import type { KafkaRecord } from '../event/source-event.js';

export type RecordPart = 'key' | 'value';

/** Why bytes can never become a value. */
export interface DecodeFault {
  /** Short and of a closed list: a label of the metrics. */
  readonly reason: 'empty-value' | 'registry-frame' | 'not-utf8' | 'not-json';
  readonly error: Error;
}

export type Decoded =
  /** `text` is the part's own JSON text, which goes to the log unchanged; null where its bytes are no JSON text. */
  | { readonly kind: 'value'; readonly text: string | null; readonly value: unknown }
  /** The record has no such part: a null key, or a tombstone. */
  | { readonly kind: 'null' }
  | { readonly kind: 'fault'; readonly fault: DecodeFault };

/** How one part of a topic's records becomes a value, and a value its bytes. One object may serve many topics. */
export interface Format {
  /**
   * To be awaited before these records are decoded; null where there is nothing to wait for. A rejection means *not yet*, as
   * when the log refuses: nobody decodes, the same records come again, and none of them is a dead letter. Whoever asks
   * another server sets a time to it: the partition waits as long.
   */
  prepare(records: readonly KafkaRecord[]): Promise<void> | null;
  /** For a record of which `prepare` resolved. Never throws, never waits. */
  decode(record: KafkaRecord): Decoded;
  /** Throws TypeError for a value that the format cannot say. */
  encode(value: unknown): Buffer;
}

export const faultOf = (reason: DecodeFault['reason'], error: Error): Decoded => ({
  kind: 'fault',
  fault: { reason, error },
});

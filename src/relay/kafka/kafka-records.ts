import { isUtf8 } from 'node:buffer';
import type { Batch, KafkaMessage } from 'kafkajs';
import type { FetchGuard } from '../../kafka/fetch-guard.js';
import type { FedRecord, RecordBatch } from '../record-batch.js';

/** A batch of kafkajs in our words. */
export function batchOf(batch: Batch, { epochs }: Pick<FetchGuard, 'epochs'>): RecordBatch {
  const { topic, partition, messages } = batch;
  const to = Number(batch.lastOffset()) + 1;
  return {
    from: fetchedOffset(batch),
    to,
    epochs: epochs(topic, partition, to),
    end: Number(batch.highWatermark),
    records: messages.map((message) => recordOf(topic, partition, message)),
  };
}

/** kafkajs keeps where the fetch began, but its types leave it out. */
const fetchedOffset = (batch: Batch & { readonly fetchedOffset?: string }): number => {
  if (batch.fetchedOffset === undefined) throw new TypeError('This kafkajs does not tell where a fetch began.');
  return Number(batch.fetchedOffset);
};

const noHeaders: Readonly<Record<string, string>> = {};

function recordOf(topic: string, partition: number, message: KafkaMessage): FedRecord {
  const { key, value, headers } = message;
  const offset = Number(message.offset);
  const timestamp = Number(message.timestamp);
  // Most records have none: one object for each of them, and no second.
  if (headers === undefined || isEmpty(headers))
    return { topic, partition, offset, timestamp, key, headers: noHeaders, value };
  const written = Object.entries(headers).map(([name, given]) => [name, valuesOf(given)] as const);
  const lasts = written.flatMap(([name, values]) => {
    const last = values.at(-1) ?? null;
    return last === null || !isUtf8(last) ? [] : [[name, last.toString()] as const];
  });
  const originalHeaders = Object.fromEntries(
    written.map(([name, values]) => [name, values.map((value) => value ?? noBytes)]),
  );
  return { topic, partition, offset, timestamp, key, headers: Object.fromEntries(lasts), value, originalHeaders };
}

/** What a header without a value becomes in a dead letter: kafkajs cannot write null. */
const noBytes = Buffer.alloc(0);

/**
 * kafkajs collects headers in a plain object. For one that is named `constructor` it finds there what all objects
 * share, and puts that first: no bytes, and a dead letter with it could never be written.
 */
function valuesOf(given: unknown): (Buffer | null)[] {
  const values: unknown[] = Array.isArray(given) ? given : [given];
  return values.filter((value): value is Buffer | null => value === null || Buffer.isBuffer(value));
}

function isEmpty(headers: object): boolean {
  for (const _ in headers) return false;
  return true;
}

import type { Batch, KafkaMessage } from 'kafkajs';
import type { FedRecord, RecordBatch } from './record-batch.js';

/** A batch of kafkajs in our words. */
export function batchOf(batch: Batch): RecordBatch {
  const { topic, partition, messages } = batch;
  return {
    from: fetchedOffset(batch),
    to: Number(batch.lastOffset()) + 1,
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
  const lasts = Object.entries(headers).flatMap(([name, given]) => {
    const last = Array.isArray(given) ? given.at(-1) : given;
    return last === undefined || last === null ? [] : [[name, last.toString()] as const];
  });
  const read = Object.fromEntries(lasts);
  return { topic, partition, offset, timestamp, key, headers: read, value, originalHeaders: headers };
}

function isEmpty(headers: object): boolean {
  for (const _ in headers) return false;
  return true;
}

import { hash } from 'node:crypto';
import type { SourcePartition } from './source-event.js';

/** A digest this short has a short text, and cursors carry it: what it must tell apart is the histories of one topic. */
export const originBytes = 4;

/**
 * Names where a topic's offsets mean what they mean: six characters of base64url. Offsets of another cluster, of another
 * topic, or of a topic of the same name that was made again, count other records: held against each other, new records
 * would be taken for repeats. `topicId` is null where the broker does not tell it.
 */
export function originOf({ cluster, topic }: Pick<SourcePartition, 'cluster' | 'topic'>, topicId: string | null) {
  const digest = hash('sha256', JSON.stringify([cluster, topic, topicId ?? '']), 'buffer');
  return digest.toString('base64url', 0, originBytes);
}

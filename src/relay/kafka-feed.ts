import type { Admin } from 'kafkajs';
import { heard } from './commit-metadata.js';
import type { PartitionFeed } from './record-batch.js';

/** What Kafka tells about a partition. Throws what kafkajs throws, and when the partition is not there (any more). */
export function createKafkaFeed(admin: Admin, groupId: string, topic: string, partition: number): PartitionFeed {
  function own<T extends { readonly partition: number }>(partitions: readonly T[]): T {
    const found = partitions.find((other) => other.partition === partition);
    if (found === undefined) throw new Error(`Kafka does not know partition ${partition} of ${topic}.`);
    return found;
  }
  return {
    async bounds() {
      const [offsets, groups] = await Promise.all([
        admin.fetchTopicOffsets(topic),
        admin.fetchOffsets({ groupId, topics: [topic] }),
      ]);
      const { low, high } = own(offsets);
      const commit = own(groups.flatMap(({ partitions }) => partitions));
      const offset = Number(commit.offset);
      // -1 means never. After a reset kafkajs itself commits -2, the oldest: that says nothing of what was appended.
      const committed = offset < 0 ? null : offset;
      const newest = committed === null ? null : heard(committed, commit.metadata);
      return { begin: Number(low), end: Number(high), committed, newest };
    },
    async offsetAt(timestamp) {
      return Number(own(await admin.fetchTopicOffsetsByTimestamp(topic, timestamp)).offset);
    },
  };
}

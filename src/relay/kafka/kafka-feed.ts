import type { Admin } from 'kafkajs';
import type { PartitionLeader, TopicDescription, TopicHistories } from '../../kafka/topic-histories.js';
import type { PartitionFeed } from '../record-batch.js';
import { reachedIn } from './commit-metadata.js';

export interface KafkaAdmin {
  readonly admin: Admin;
  /** What kafkajs' own admin does not ask. */
  readonly histories: TopicHistories;
  readonly groupId: string;
}

/** What Kafka tells about a partition. Throws what kafkajs throws, and when the partition is not there (any more). */
export function createKafkaFeed(
  { admin, histories, groupId }: KafkaAdmin,
  topic: string,
  partition: number,
): PartitionFeed {
  let leader: PartitionLeader = { leader: -1, leaderEpoch: -1 };

  function own<T extends { readonly partition: number }>(partitions: readonly T[]): T {
    const found = partitions.find((other) => other.partition === partition);
    if (found === undefined) throw new Error(`Kafka does not know partition ${partition} of ${topic}.`);
    return found;
  }
  function describedIn(topics: ReadonlyMap<string, TopicDescription>): TopicDescription {
    const found = topics.get(topic);
    if (found === undefined) throw new Error(`Kafka does not know ${topic}.`);
    return found;
  }
  return {
    async bounds() {
      // First: what is asked after it is not of an older history than it names.
      const { id, partitions } = describedIn(await histories.describe([topic]));
      leader = partitions.get(partition) ?? own([]);
      const [offsets, groups] = await Promise.all([
        admin.fetchTopicOffsets(topic),
        admin.fetchOffsets({ groupId, topics: [topic] }),
      ]);
      const { low, high } = own(offsets);
      const commits = groups.flatMap((group) => group.partitions);
      const commit = own(commits);
      const offset = Number(commit.offset);
      // -1 means never. After a reset kafkajs itself commits -2, the oldest: that says nothing of what was appended.
      const committed = offset < 0 ? null : offset;
      const newest = committed === null ? null : reachedIn(committed, commit.metadata);
      const hasSiblings = commits.some((other) => other.partition !== partition && Number(other.offset) >= 0);
      return {
        begin: Number(low),
        end: Number(high),
        committed,
        newest,
        topicId: id,
        leaderEpoch: leader.leaderEpoch,
        partitions: partitions.size,
        hasSiblings,
      };
    },
    endOf: (epoch) => histories.endOfEpoch(topic, partition, epoch, leader),
    async offsetAt(timestamp) {
      return Number(own(await admin.fetchTopicOffsetsByTimestamp(topic, timestamp)).offset);
    },
  };
}

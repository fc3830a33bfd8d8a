import type { Kafka } from 'kafkajs';
import type { EpochEnd } from '../event/source-history.js';
import { openBrokers } from './protocol/brokers.js';
import { epochEndApi, epochEndRequest } from './protocol/epoch-end-request.js';
import { type ApiVersions, errorOf } from './protocol/internals.js';
import { metadataApi, metadataRequest } from './protocol/metadata-request.js';

export interface PartitionLeader {
  /** The broker's id; -1 while there is none. */
  readonly leader: number;
  /** -1 where the broker does not tell (before Kafka 2.1). */
  readonly leaderEpoch: number;
}

export interface TopicDescription {
  /** 22 characters of base64url, as Kafka prints it; null where the broker does not tell (before Kafka 2.8). */
  readonly id: string | null;
  readonly partitions: ReadonlyMap<number, PartitionLeader>;
}

/** What names the histories of topics and their partitions in Kafka. Each call throws while it is not answered. */
export interface TopicHistories {
  connect(): Promise<void>;
  /** Topics that do not exist, or that we may not see, are left out, and not made. */
  describe(topics: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>>;
  /**
   * Where an epoch of a partition ended, asked of its leader as `describe` told it. Null where the leader does not
   * know: the epoch lies above its own, or below all it has, or the broker is too old. The error that it throws bears
   * the `type` of Kafka's code: NOT_LEADER_FOR_PARTITION, FENCED_LEADER_EPOCH and UNKNOWN_LEADER_EPOCH mean that
   * `describe` has to be asked again.
   */
  endOfEpoch(topic: string, partition: number, epoch: number, current: PartitionLeader): Promise<EpochEnd | null>;
  /** Idempotent. */
  disconnect(): Promise<void>;
}

/** UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION, TOPIC_AUTHORIZATION_FAILED. */
const absent: ReadonlySet<number> = new Set([3, 17, 29]);
const noLeader = 5;

export function openTopicHistories(kafka: Kafka): TopicHistories {
  const brokers = openBrokers(kafka);

  async function describe(topics: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    const metadata = await brokers.any((versions) => {
      const version = versionOf(metadataApi, versions);
      return version === null ? null : metadataRequest(version, topics);
    });
    if (metadata === null) throw new Error('Kafka speaks no version of Metadata that we know.');
    brokers.know(metadata.brokers);
    const found = new Map<string, TopicDescription>();
    for (const { errorCode, name, id, partitions } of metadata.topics) {
      if (absent.has(errorCode)) continue;
      if (errorCode !== 0) throw errorOf(errorCode);
      const leaders = partitions.map(({ partition, ...leader }) => [partition, leader] as const);
      found.set(name, { id, partitions: new Map(leaders) });
    }
    return found;
  }

  return {
    connect: async () => void (await describe([])),
    describe,
    async endOfEpoch(topic, partition, epoch, { leader, leaderEpoch }) {
      if (leader < 0) throw errorOf(noLeader);
      const answer = await brokers.one(leader, (versions) => {
        const version = versionOf(epochEndApi, versions);
        const question = { topic, partition, epoch, currentLeaderEpoch: leaderEpoch };
        return version === null ? null : epochEndRequest(version, question);
      });
      if (answer === null) return null;
      if (answer.errorCode !== 0) throw errorOf(answer.errorCode);
      return answer.epoch < 0 || answer.end < 0 ? null : { epoch: answer.epoch, end: answer.end };
    },
    disconnect: () => brokers.close(),
  };
}

interface Api {
  readonly key: number;
  readonly versions: readonly [least: number, most: number];
}

/** The newest version that both sides speak. */
function versionOf({ key, versions: [least, most] }: Api, versions: ApiVersions): number | null {
  const theirs = versions[key];
  if (theirs === undefined) return null;
  const version = Math.min(most, theirs.maxVersion);
  return version < Math.max(least, theirs.minVersion) ? null : version;
}

import type { LeaderEpoch } from '../event/source-history.js';
import type { FetchedPartition, FetchedTopic, FetchTopic } from './protocol/internals.js';

/** What names the history that a fetch is to go on with. */
export interface PartitionHistory {
  /** As `describe` tells it; with null a broker compares only the leader epoch. */
  readonly topicId: string | null;
  /** -1: the broker compares only the id. */
  readonly leaderEpoch: number;
}

/**
 * Keeps records of another history from a consumer that was made with it (`guardedConsumer`): of a topic that was made
 * again, or of a leader that others know nothing of. Its broker refuses the fetch; nothing of that partition is handed
 * on from then on, and nothing asked, until the next `expect`.
 */
export interface FetchGuard {
  /** From now on fetches of this partition name this history; what was asked for another one is not handed on. */
  expect(topic: string, partition: number, history: PartitionHistory): void;
  /** From now on it is fetched as kafkajs would. */
  forget(topic: string, partition: number): void;
  /**
   * The leader epochs of the batches, those of markers too, that were handed on since `expect`: ascending, and only
   * those that begin below `before`. Drops all of them but the last, which is in force there and stands first at the
   * next call.
   */
  epochs(topic: string, partition: number, before: number): readonly LeaderEpoch[];
  /** False where a broker is too old for topic ids (before Kafka 3.1): only leader epochs are compared. */
  readonly isActive: boolean;
}

/** A fetch on its way: which history each of its partitions was asked of. */
export interface GuardedFetch {
  /** Without the partitions that diverged, with leader epochs. Empty: nothing is left to ask for. */
  readonly topics: readonly FetchTopic[];
  /** All of the topics have ids. */
  readonly hasIds: boolean;
  idOf(topic: string, partition: number): string;
  topicOf(id: string): string | undefined;
  /** Nothing of what was asked belongs to the history that was expected. */
  refuse(errorCode: number): void;
  /** The answers that may be handed on. */
  admit(topics: readonly FetchedTopic[]): FetchedTopic[];
  /** Remembers the epochs of answers that are handed on now. */
  note(topics: readonly FetchedTopic[]): void;
}

/** What a broker answers when a fetch belongs to another history, or when the place it asks for is not there (any more). */
export const refusals: ReadonlyMap<number, string> = new Map([
  [1, 'OFFSET_OUT_OF_RANGE'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [74, 'FENCED_LEADER_EPOCH'],
  [75, 'UNKNOWN_LEADER_EPOCH'],
  [100, 'UNKNOWN_TOPIC_ID'],
  [103, 'INCONSISTENT_TOPIC_ID'],
  [106, 'FETCH_SESSION_TOPIC_ID_ERROR'],
]);

interface Expected extends PartitionHistory {
  diverged: boolean;
  epochs: LeaderEpoch[];
}

/** The side of the guard that fetches see. */
export interface OpenFetchGuard extends FetchGuard {
  fetch(topics: readonly FetchTopic[]): GuardedFetch;
  isActive: boolean;
}

/** `diverged` is called once until the next `expect`, with Kafka's name for the reason. */
export function createFetchGuard(diverged: (topic: string, partition: number, reason: string) => void): OpenFetchGuard {
  const expected = new Map<string, Expected>();

  function refuse(topic: string, partition: number, was: Expected, errorCode: number) {
    if (was.diverged || expected.get(keyOf(topic, partition)) !== was) return;
    was.diverged = true;
    diverged(topic, partition, refusals.get(errorCode) ?? `error ${errorCode}`);
  }

  function fetch(all: readonly FetchTopic[]): GuardedFetch {
    const asked = new Map<string, Expected | undefined>();
    const names = new Map<string, string>();
    let hasIds = true;
    const topics: FetchTopic[] = [];
    for (const { topic, partitions } of all) {
      const left = [];
      for (const partition of partitions) {
        const key = keyOf(topic, partition.partition);
        const history = expected.get(key);
        if (history?.diverged) continue;
        asked.set(key, history);
        if (history?.topicId) names.set(history.topicId, topic);
        else hasIds = false;
        left.push(history === undefined ? partition : { ...partition, currentLeaderEpoch: history.leaderEpoch });
      }
      if (left.length > 0) topics.push({ topic, partitions: left });
    }
    return {
      topics,
      hasIds,
      idOf: (topic, partition) => asked.get(keyOf(topic, partition))?.topicId ?? '',
      topicOf: (id) => names.get(id),
      refuse(errorCode) {
        for (const { topic, partitions } of topics) {
          for (const { partition } of partitions) {
            const was = asked.get(keyOf(topic, partition));
            if (was !== undefined) refuse(topic, partition, was, errorCode);
          }
        }
      },
      admit(answered) {
        const admits = (topic: string, { partition, errorCode }: FetchedPartition): boolean => {
          const key = keyOf(topic, partition);
          const was = asked.get(key);
          if (was !== undefined && refusals.has(errorCode)) refuse(topic, partition, was, errorCode);
          return expected.get(key) === was && !was?.diverged;
        };
        return answered.map(({ topicName, partitions }) => {
          return { topicName, partitions: partitions.filter((partition) => admits(topicName, partition)) };
        });
      },
      note(answered) {
        for (const { topicName, partitions } of answered) {
          for (const { partition, messages } of partitions) {
            const history = asked.get(keyOf(topicName, partition));
            if (history !== undefined) history.epochs = withEpochsOf(messages, history.epochs);
          }
        }
      },
    };
  }

  return {
    expect(topic, partition, { topicId, leaderEpoch }) {
      expected.set(keyOf(topic, partition), { topicId, leaderEpoch, diverged: false, epochs: [] });
    },
    forget: (topic, partition) => void expected.delete(keyOf(topic, partition)),
    epochs(topic, partition, before) {
      const history = expected.get(keyOf(topic, partition));
      if (history === undefined) return [];
      const after = history.epochs.findIndex(([, offset]) => offset >= before);
      const told = after < 0 ? history.epochs : history.epochs.slice(0, after);
      if (told.length > 1) history.epochs = history.epochs.slice(told.length - 1);
      return told;
    },
    isActive: true,
    fetch,
  };
}

/** Epochs ascend with the offsets: where the first and the last of a fetch are the same, all between are. */
function withEpochsOf(messages: FetchedPartition['messages'], known: LeaderEpoch[]): LeaderEpoch[] {
  const lastEpoch = messages.at(-1)?.batchContext?.partitionLeaderEpoch;
  let epochs = known;
  let seen = -1;
  for (const { batchContext } of messages) {
    if (batchContext === undefined || batchContext.partitionLeaderEpoch === seen) continue;
    seen = batchContext.partitionLeaderEpoch;
    epochs = withEpoch(epochs, seen, Number(batchContext.firstOffset));
    if (seen === lastEpoch) break;
  }
  return epochs;
}

/** In order, each once, at the lowest offset: a consumer may go back, and read an older epoch again. */
function withEpoch(epochs: LeaderEpoch[], epoch: number, offset: number): LeaderEpoch[] {
  const last = epochs.at(-1);
  if (epoch < 0 || (last?.[0] === epoch && last[1] <= offset)) return epochs;
  const at = epochs.findIndex((other) => other[0] >= epoch);
  if (at < 0) return [...epochs, [epoch, offset]];
  const [other, first] = epochs[at] as LeaderEpoch;
  if (other !== epoch) return epochs.toSpliced(at, 0, [epoch, offset]);
  return first <= offset ? epochs : epochs.with(at, [epoch, offset]);
}

const keyOf = (topic: string, partition: number) => `${partition} ${topic}`;

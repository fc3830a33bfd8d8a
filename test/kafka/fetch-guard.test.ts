import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFetchGuard } from '../../src/kafka/fetch-guard.js';
import type { FetchedPartition, FetchedTopic } from '../../src/kafka/protocol/internals.js';

const asking = (...partitions: number[]) => [
  { topic: 'orders', partitions: partitions.map((partition) => ({ partition, fetchOffset: '0', maxBytes: 1 })) },
];

type Batch = readonly [epoch: number, offset: number, count?: number];

const answered = (partition: number, errorCode = 0, ...batches: Batch[]): FetchedPartition => {
  const messages = batches.flatMap(([partitionLeaderEpoch, offset, count = 1]) => {
    const batchContext = { partitionLeaderEpoch, firstOffset: String(offset) };
    return Array.from({ length: count }, () => ({ batchContext }));
  });
  return { partition, errorCode, highWatermark: '9', messages };
};

const answer = (...partitions: FetchedPartition[]): FetchedTopic[] => [{ topicName: 'orders', partitions }];

const admitted = (topics: readonly FetchedTopic[]) =>
  topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition));

function guarded(...partitions: number[]) {
  const diverged: string[] = [];
  const guard = createFetchGuard((topic, partition, reason) => void diverged.push(`${topic} ${partition} ${reason}`));
  for (const partition of partitions) guard.expect('orders', partition, { topicId: 'one', leaderEpoch: 3 });
  /** One fetch, whole. */
  const fetch = (...answers: FetchedPartition[]) => {
    const fetch = guard.fetch(asking(...answers.map(({ partition }) => partition)));
    const handed = fetch.admit(answer(...answers));
    fetch.note(handed);
    return admitted(handed);
  };
  return { guard, diverged, fetch };
}

describe('a fetch', () => {
  test('names the history that was expected', () => {
    const { guard } = guarded(0);
    const fetch = guard.fetch(asking(0));
    expect(fetch.topics[0]?.partitions).toMatchObject([{ partition: 0, currentLeaderEpoch: 3 }]);
    expect([fetch.hasIds, fetch.idOf('orders', 0), fetch.topicOf('one'), fetch.topicOf('two')]).toEqual([
      ...[true, 'one', 'orders', undefined],
    ]);
  });

  test('goes without ids when one of its topics has none or was never expected', () => {
    const { guard } = guarded(0);
    expect(guard.fetch(asking(0, 1)).hasIds).toBe(false);
    guard.expect('orders', 1, { topicId: null, leaderEpoch: 3 });
    expect(guard.fetch(asking(0, 1)).hasIds).toBe(false);
    guard.expect('orders', 1, { topicId: 'two', leaderEpoch: 3 });
    expect(guard.fetch(asking(0, 1)).hasIds).toBe(true);
  });

  test.each([1, 3, 74, 75, 100, 103])('refused with %i is told once, handed to nobody, and not sent again', (code) => {
    const { guard, diverged, fetch } = guarded(0, 1);
    expect(fetch(answered(0, code), answered(1))).toEqual([1]);
    expect(diverged).toHaveLength(1);
    expect(guard.fetch(asking(0, 1)).topics[0]?.partitions).toMatchObject([{ partition: 1 }]);
    expect(guard.fetch(asking(0)).topics).toEqual([]);
    guard.expect('orders', 0, { topicId: 'one', leaderEpoch: 4 });
    expect(fetch(answered(0, code))).toEqual([]);
    expect(diverged).toHaveLength(2);
  });

  test.each([5, 6, 29, 56])('that fails with %i is left to kafkajs', (code) => {
    const { diverged, fetch } = guarded(0);
    expect([fetch(answered(0, code)), diverged]).toEqual([[0], []]);
  });

  test('of a partition that nobody expects is left to kafkajs, whatever is answered', () => {
    const { diverged, fetch } = guarded();
    expect([fetch(answered(0, 3)), fetch(answered(0, 1)), fetch(answered(0)), diverged]).toEqual([[0], [0], [0], []]);
  });

  test('refused as a whole is told for all it asked for', () => {
    const { guard, diverged } = guarded(0, 1);
    guard.fetch(asking(0, 1)).refuse(106);
    expect(diverged).toEqual(['orders 0 FETCH_SESSION_TOPIC_ID_ERROR', 'orders 1 FETCH_SESSION_TOPIC_ID_ERROR']);
  });

  test('that was on its way when another history was expected is handed to nobody, and says nothing of it', () => {
    const { guard, diverged } = guarded(0, 1, 2);
    const late = guard.fetch(asking(0, 1, 2, 3));
    guard.expect('orders', 0, { topicId: 'two', leaderEpoch: 0 });
    guard.forget('orders', 1);
    guard.expect('orders', 3, { topicId: 'two', leaderEpoch: 0 });
    expect(admitted(late.admit(answer(answered(0), answered(1), answered(2), answered(3))))).toEqual([2]);
    late.admit(answer(answered(0, 100)));
    late.refuse(100);
    expect(diverged).toEqual(['orders 2 UNKNOWN_TOPIC_ID']);
  });
});

describe('the epochs of what was handed on', () => {
  test('are told up to an offset; the last one told stays in force', () => {
    const { guard, fetch } = guarded(0);
    fetch(answered(0, 0, [3, 10, 5], [3, 15], [4, 20, 2]));
    fetch(answered(0, 0, [4, 22], [6, 30]));
    expect(guard.epochs('orders', 0, 10)).toEqual([]);
    expect(guard.epochs('orders', 0, 20)).toEqual([[3, 10]]);
    expect(guard.epochs('orders', 0, 31)).toEqual([
      [3, 10],
      [4, 20],
      [6, 30],
    ]);
    expect(guard.epochs('orders', 0, 99)).toEqual([[6, 30]]);
    expect(guard.epochs('orders', 1, 99)).toEqual([]);
  });

  test('begin anew with each history', () => {
    const { guard, fetch } = guarded(0);
    fetch(answered(0, 0, [3, 10]));
    guard.expect('orders', 0, { topicId: 'two', leaderEpoch: 0 });
    expect(guard.epochs('orders', 0, 99)).toEqual([]);
    guard.forget('orders', 0);
    expect(guard.epochs('orders', 0, 99)).toEqual([]);
  });

  test('are not those of messages older than leader epochs', () => {
    const { guard, fetch } = guarded(0);
    const old = { ...answered(0), messages: [{}, {}] };
    expect(fetch(old, answered(1))).toEqual([0, 1]);
    fetch(answered(0, 0, [-1, 4], [2, 5]));
    expect(guard.epochs('orders', 0, 99)).toEqual([[2, 5]]);
  });

  test('are each told once and in order, however often a consumer goes back', () => {
    const log = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 20 });
    const reads = fc.array(fc.tuple(fc.nat(19), fc.integer({ min: 1, max: 6 })), { maxLength: 12 });
    fc.assert(
      fc.property(log, reads, (steps, places) => {
        let [epoch, offset] = [0, 0];
        const batches = steps.map(([up, count]): Batch => {
          epoch += up;
          offset += count;
          return [epoch, offset - count, count];
        });
        const { guard, fetch } = guarded(0);
        const lowest = new Map<number, number>();
        for (const [from, count] of places) {
          const read = batches.slice(from, from + count);
          fetch(answered(0, 0, ...read));
          for (const [of, at] of read) lowest.set(of, Math.min(at, lowest.get(of) ?? at));
        }
        const all = [...lowest].sort(([a], [b]) => a - b);
        expect(guard.epochs('orders', 0, offset)).toEqual(all);
        expect(guard.epochs('orders', 0, offset)).toEqual(all.slice(-1));
      }),
    );
  });
});

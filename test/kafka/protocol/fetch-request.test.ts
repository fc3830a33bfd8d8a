import { expect, test } from 'vitest';
import { fetchRequest } from '../../../src/kafka/protocol/fetch-request.js';
import { compact, i8, i16, i32, i64, tags, uuid } from './bytes.js';
import { batch } from './record-batches.js';

const [some, other] = ['00112233445566778899aabbccddeeff', 'ff112233445566778899aabbccddee00'];
const idOf = (hex: string) => Buffer.from(hex, 'hex').toString('base64url');
const names = new Map([
  [idOf(some), 'orders'],
  [idOf(other), 'orders'],
]);

const request = fetchRequest(
  {
    ...{ maxWaitTime: 250, minBytes: 1, maxBytes: 1_000_000, isolationLevel: 1, rackId: 'a' },
    topics: [
      {
        topic: 'orders',
        partitions: [
          { partition: 0, fetchOffset: '7', maxBytes: 500, currentLeaderEpoch: 3 },
          { partition: 1, fetchOffset: '9007199254740993', maxBytes: 600, currentLeaderEpoch: 0 },
        ],
      },
    ],
  },
  (_, partition) => idOf(partition === 0 ? some : other),
  (id) => names.get(id),
);

test('a fetch names each partition’s topic by its id, and the epoch of its leader', async () => {
  const offset = Buffer.alloc(8);
  offset.writeBigInt64BE(9007199254740993n);
  const partition = (id: number, epoch: number, from: Buffer, bytes: number) => {
    return Buffer.concat([i32(id), i32(epoch), from, i32(-1), i64(-1), i32(bytes), tags]);
  };
  const expected = Buffer.concat([
    ...[tags, i32(-1), i32(250), i32(1), i32(1_000_000), i8(1), i32(0), i32(-1), compact.length(2)],
    ...[uuid(some), compact.length(1), partition(0, 3, i64(7), 500), tags],
    ...[uuid(other), compact.length(1), partition(1, 0, offset, 600), tags],
    ...[compact.length(0), compact.text('a'), tags],
  ]);
  expect((await request.request.encode()).buffer.toString('hex')).toBe(expected.toString('hex'));
  expect(request.request).toMatchObject({ apiKey: 1, apiVersion: 13, apiName: 'Fetch' });
});

const records = (bytes: Buffer | null) => (bytes === null ? compact.none : compact.length(bytes.length));
const answered = (id: number, code: number, bytes: Buffer | null, aborted = compact.none, after = tags) =>
  Buffer.concat([
    ...[i32(id), i16(code), i64(100), i64(90), i64(2), aborted, i32(-1), records(bytes), bytes ?? Buffer.alloc(0)],
    after,
  ]);
const answer = (...topics: (readonly [id: string, ...Buffer[]])[]) =>
  Buffer.concat([
    ...[tags, i32(6), i16(0), i32(0), compact.length(topics.length)],
    ...topics.flatMap(([id, ...partitions]) => [uuid(id), compact.length(partitions.length), ...partitions, tags]),
    tags,
  ]);

test('the records come as kafkajs’ own fetches bring them, with markers, and without a batch that ends too early', async () => {
  const whole = [batch({ offset: 7, epoch: 3, values: ['a', 'b'] }), batch({ offset: 9, epoch: 4, marker: 'commit' })];
  const cut = batch({ offset: 10, epoch: 4, values: ['c'] }).subarray(0, 65);
  const aborted = Buffer.concat([compact.length(1), i64(5), i64(8), tags]);
  const { responses, ...head } = await request.decode(
    answer([some, answered(0, 0, Buffer.concat([...whole, cut]), aborted)]),
  );
  expect(head).toEqual({ throttleTime: 0, clientSideThrottleTime: 6, errorCode: 0, sessionId: 0 });
  const [{ topicName, partitions } = { topicName: '', partitions: [] }] = responses;
  const [{ messages, ...partition } = { messages: [] }] = partitions;
  expect(topicName).toBe('orders');
  expect(partition).toEqual({
    ...{ partition: 0, errorCode: 0, highWatermark: '100', lastStableOffset: '90', lastStartOffset: '2' },
    ...{ abortedTransactions: [{ producerId: '5', firstOffset: '8' }], preferredReadReplica: -1 },
  });
  expect(messages).toMatchObject([
    { offset: '7', value: Buffer.from('a'), isControlRecord: false, batchContext: { partitionLeaderEpoch: 3 } },
    { offset: '8', value: Buffer.from('b'), isControlRecord: false, batchContext: { partitionLeaderEpoch: 3 } },
    { offset: '9', isControlRecord: true, batchContext: { partitionLeaderEpoch: 4 } },
  ]);
});

test('an answer without records is read, with what its broker says besides', async () => {
  // DivergingEpoch, CurrentLeader, and what a later Kafka may add.
  const field = (tag: number, size: number) =>
    Buffer.concat([compact.count(tag), compact.count(size), Buffer.alloc(size)]);
  const more = Buffer.concat([compact.count(3), field(0, 13), field(1, 9), field(200, 130)]);
  const unknown = '0123456789abcdef0123456789abcdef';
  const { responses } = await request.decode(
    answer(
      [some, answered(0, 74, null, compact.none, more), answered(2, 0, Buffer.alloc(0))],
      [unknown, answered(1, 100, null)],
      [other, answered(1, 100, null)],
    ),
  );
  const told = responses.map(({ topicName, partitions }) => {
    return [topicName, partitions.map(({ partition, errorCode, messages }) => [partition, errorCode, messages.length])];
  });
  expect(told).toEqual([
    [
      'orders',
      [
        [0, 74, 0],
        [2, 0, 0],
      ],
    ],
    ['orders', [[1, 100, 0]]],
  ]);
});

import { describe, expect, test } from 'vitest';
import { epochEndRequest } from '../../../src/kafka/protocol/epoch-end-request.js';
import { metadataRequest } from '../../../src/kafka/protocol/metadata-request.js';
import { compact, i8, i16, i32, i64, tags, text, uuid } from './bytes.js';

const someId = '00112233445566778899aabbccddeeff';
const sameId = Buffer.from(someId, 'hex').toString('base64url');
const bytesOf = async ({ request }: { request: { encode(): Promise<{ buffer: Buffer }> } }) => {
  return (await request.encode()).buffer.toString('hex');
};
const hex = (...parts: Buffer[]) => Buffer.concat(parts).toString('hex');

describe('a question about topics', () => {
  test('asks by name and makes none, in the version with ids', async () => {
    const name = compact.text('orders');
    const asked = hex(tags, compact.length(1), uuid('0'.repeat(32)), name, tags, i8(0), i8(0), tags);
    expect(await bytesOf(metadataRequest(12, ['orders']))).toBe(asked);
  });

  test('asks for none of them when there are none, not for all', async () => {
    expect(await bytesOf(metadataRequest(12, []))).toBe(hex(tags, compact.length(0), i8(0), i8(0), tags));
  });

  test('asks as older brokers understand it', async () => {
    expect(await bytesOf(metadataRequest(10, []))).toBe(hex(tags, compact.length(0), i8(0), i8(0), i8(0), tags));
    const eight = hex(i32(1), text('orders'), i8(0), i8(0), i8(0));
    expect(await bytesOf(metadataRequest(8, ['orders']))).toBe(eight);
    expect(await bytesOf(metadataRequest(7, ['orders']))).toBe(hex(i32(1), text('orders'), i8(0)));
  });

  test('reads ids, leaders and their epochs, and passes over fields of a later Kafka', async () => {
    const unknownTags = Buffer.concat([compact.count(2), compact.count(0), compact.count(3), Buffer.from('abc')]);
    const later = Buffer.concat([unknownTags, compact.count(9), compact.count(1), i8(7)]);
    const list = Buffer.concat([compact.length(2), i32(1), i32(2)]);
    const partition = (id: number, leader: number, epoch: number) => {
      return Buffer.concat([i16(0), i32(id), i32(leader), i32(epoch), list, list, compact.length(0), later]);
    };
    const topic = (code: number, name: string, id: string, ...partitions: Buffer[]) => {
      const head = Buffer.concat([i16(code), compact.text(name), uuid(id), i8(0), compact.length(partitions.length)]);
      return Buffer.concat([head, ...partitions, i32(0), later]);
    };
    const answer = Buffer.concat([
      ...[later, i32(5), compact.length(1), i32(1), compact.text('kafka'), i32(9092), compact.none, later],
      ...[compact.text('cluster'), i32(1), compact.length(3)],
      topic(0, 'orders', someId, partition(0, 1, 4), partition(1, -1, 5)),
      topic(0, 'old', '0'.repeat(32)),
      topic(3, 'gone', '0'.repeat(32)),
      later,
    ]);
    expect(await metadataRequest(12, []).response.decode(answer)).toEqual({
      clientSideThrottleTime: 5,
      brokers: [{ nodeId: 1, host: 'kafka', port: 9092 }],
      topics: [
        {
          ...{ errorCode: 0, name: 'orders', id: sameId },
          partitions: [
            { partition: 0, leader: 1, leaderEpoch: 4 },
            { partition: 1, leader: -1, leaderEpoch: 5 },
          ],
        },
        { errorCode: 0, name: 'old', id: null, partitions: [] },
        { errorCode: 3, name: 'gone', id: null, partitions: [] },
      ],
    });
  });

  test('reads what an older broker knows: leader epochs, no ids', async () => {
    const partition = Buffer.concat([i16(0), i32(0), i32(1), i32(4), i32(0), i32(0), i32(0)]);
    const answer = Buffer.concat([
      ...[i32(0), i32(1), i32(1), text('kafka'), i32(9092), i16(-1), text('cluster'), i32(1)],
      ...[i32(1), i16(0), text('orders'), i8(0), i32(1), partition],
    ]);
    const { topics } = await metadataRequest(7, []).response.decode(answer);
    const partitions = [{ partition: 0, leader: 1, leaderEpoch: 4 }];
    expect(topics).toEqual([{ errorCode: 0, name: 'orders', id: null, partitions }]);
  });
});

describe('a question where an epoch ended', () => {
  const question = { topic: 'orders', partition: 2, epoch: 3, currentLeaderEpoch: 5 };

  test('is asked as a consumer asks it, and as older brokers understand it', async () => {
    const asked = [i32(1), text('orders'), i32(1), i32(2), i32(5), i32(3)];
    expect(await bytesOf(epochEndRequest(3, question))).toBe(hex(i32(-1), ...asked));
    expect(await bytesOf(epochEndRequest(2, question))).toBe(hex(...asked));
  });

  test('reads the answer, past 2^32 too', async () => {
    const answer = Buffer.concat([i32(0), i32(1), text('orders'), i32(1), i16(0), i32(2), i32(3), i64(2 ** 40 + 1)]);
    const read = await epochEndRequest(3, question).response.decode(answer);
    expect(read).toEqual({ clientSideThrottleTime: 0, errorCode: 0, epoch: 3, end: 2 ** 40 + 1 });
  });

  test('an answer that leaves the partition out is not taken for an end', async () => {
    const read = await epochEndRequest(3, question).response.decode(Buffer.concat([i32(0), i32(0)]));
    expect(read.errorCode).toBe(3);
  });
});

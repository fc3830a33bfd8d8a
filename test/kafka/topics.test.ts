import kafkajs, { type Admin } from 'kafkajs';
import { expect, test } from 'vitest';
import { makeTopics } from '../../src/kafka/topics.js';

const topics = [{ topic: 'cards', numPartitions: 3 }];

/** A broker that answers the looks at its metadata with these, in turn, and then that it knows all. */
function broker(...answers: readonly string[]) {
  const left = [...answers];
  const say = async () => {
    const type = left.shift();
    if (type) throw new kafkajs.KafkaJSProtocolError({ type, code: 0, message: type } as never);
    return { topics: [] };
  };
  const made: boolean[] = [];
  const createTopics = async ({ waitForLeaders }: { waitForLeaders?: boolean }) => {
    made.push(true);
    if (waitForLeaders !== false) await say();
    return true;
  };
  return { made, left, admin: { createTopics, fetchTopicMetadata: say } as unknown as Admin };
}

test('a broker that hears of a new topic later than its maker asks is asked again', async () => {
  const late = broker('UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION');
  expect(await makeTopics(late.admin, topics)).toBe(true);
  expect([late.made, late.left]).toEqual([[true], []]);
});

test('what Kafka forbids is thrown at once, and what never comes after the time given', async () => {
  const forbidden = broker('TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_OR_PARTITION');
  await expect(makeTopics(forbidden.admin, topics)).rejects.toThrow('TOPIC_AUTHORIZATION_FAILED');
  expect(forbidden.left).toHaveLength(1);
  const never = broker('UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION');
  await expect(makeTopics(never.admin, topics, -1)).rejects.toThrow('UNKNOWN_TOPIC_OR_PARTITION');
  expect(never.left).toHaveLength(1);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeTopics } from '../../src/kafka/topics.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { historyBed } from '../support/relay/history-bed.js';
import { jsonOf, numbersOf, produce, testRelay, upTo } from '../support/relay/relay-kafka.js';
import { eventually, freshPrefix, startKafka, withAdmin } from '../support/servers/services.js';

/** A topic of one name on two clusters: everybody is brought over from one to the other, and nobody is to miss a record. */

type Kafka = Awaited<ReturnType<typeof startKafka>>;
let [one, other] = [] as unknown as [Kafka, Kafka];
beforeAll(async () => {
  [one, other] = await Promise.all([startKafka(), startKafka()]);
});
afterAll(() => Promise.all([one, other].map((kafka) => kafka[Symbol.asyncDispose]())));

/** `half` records in each of two partitions, numbered from `from` on. */
const write = ({ brokers }: Kafka, topic: string, from: number, half: number) =>
  produce(
    topic,
    jsonOf(from, from + 2 * half).map((message, i) => ({ ...message, partition: i < half ? 0 : 1 })),
    brokers,
  );

async function onBoth() {
  const topic = freshPrefix('moved');
  for (const { brokers } of [one, other]) {
    await withAdmin(brokers, (admin) => makeTopics(admin, [{ topic, numPartitions: 2 }]));
  }
  return { topic, memory: createMemoryLog(), groupId: freshPrefix('group') };
}

test('relays that go on at another cluster: all that its topic has is there and shown, and told once for each partition', async () => {
  const { topic } = await onBoth();
  const { brokers } = one;
  const deleteTopic = () => withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }));
  await using bed = await historyBed({ brokers, deleteTopic, admin: (work) => withAdmin(brokers, work) }, topic);
  const [live, away] = [await bed.client(), await bed.client()];
  await write(one, topic, 0, 150);
  const first = () => [live, away].every((client) => client.numbers().length === 300);
  await eventually('both clients have all of the first', first);
  away.close();
  const [seen, cursor] = [away.numbers().slice(0, 100), away.cursor(100)];
  await bed.meanwhile('stopped', () => write(other, topic, 1_000, 175), other.brokers.join());
  // Relays of the first one are waited for, whether they come back or not.
  const all = async () => (await bed.held()).length >= 650;
  await eventually('the log has all of the other', all, { within: 60_000 });
  await eventually('the live client has it', () => live.numbers().length >= 650);
  const back = await bed.client(cursor);
  await eventually('the other client has it', () => seen.length + back.numbers().length >= 650);
  const ofBoth = [...upTo(300), ...upTo(1_350, 1_000)];
  for (const numbers of [await bed.held(), live.numbers(), [...seen, ...back.numbers()]]) {
    expect([...numbers].sort((a, b) => a - b)).toEqual(ofBoth);
    const ofOnePartition = numbers.filter((n) => n >= 1_175);
    expect(ofOnePartition).toEqual(upTo(1_350, 1_175));
  }
  const told = (await bed.told()).map(({ reason, partition }) => [reason, partition]);
  expect(told.sort()).toEqual([
    ['TOPIC_RECREATED', 0],
    ['TOPIC_RECREATED', 1],
  ]);
  for (const client of [live, back]) expect(client.gaps()).toEqual(['TOPIC_RECREATED']);
});

test('while one cluster is read, a relay on another one under the same log waits, says why, and goes on after it', async () => {
  const { topic, memory, groupId } = await onBoth();
  await write(one, topic, 0, 10);
  const first = testRelay([topic], { memory, groupId, kafka: { brokers: one.brokers } });
  try {
    await eventually('the log has all of the first', async () => (await first.held(topic)).length === 20);
    await write(other, topic, 1_000, 10);
    await using second = testRelay([topic], { memory, groupId, kafka: { brokers: other.brokers } });
    await eventually('the second one says why it waits', () => /cluster/.test(second.ready() ?? ''));
    // The first one has moved on since, and the second one has had its chance.
    await write(one, topic, 20, 10);
    await eventually('the log has what is new', async () => (await first.held(topic)).length >= 40);
    expect(second.ready()).toMatch(/cluster/);
    expect(numbersOf(await first.held(topic)).sort((a, b) => a - b)).toEqual(upTo(40));
    expect(await memory.gaps(0)).toEqual([]);
    await first.stop();
    await eventually('the second one goes on', async () => (await second.held(topic)).length >= 60, { within: 60_000 });
    expect(second.ready()).toBeNull();
    expect(numbersOf(await second.held(topic)).sort((a, b) => a - b)).toEqual([...upTo(40), ...upTo(1_020, 1_000)]);
    expect((await memory.gaps(0)).map(({ reason }) => reason)).toEqual(['TOPIC_RECREATED', 'TOPIC_RECREATED']);
  } finally {
    await first.stop();
  }
});

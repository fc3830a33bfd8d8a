import { setTimeout as wait } from 'node:timers/promises';
import type { Message, Producer } from 'kafkajs';
import type { KafkaCluster, TopicShape } from './kafka-cluster.js';
import { jsonOf, produce, read, withProducer } from './relay-kafka.js';
import { eventually, freshPrefix } from './services.js';

/** What a topic is filled with: records of `{n}`, each inner list at once, as a transaction or not. */
export interface Filling {
  readonly batches: readonly (readonly Message[])[];
  readonly transactional: boolean;
}

/** Numbered from `from` on, by transactions of so many each: behind each of them lies an offset without a record. */
export function byTransactions(sizes: readonly number[], from = 1_000, partitions = 1): Filling {
  const begins = sizes.map((_, i) => from + sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  return {
    batches: sizes.map((size, i) => spread(jsonOf(begins[i] as number, (begins[i] as number) + size), partitions)),
    transactional: true,
  };
}

export const atOnce = (count: number, from = 1_000, partitions = 1): Filling => ({
  batches: [spread(jsonOf(from, from + count), partitions)],
  transactional: false,
});

/** In turn, so that a test knows what lies where. */
const spread = (messages: Message[], partitions: number) =>
  messages.map((message, i) => ({ ...message, partition: i % partitions }));

/** Carries out `ready`, with a producer that is connected by then, and fills the topic at once. */
export const fill = (
  { brokers }: KafkaCluster,
  topic: string,
  { batches, transactional }: Filling,
  ready: () => Promise<unknown> = async () => {},
): Promise<void> =>
  withProducer(
    async (producer) => {
      await ready();
      for (const messages of batches) await (transactional ? transact : send)(producer, topic, [...messages]);
    },
    brokers,
    transactional ? freshPrefix('writer') : undefined,
  );

const send = (producer: Producer, topic: string, messages: Message[]) => producer.send({ topic, messages });

async function transact(producer: Producer, topic: string, messages: Message[]) {
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages });
  await transaction.commit();
}

/** Deletes the topic, makes it again 80 ms later, and fills it at once. */
export const makeAgain = (cluster: KafkaCluster, topic: string, filling: Filling, shape: TopicShape = {}) =>
  fill(cluster, topic, filling, async () => {
    await cluster.deleteTopic(topic);
    await wait(80);
    await cluster.makeTopic(topic, shape);
  });

const compaction = {
  'cleanup.policy': 'compact',
  'segment.ms': '50',
  'max.compaction.lag.ms': '100',
  'min.cleanable.dirty.ratio': '0.01',
};

/**
 * Makes the topic again as a compacted one, of 109 records and some more, and resolves when the one at `hole` is gone.
 * The numbers of what is left begin at 1000.
 */
export async function makeAgainCompacted(cluster: KafkaCluster, topic: string, hole: number): Promise<void> {
  const messages = jsonOf(1_000, 1_109).map((message, i) => ({ ...message, key: i === hole ? 'k108' : `k${i}` }));
  const filling = { batches: [messages], transactional: false };
  await makeAgain(cluster, topic, filling, { config: compaction });
  let n = 2_000;
  await eventually('compaction', async () => {
    // Each record closes the segment before it, so that the cleaner may take it.
    await produce(topic, [{ key: `k${n}`, value: JSON.stringify({ n }) }], cluster.brokers);
    n++;
    const all = await read(topic, (found) => numberOf(found.at(-1)) === n - 1, cluster.brokers);
    return all.every(({ offset }) => offset !== hole);
  });
}

const numberOf = (record: { value: Buffer | null } | undefined) => JSON.parse(String(record?.value ?? '{}')).n;

/** What the topic holds, if it ends with a record, for whoever reads it from its begin. */
export async function numbersIn(cluster: KafkaCluster, topic: string): Promise<number[]> {
  const end = await endOf(cluster, topic);
  const found = await read(topic, (records) => (records.at(-1)?.offset ?? -1) === end - 1, cluster.brokers);
  return found.map(numberOf);
}

export const deleteRecords = (cluster: KafkaCluster, topic: string, below: number): Promise<void> =>
  cluster.admin(async (admin) => {
    // Loads the metadata that the next call needs.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(below) }] });
  });

/** A topic whose end may be cut off. */
export const unclean = { 'unclean.leader.election.enable': 'true' };

const others = async (cluster: KafkaCluster, topic: string) => {
  const { leader, replicas } = await cluster.stateOf(topic);
  return { leader, followers: replicas.filter((id) => id !== leader) };
};

const everywhere = ({ isr, replicas }: { isr: readonly number[]; replicas: readonly number[] }) =>
  isr.length === replicas.length;

const endOf = async (cluster: KafkaCluster, topic: string): Promise<number> => {
  const [bounds] = await cluster.admin((admin) => admin.fetchTopicOffsets(topic));
  return Number(bounds?.high);
};

/** Resolves when nobody copies any more what the topic's leader is given. */
export async function leaveAlone(cluster: KafkaCluster, topic: string): Promise<void> {
  // A replica that is not in sync counts for gone while a fetch of its own still waits at the leader: that they are in sync
  // is looked at when they stand still.
  for (let still = false; !still; ) {
    await cluster.until('all have it', topic, everywhere);
    const { followers } = await others(cluster, topic);
    for (const id of followers) cluster.nodes.get(id)?.pause();
    still = everywhere(await cluster.stateOf(topic));
    if (!still) for (const id of followers) cluster.nodes.get(id)?.resume();
  }
  await cluster.until('its leader is alone', topic, ({ isr }) => isr.length === 1);
}

/**
 * The leader that was left alone stands still, so that one is elected which lacks what was written since. That one is
 * given something else, then the old one goes on and drops what it had.
 */
export async function cutOff(cluster: KafkaCluster, topic: string, filling: Filling): Promise<void> {
  const { leader: old, followers } = await others(cluster, topic);
  const end = await endOf(cluster, topic);
  cluster.nodes.get(old)?.pause();
  for (const id of followers) cluster.nodes.get(id)?.resume();
  await cluster.until('another leads', topic, ({ leader }) => leader !== old && leader >= 0);
  if ((await endOf(cluster, topic)) >= end) throw new Error('the new leader has it all: nothing is cut off');
  await fill(cluster, topic, filling);
  cluster.nodes.get(old)?.resume();
  await cluster.until('all have it', topic, everywhere);
}

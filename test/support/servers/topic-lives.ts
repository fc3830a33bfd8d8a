import { setTimeout as wait } from 'node:timers/promises';
import type { Message, Producer } from 'kafkajs';
import { jsonOf, produce, read, withProducer } from '../relay/relay-kafka.js';
import type { KafkaCluster, TopicShape } from './kafka-cluster.js';
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

/** What was acknowledged, or shown to a reader, is never lost with a broker that stands still or is killed. */
export const safe = { 'min.insync.replicas': '2' };
/** One broker is enough, and is not waited for. */
const unclean = { 'min.insync.replicas': '1', 'unclean.leader.election.enable': 'true' };

const endOf = async (cluster: KafkaCluster, topic: string): Promise<number> => {
  const [bounds] = await cluster.admin((admin) => admin.fetchTopicOffsets(topic));
  return Number(bounds?.high);
};

/** The steps of a cut, in their order. Each resolves when it is so for all of the topic's partitions. */
export function cutBehind(cluster: KafkaCluster, topic: string, lead: number, partitions = 1) {
  const all = async (what: string, such: Parameters<KafkaCluster['until']>[2]) => {
    for (let partition = 0; partition < partitions; partition++) await cluster.until(what, topic, such, partition);
  };
  const others = async () => {
    const { replicas } = await cluster.stateOf(topic);
    return replicas.flatMap((id) => (id === lead ? [] : (cluster.nodes.get(id) ?? [])));
  };
  const inSync = () => all('all have it', ({ isr, replicas }) => isr.length === replicas.length);
  return {
    /** One broker leads, and nobody copies what it is given. */
    async alone() {
      await cluster.configureTopic(topic, unclean);
      // A replica that is not in sync counts for gone while a fetch of its own still waits at the leader.
      await inSync();
      for (const node of await others()) node.pause();
      await all('its leader is alone', ({ leader, isr }) => leader === lead && isr.length === 1);
    },
    /** It stands still, so that one leads that lacks what was written since. */
    async elect() {
      cluster.nodes.get(lead)?.pause();
      for (const node of await others()) node.resume();
      await all('another leads', ({ leader }) => leader !== lead && leader >= 0);
    },
    /** It goes on, and drops what only it had. */
    async mend() {
      cluster.nodes.get(lead)?.resume();
      await inSync();
      await cluster.configureTopic(topic, safe);
    },
  };
}

export type Cut = ReturnType<typeof cutBehind>;

/** What the leader that was left alone had been given since is cut off, and something else is written there. */
export async function cutOff(cluster: KafkaCluster, topic: string, cut: Cut, filling: Filling): Promise<void> {
  const end = await endOf(cluster, topic);
  await cut.elect();
  if ((await endOf(cluster, topic)) >= end) throw new Error('the new leader has it all: nothing is cut off');
  await fill(cluster, topic, filling);
  await cut.mend();
}

import { type Admin, ConfigResourceTypes, Kafka, logLevel, type PartitionMetadata } from 'kafkajs';
import { randomClusterId } from '../../../scripts/services/kafka.mjs';
import { freePort } from '../../../scripts/services/ports.mjs';
import { makeTopics } from '../../../src/kafka/topics.js';
import { opening } from '../opened.js';
import { eventually, withAdmin } from './services.js';
import { startKafka, type ThrowAway } from './throw-away.js';

/** Holds the controller and Kafka's own topics, so that any other broker may go without taking those along. */
const seat = 1;

/** A broker that stands still is noticed within seconds, and back in sync as soon. */
const quick = {
  'broker.session.timeout.ms': 2_000,
  'broker.heartbeat.interval.ms': 250,
  'replica.lag.time.max.ms': 2_000,
  // A fetch of a broker that stands still waits no longer than this for what it is not to get.
  'replica.fetch.wait.max.ms': 50,
  'replica.fetch.backoff.ms': 100,
  'replica.socket.timeout.ms': 2_000,
  'unclean.leader.election.interval.ms': 500,
};

export interface TopicShape {
  readonly partitions?: number;
  /** The brokers that have it, the first of them leads, and of the next partition the next one; default all. */
  readonly replicas?: readonly number[];
  /** Kafka's own, such as `{'cleanup.policy': 'compact'}`. */
  readonly config?: Readonly<Record<string, string>>;
}

type Replicas = Pick<PartitionMetadata, 'leader' | 'isr' | 'replicas'>;

/** Where topics can be made, grown and looked at. */
export interface Topics {
  /** The address of each broker; in a cluster of a test's own the first one is always there. */
  readonly brokers: string[];
  admin<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  /** Makes the topic, and resolves when its partitions have leaders; false when it was there. */
  makeTopic(topic: string, shape?: TopicShape): Promise<boolean>;
  deleteTopic(topic: string): Promise<void>;
  /** Lets the topic have so many partitions; resolves when they have leaders. */
  growTopic(topic: string, count: number): Promise<void>;
  /** These are the topic's own settings then, and no others. */
  configureTopic(topic: string, config: NonNullable<TopicShape['config']>): Promise<void>;
  /** Throws while the partition is not known. */
  stateOf(topic: string, partition?: number): Promise<Replicas>;
  /** Resolves when the partition has such a leader and such replicas in sync. */
  until(what: string, topic: string, such: (state: Replicas) => boolean, partition?: number): Promise<unknown>;
}

/** Brokers of a test's own that copy each other's records. Ended, and their data removed, at the end of its scope. */
export interface KafkaCluster extends Topics, AsyncDisposable {
  /** By id, the brokers that topics lie on: to be killed, paused and restarted, even all of them at once. */
  readonly nodes: ReadonlyMap<number, ThrowAway>;
}

/** So many real brokers, and one more that presides and has no topics. */
export async function startKafkaCluster({ size = 3 } = {}): Promise<KafkaCluster> {
  return opening(async (scope) => {
    const [controllerPort, clusterId] = [await freePort(), randomClusterId()];
    const start = async (id: number) => {
      const port = await freePort();
      const properties = { ...quick, ...(id === seat ? {} : memberOf(id, port, controllerPort)) };
      return [id, scope.use(await startKafka({ port, controllerPort, clusterId, properties }))] as const;
    };
    const starting = Array.from({ length: size + 1 }, (_, n) => start(seat + n));
    // One that fails must not leave another behind that is still to start.
    await Promise.allSettled(starting);
    const all = new Map(await Promise.all(starting));
    const brokers = [...all.values()].flatMap((node) => node.brokers);
    const nodes = new Map([...all].filter(([id]) => id !== seat));
    const topics = topicsOf(brokers, [...nodes.keys()]);
    await topics.admin(async (one) => {
      const here = async () => (await one.describeCluster()).brokers.length === all.size;
      await eventually('all brokers are in the cluster', here, { within: 60_000 });
      await makeTopics(one, internal);
    });
    return { ...topics, nodes };
  });
}

/** kafkajs asks any broker, and waits half a minute for one that stands still. */
const clientOf = (brokers: string[]) =>
  new Kafka({ brokers, logLevel: logLevel.NOTHING, connectionTimeout: 1_000, requestTimeout: 1_000 });

const memberOf = (id: number, port: number, controllerPort: number) => ({
  'process.roles': 'broker',
  'node.id': id,
  'controller.quorum.voters': `${seat}@127.0.0.1:${controllerPort}`,
  listeners: `PLAINTEXT://127.0.0.1:${port}`,
});

/** The topics of brokers that others use too: they lie where Kafka puts them, once. */
export const topicsOn = (brokers: string[]): Topics => topicsOf(brokers, []);

function topicsOf(brokers: string[], everywhere: readonly number[]): Topics {
  const admin: Topics['admin'] = (work) => withAdmin(clientOf(brokers.slice(0, 1)), work);
  const stateOf = (topic: string, partition = 0) =>
    admin(async (one) => {
      const { topics } = await one.fetchTopicMetadata({ topics: [topic] });
      const found = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition);
      if (found === undefined) throw new Error(`Kafka does not know partition ${partition} of ${topic}.`);
      return found;
    });
  const until: Topics['until'] = (what, topic, such, partition) => {
    const look = async () => {
      const state = await stateOf(topic, partition);
      if (!such(state)) throw new Error(JSON.stringify(state));
      return true;
    };
    return eventually(what, look, { within: 60_000, every: 100 });
  };
  const led = async (topic: string, partitions: number) => {
    for (let partition = 0; partition < partitions; partition++) {
      await until(`${topic} is led`, topic, ({ leader }) => leader >= 0, partition);
    }
  };
  return {
    brokers,
    admin,
    stateOf,
    until,
    async makeTopic(topic, { partitions = 1, replicas = everywhere, config = {} } = {}) {
      const made = await admin((one) => makeTopics(one, [topicOn(topic, partitions, replicas, config)]));
      await led(topic, partitions);
      return made;
    },
    deleteTopic: (topic) => admin((one) => one.deleteTopics({ topics: [topic] })),
    async configureTopic(topic, config) {
      const resource = { type: ConfigResourceTypes.TOPIC, name: topic, configEntries: entriesOf(config) };
      await admin((one) => one.alterConfigs({ validateOnly: false, resources: [resource] }));
    },
    async growTopic(topic, count) {
      await admin(async (one) => {
        const here = (await one.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length ?? 0;
        const assignments = Array.from({ length: count - here }, (_, n) => turned(everywhere, here + n));
        const placed = everywhere.length > 0 ? { assignments } : {};
        await one.createPartitions({ topicPartitions: [{ topic, count, ...placed }] });
      });
      await led(topic, count);
    },
  };
}

/** So that each is the first in as many partitions as any other. */
const turned = (replicas: readonly number[], partition: number) => {
  const first = partition % replicas.length;
  return [...replicas.slice(first), ...replicas.slice(0, first)];
};

const assigned = (partitions: number, replicas: readonly number[]) =>
  Array.from({ length: partitions }, (_, partition) => ({ partition, replicas: turned(replicas, partition) }));

const entriesOf = (config: NonNullable<TopicShape['config']>) =>
  Object.entries(config).map(([name, value]) => ({ name, value }));

const topicOn = (
  topic: string,
  partitions: number,
  replicas: readonly number[],
  config: Readonly<Record<string, string>>,
) => ({
  topic,
  ...(replicas.length === 0
    ? { numPartitions: partitions, replicationFactor: 1 }
    : { replicaAssignment: assigned(partitions, replicas) }),
  configEntries: entriesOf(config),
});

/** Kafka would make these at the first group and the first transaction, on any broker. */
const internal = [
  topicOn('__consumer_offsets', 1, [seat], { 'cleanup.policy': 'compact' }),
  topicOn('__transaction_state', 1, [seat], { 'cleanup.policy': 'compact' }),
];

import kafkajs, { type ICustomPartitioner } from 'kafkajs';
import type { Config } from '../../config/variables.js';
import { defaultCluster } from '../../event/source-event.js';
import { openKafka } from '../../kafka/connection.js';
import { silent } from '../../observe/logger.js';
import { isTooLarge } from '../../relay/kafka/kafka-dead-letters.js';
import { routeRecord, routingOf } from '../../relay/route.js';
import type { StreamSchema, TopicPlan } from '../../schema/stream-schema.js';
import { Refusal } from '../process/refusal.js';
import { kafkaSettings } from '../settings/kafka.js';
import type { Destination } from './destination.js';
import { type Line, LineFault } from './lines.js';
import { counted, numeral, outcomeOf, type Tally } from './outcome.js';
import type { Letter } from './post.js';
import { unknownTopic } from './unknown-topic.js';

export interface Routes {
  readonly schema: Pick<StreamSchema, 'topics'>;
  readonly file: string;
}

/**
 * The topic in Kafka. What became of a record there nobody here knows: told is by which routes a relay of this schema
 * sends it on.
 */
export function toKafka(config: Config<'send'>, letter: Letter, { schema, file }: Routes): Destination {
  const { topic } = letter;
  const brokers = config.kafkaBrokers.join(', ');
  const kafka = openKafka({ ...kafkaSettings(config), clientId: 'tailrace-send' }, silent);
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: inOnePartition,
    retry: { retries: 2 },
  });
  const key = letter.key === null ? null : Buffer.from(letter.key);
  const refused = (error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    return new Refusal(
      `Kafka at ${brokers} does not take the records: ${why}. TAILRACE_KAFKA_BROKERS says where it is.`,
    );
  };

  /** Sends a batch to one partition, so that all of it is written or nothing is. */
  async function write(
    lines: readonly Line[],
    plan: TopicPlan,
    told: Parameters<Destination['send']>[1],
  ): Promise<void> {
    const timestamp = letter.timestamp ?? Date.now();
    const { headers } = letter;
    const messages = lines.map(({ bytes }) => ({
      key,
      value: bytes,
      headers: { ...headers },
      timestamp: String(timestamp),
    }));
    const [written] = await producer.send({ topic, acks: -1, messages });
    const { partition = 0, baseOffset = '-1', logAppendTime = '-1' } = written ?? {};
    // The time that Kafka sets itself, where the topic says so, is the record's.
    const time = Number(logAppendTime) < 0 ? timestamp : Number(logAppendTime);
    const routing = routingOf(plan, '');
    for (const [i, line] of lines.entries()) {
      const place = { topic, partition, offset: Number(baseOffset) + i };
      const record = { ...place, key, headers, timestamp: time, value: line.bytes };
      const routed = routeRecord(record, routing, false);
      told(line, outcomeOf(place, routed, plan, null));
    }
  }

  async function send(lines: readonly Line[], told: Parameters<Destination['send']>[1]): Promise<void> {
    try {
      await write(lines, schema.topics.in(defaultCluster).get(topic) as TopicPlan, told);
    } catch (error) {
      if (!isTooLarge(error)) throw refused(error);
      const [first] = lines;
      if (first !== undefined && lines.length === 1)
        throw new LineFault(
          first.number,
          `has ${numeral(first.bytes.length)} bytes, and ${topic} in Kafka takes no record as large (max.message.bytes)`,
        );
      const half = Math.ceil(lines.length / 2);
      await send(lines.slice(0, half), told);
      await send(lines.slice(half), told);
    }
  }

  return {
    most: { bytes: 16 * 1024 * 1024, whose: '`tailrace send` takes' },
    async open() {
      if (!schema.topics.in(defaultCluster).has(topic)) throw new Refusal(unknownTopic(topic, schema, file));
      const admin = kafka.admin();
      try {
        await admin.connect();
        // All topics are asked for: one that is asked for by its name a broker may make.
        if (!(await admin.listTopics()).includes(topic))
          throw new Refusal(`Kafka at ${brokers} has no topic ${topic} that this user may see: make it there first.`);
        await producer.connect();
      } catch (error) {
        throw error instanceof Refusal ? error : refused(error);
      } finally {
        await admin.disconnect().catch(() => {});
      }
    },
    send,
    placeOf: ({ partition, offset }) => `partition ${partition}, offset ${offset}`,
    sum: (tally) =>
      `${counted(tally.records, 'record')} written to ${topic} in Kafka at ${brokers}${wouldBecome(tally, file)}.`,
    close: () => producer.disconnect(),
  };
}

function wouldBecome({ records, routed, nobody, letters }: Tally, file: string): string {
  if (records === 0) return '';
  const parts = [
    `${numeral(routed)} routed`,
    ...(nobody > 0 ? [`${numeral(nobody)} for nobody`] : []),
    ...(letters > 0 ? [counted(letters, 'dead letter')] : []),
  ];
  return `; by ${file}: ${parts.join(', ')}`;
}

/** The partitioner: by the key, as in all of Kafka's clients; records without one go where the first went, or they would lose their order. */
const inOnePartition: ICustomPartitioner = () => {
  const choose = kafkajs.Partitioners.DefaultPartitioner();
  let chosen: number | null = null;
  return (args) => {
    chosen ??= choose(args);
    return chosen;
  };
};

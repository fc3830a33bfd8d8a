#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { openKafka } from '../kafka/connection.js';
import { makeTopics } from '../kafka/topics.js';
import { pinoLogger } from '../observe/pino.js';
import { configOf, type Run } from './process/command.js';
import { Refusal } from './process/refusal.js';
import { runProcess } from './process/run-process.js';
import { untilStopped } from './process/until-stopped.js';
import { type SampleRecord, sampleTopics } from './sample/record.js';
import { startSample } from './sample/source.js';
import { kafkaSettings } from './settings/kafka.js';

/**
 * `npm run sample`: writes both sample topics to Kafka until it is stopped, and makes the topics when they are missing.
 * `-- --rate 200` gives that many card transactions a second.
 */
const sample: Run = async (args, env, { err }) => {
  const { values } = parseArgs({ args: [...args], options: { rate: { type: 'string', default: '5' } } });
  const rate = Number(values.rate);
  if (!(rate > 0 && rate <= 10_000)) throw new Refusal(`--rate must be a number up to 10000, not ${values.rate}.`);
  const config = configOf(env, 'sample');
  const brokers = config.kafkaBrokers.join(', ');
  const kafka = openKafka(
    { ...kafkaSettings(config), clientId: 'tailrace-sample' },
    pinoLogger({ level: 'error', command: 'sample' }),
  );

  return untilStopped(async (started) => {
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    const admin = kafka.admin();
    try {
      await admin.connect();
      const topics = Object.entries(sampleTopics).map(([topic, numPartitions]) => ({ topic, numPartitions }));
      await makeTopics(admin, topics);
      await producer.connect();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Refusal(
        `Kafka at ${brokers} does not take the samples: ${why}. TAILRACE_KAFKA_BROKERS says where it is.`,
      );
    } finally {
      await admin.disconnect();
    }
    started(() => producer.disconnect());

    let failing = false;
    const emit = async (records: readonly SampleRecord[]) => {
      await producer.sendBatch({ topicMessages: byTopic(records) });
      if (failing) err('Kafka takes the samples again.');
      failing = false;
    };
    const failed = (error: unknown) => {
      if (!failing)
        err(`Kafka does not take the samples: ${error instanceof Error ? error.message : error}. Trying again.`);
      failing = true;
    };
    const source = startSample(emit, failed, { rate });
    started(() => source.stop());
    err(`Writing ${Object.keys(sampleTopics).join(' and ')} to Kafka at ${brokers}, ${rate} transactions a second.`);
  });
};

function byTopic(records: readonly SampleRecord[]) {
  return Object.keys(sampleTopics).map((topic) => ({
    topic,
    messages: records
      .filter((record) => record.topic === topic)
      .map(({ key, value, timestamp }) => ({ key, value, timestamp: String(timestamp) })),
  }));
}

await runProcess((terminal) => sample(process.argv.slice(2), process.env, terminal));

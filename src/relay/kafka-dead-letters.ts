import kafkajs, { type Kafka, type Producer } from 'kafkajs';
import type { Logger } from '../observe/logger.js';
import { type DeadLetters, type LetterMessage, letterMessage } from './dead-letter.js';

export interface DeadLetterTopic {
  readonly write: DeadLetters;
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * The dead-letter topic. Nothing is opened before the first letter; then the topic is made, with one partition, if it
 * is not there. Each `write` resolves when Kafka has the letters, and throws when it does not take them.
 */
export function createDeadLetterTopic(kafka: Kafka, topic: string, connector: string, logger: Logger): DeadLetterTopic {
  let opening: Promise<Producer> | null = null;

  async function open(): Promise<Producer> {
    const admin = kafka.admin();
    try {
      await admin.connect();
      if (!(await admin.listTopics()).includes(topic)) {
        await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
        logger.info({ topic }, 'The dead-letter topic was created');
      }
    } finally {
      await admin.disconnect();
    }
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return producer;
  }

  async function close(): Promise<void> {
    const opened = opening;
    opening = null;
    await opened?.then((producer) => producer.disconnect()).catch(() => {});
  }

  async function send(producer: Producer, message: LetterMessage): Promise<void> {
    const messages = [{ ...message, partition: 0 }];
    try {
      await producer.send({ topic, acks: -1, messages });
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      // The headers made the letter larger than the topic takes. Tried again it would be as large: the partition would
      // wait for ever. What is said of the record still goes, and the record itself is where the headers say.
      logger.error({ topic }, 'A dead letter is too large for its topic: it is written without its value');
      await producer.send({ topic, acks: -1, messages: [{ ...message, partition: 0, value: null }] });
    }
  }

  async function write(letters: Parameters<DeadLetters>[0]): Promise<void> {
    try {
      opening ??= open();
      const producer = await opening;
      for (const letter of letters) await send(producer, letterMessage(letter, connector));
    } catch (error) {
      // The topic may have been deleted, the producer be stuck to a broker that is gone: begin anew next time.
      await close();
      throw error;
    }
  }

  return { write, close };
}

const isTooLarge = (error: unknown) =>
  error instanceof kafkajs.KafkaJSProtocolError && error.type === 'MESSAGE_TOO_LARGE';

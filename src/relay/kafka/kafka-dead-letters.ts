import kafkajs, { type Kafka, type Producer } from 'kafkajs';
import { makeTopics } from '../../kafka/topics.js';
import type { Logger } from '../../observe/logger.js';
import { type DeadLetter, type DeadLetters, type LetterMessage, lesserLetters, letterMessage } from '../dead-letter.js';

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
        await makeTopics(admin, [{ topic, numPartitions: 1 }]);
        logger.info({ topic }, 'The dead-letter topic was created');
      }
    } finally {
      await admin.disconnect();
    }
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { retries: 2 },
    });
    await producer.connect();
    return producer;
  }

  async function close(): Promise<void> {
    const opened = opening;
    opening = null;
    await opened?.then((producer) => producer.disconnect()).catch(() => {});
  }

  const send = (producer: Producer, messages: readonly LetterMessage[]) =>
    producer.send({ topic, acks: -1, messages: messages.map((message) => ({ ...message, partition: 0 })) });

  /** More than the topic takes at once goes in halves: one by one, a flood of them would wait for Kafka at each. */
  async function sendAll(producer: Producer, letters: readonly DeadLetter[], kept: Parameters<DeadLetters>[1]) {
    const half = Math.ceil(letters.length / 2);
    try {
      await send(
        producer,
        letters.map((letter) => letterMessage(letter, connector)),
      );
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      if (letters.length > 1) {
        await sendAll(producer, letters.slice(0, half), kept);
        return sendAll(producer, letters.slice(half), kept);
      }
      for (const letter of letters) await sendLess(producer, letter);
    }
    kept(letters);
  }

  /**
   * Tried again as it is it would be as large: the partition would wait for ever. What is said of the record still goes,
   * and the record itself is where the headers say.
   */
  async function sendLess(producer: Producer, letter: DeadLetter): Promise<void> {
    for (const message of lesserLetters(letter, connector)) {
      logger.error({ topic }, 'A dead letter is too large for its topic: less of it is written');
      try {
        await send(producer, [message]);
        return;
      } catch (error) {
        if (!isTooLarge(error)) throw error;
      }
    }
    throw new Error(`${topic} takes not even what is said of a dead letter: its max.message.bytes is too small`);
  }

  async function write(...[letters, kept]: Parameters<DeadLetters>): Promise<void> {
    try {
      opening ??= open();
      await sendAll(await opening, letters, kept);
    } catch (error) {
      // The topic may have been deleted, the producer be stuck to a broker that is gone: begin anew next time.
      await close();
      throw error;
    }
  }

  return { write, close };
}

export const isTooLarge = (error: unknown) =>
  error instanceof kafkajs.KafkaJSProtocolError && error.type === 'MESSAGE_TOO_LARGE';

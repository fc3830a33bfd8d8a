import type { RedisPubSub } from 'graphql-redis-subscriptions';
import { Kafka, logLevel } from 'kafkajs';

export interface Source {
  readonly brokers: string[];
  readonly groupId: string;
  readonly topic: string;
}

/** The consumer loop: each record is published to everybody who listens now. Who is away has missed it. */
export async function consume({ brokers, groupId, topic }: Source, pubsub: RedisPubSub): Promise<void> {
  const consumer = new Kafka({ brokers, logLevel: logLevel.ERROR }).consumer({ groupId });
  await consumer.connect();
  await consumer.subscribe({ topic });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (message.value === null) return;
      await pubsub.publish('TRANSACTION', { transaction: JSON.parse(message.value.toString()) });
    },
  });
  await joined;
}

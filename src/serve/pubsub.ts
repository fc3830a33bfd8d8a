import { RedisPubSub } from 'graphql-redis-subscriptions';
import type { Redis, RedisOptions } from 'ioredis';
import type { PubSub } from '../graphql/executable.js';

export interface RedisPubSubParts {
  /** Opens one connection each time, by the settings of the log's own. */
  connect(name: string, extra: RedisOptions): Redis;
}

/**
 * The `context.pubsub` of a gateway. What is published while Redis is away is refused after a few seconds; what others
 * publish meanwhile is gone. Channel names are the resolvers' own, so that publishers outside Tailrace are heard.
 */
export function redisPubSub({ connect }: RedisPubSubParts): PubSub & { close(): Promise<void> } {
  const publisher = connect('publish', { enableOfflineQueue: true, maxRetriesPerRequest: null, commandTimeout: 5_000 });
  // The library ignores what its `unsubscribe` answers: a command that fails while Redis is away would be an unhandled
  // rejection and end the process. Queued without an end it is sent when Redis is back.
  const subscriber = connect('subscribe', {
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    autoResubscribe: true,
    autoResendUnfulfilledCommands: true,
  });
  // Its types name ioredis 5; what it calls (publish, subscribe, unsubscribe, the events) is the same in 6.
  const pubsub = new RedisPubSub({ publisher: publisher as never, subscriber: subscriber as never });
  return {
    publish: (topic, payload) => pubsub.publish(topic, payload),
    asyncIterableIterator: (topics) => pubsub.asyncIterableIterator(typeof topics === 'string' ? topics : [...topics]),
    async close() {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

import { RedisPubSub } from 'graphql-redis-subscriptions';
import type { Redis, RedisOptions } from 'ioredis';
import { readJson } from '../../event/read-json.js';
import { writeSame } from '../../event/write-json.js';
import type { PubSub } from '../../graphql/executable.js';

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
  const subscriber = connect('subscribe', {
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    autoResubscribe: true,
    autoResendUnfulfilledCommands: true,
  });
  // The library's types name ioredis 5; what it calls (publish, subscribe, unsubscribe, the events) is the same in 6.
  const pubsub = new Patient({
    publisher: publisher as never,
    subscriber: forgiving(subscriber) as never,
    serializer: writeSame,
    deserializer: (text) => readJson(String(text)),
  });
  return {
    publish: (topic, payload) => pubsub.publish(topic, payload),
    asyncIterableIterator<T>(topics: string | readonly string[]) {
      const events = pubsub.asyncIterableIterator<T>(typeof topics === 'string' ? topics : [...topics]);
      const leave = events.return?.bind(events);
      // The library's `return` rejects once more where `next` has told the refusal already.
      events.return = () =>
        leave?.()
          .catch(() => undefined)
          .then(() => ({ value: undefined, done: true })) as never;
      return events;
    },
    async close() {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

/** The library drops what these two answer: a refusal by an ACL would be an unhandled rejection, and end the process. */
function forgiving(subscriber: Redis): Redis {
  for (const name of ['unsubscribe', 'punsubscribe'] as const) {
    const leave = subscriber[name].bind(subscriber) as (...channels: string[]) => Promise<unknown>;
    subscriber[name] = ((...channels: string[]) => leave(...channels).catch(() => undefined)) as never;
  }
  return subscriber;
}

class Patient extends RedisPubSub {
  /** A refused SUBSCRIBE is told to who asked, and again to those who asked meanwhile: nobody, as a rule. */
  override subscribe<T>(trigger: string, hear: (message: T) => void, options?: unknown): Promise<number> {
    const subscribed = super.subscribe<T>(trigger, hear, options);
    // biome-ignore lint/complexity/useLiteralKeys: private, and nothing else reaches the promise that nobody handles.
    void this['subsPendingRefsMap'].get(trigger)?.pending.catch(() => undefined);
    return subscribed;
  }
}

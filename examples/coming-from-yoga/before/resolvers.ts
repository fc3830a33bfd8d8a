import type { RedisPubSub } from 'graphql-redis-subscriptions';
import { withFilter } from 'graphql-subscriptions';

export interface Context {
  readonly pubsub: RedisPubSub;
  readonly viewer: { readonly sub: string } | null;
}

export const resolvers = {
  Query: { version: () => '1' },
  Subscription: {
    transaction: {
      // Every replica hears every transaction, and asks this of each of its subscribers.
      subscribe: withFilter(
        (_root, _args, { pubsub }) => pubsub.asyncIterableIterator('TRANSACTION'),
        ({ transaction }, { minAmount }, { viewer }) =>
          transaction.userId === viewer?.sub && (minAmount == null || transaction.amount >= minAmount),
      ),
    },
  },
};

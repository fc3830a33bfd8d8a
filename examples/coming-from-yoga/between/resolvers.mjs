// @ts-nocheck
import { withFilter } from 'graphql-subscriptions';

// The resolver as it was. `context.pubsub` is a RedisPubSub on TAILRACE_REDIS_URL, so it hears the old publisher.
export const resolvers = {
  Subscription: {
    transaction: {
      subscribe: withFilter(
        (_root, _args, { pubsub }) => pubsub.asyncIterableIterator('TRANSACTION'),
        ({ transaction }, { minAmount }, { viewer }) =>
          transaction.userId === viewer.claims.sub && (minAmount == null || transaction.amount >= minAmount),
      ),
    },
  },
};

// Where many teams are: one process with GraphQL Yoga, graphql-ws, Redis pub/sub, a consumer loop and `withFilter`.
import { createServer } from 'node:http';
import { RedisPubSub } from 'graphql-redis-subscriptions';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';
import { consume } from './consumer.js';
import { type Context, resolvers } from './resolvers.js';
import { viewerOf } from './viewer.js';

const { KAFKA_BROKERS = '127.0.0.1:9092', KAFKA_GROUP_ID = 'yoga', TOPIC = 'card-transactions' } = process.env;
const { REDIS_URL = 'redis://127.0.0.1:6379', PORT = '4000' } = process.env;

const typeDefs = /* GraphQL */ `
  type Query {
    version: String!
  }
  type Subscription {
    transaction(minAmount: Float): Transaction!
  }
  type Transaction {
    id: ID!
    userId: ID!
    amount: Float!
    currency: String!
  }
`;

// The library's types name ioredis 5.
const pubsub = new RedisPubSub({ publisher: new Redis(REDIS_URL) as never, subscriber: new Redis(REDIS_URL) as never });

const yoga = createYoga({
  schema: createSchema<Context>({ typeDefs, resolvers }),
  context: async ({ connectionParams }: { connectionParams?: Record<string, unknown> }) => ({
    pubsub,
    viewer: await viewerOf(connectionParams?.authorization),
  }),
});

const server = createServer(yoga);
const sockets = new WebSocketServer({ server, path: yoga.graphqlEndpoint });
useServer(
  {
    // biome-ignore lint/suspicious/noExplicitAny: as in Yoga's documentation, which hands its own functions through here
    execute: (args: any) => args.rootValue.execute(args),
    // biome-ignore lint/suspicious/noExplicitAny: as above
    subscribe: (args: any) => args.rootValue.subscribe(args),
    onSubscribe: async (ctx, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...ctx,
        connectionParams: ctx.connectionParams,
        params,
      });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  sockets,
);

await consume({ brokers: KAFKA_BROKERS.split(','), groupId: KAFKA_GROUP_ID, topic: TOPIC }, pubsub);
server.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on ${typeof address === 'object' ? address?.port : PORT}`);
});

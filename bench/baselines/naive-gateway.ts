import { createServer } from 'node:http';
import { RedisPubSub } from 'graphql-redis-subscriptions';
import { withFilter } from 'graphql-subscriptions';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { Redis } from 'ioredis';
import { jwtVerify } from 'jose';
import { WebSocketServer } from 'ws';
import { typeDefs } from './naive-schema.js';

/**
 * The stack of the tutorials, written as well as its authors would: Yoga, graphql-ws, graphql-redis-subscriptions, a
 * verified token. `FILTER=on`: one Redis channel and `withFilter`, as the documentation shows it; otherwise a channel
 * per user, as those do who have measured it. Prints its port.
 */
const { PORT = '0', REDIS_URL = '', SECRET = '', FILTER = 'off' } = process.env;
const secret = new TextEncoder().encode(SECRET);

interface Context {
  readonly sub: string | null;
}

const pubsub = new RedisPubSub({ publisher: new Redis(REDIS_URL) as never, subscriber: new Redis(REDIS_URL) as never });
const same = <T>(payload: T) => payload;
const listen = (topic: string) => () => pubsub.asyncIterableIterator(topic);

const orders =
  FILTER === 'on'
    ? withFilter(
        listen('orders'),
        (order?: { userId: string }, _?: unknown, context?: Context) => order?.userId === context?.sub,
      )
    : (_: unknown, __: unknown, { sub }: Context) => pubsub.asyncIterableIterator(`orders:${sub}`);
const vehicles =
  FILTER === 'on'
    ? withFilter(listen('vehicles'), (vehicle?: { id: string }, args?: { id: string }) => vehicle?.id === args?.id)
    : (_: unknown, { id }: { id: string }) => pubsub.asyncIterableIterator(`vehicles:${id}`);

const schema = createSchema<Context>({
  typeDefs,
  resolvers: {
    Subscription: {
      quote: { subscribe: listen('quotes'), resolve: same },
      order: { subscribe: orders as never, resolve: same },
      vehicle: { subscribe: vehicles as never, resolve: same },
    },
  },
});

async function viewer(authorization: unknown): Promise<Context> {
  const [, token] = typeof authorization === 'string' ? authorization.split(' ') : [];
  if (!token) return { sub: null };
  const { payload } = await jwtVerify(token, secret);
  return { sub: payload.sub ?? null };
}

const yoga = createYoga({
  schema,
  graphiql: false,
  logging: false,
  context: ({ request }) => viewer(request.headers.get('authorization')),
});
const server = createServer(yoga);
const sockets = new WebSocketServer({ server, path: '/graphql' });
useServer<{ Authorization?: string }, { viewer?: Context }>(
  {
    schema,
    onConnect: async ({ extra, connectionParams }) => {
      extra.viewer = await viewer(connectionParams?.Authorization);
    },
    context: ({ extra }) => extra.viewer,
  },
  sockets,
);
server.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address();
  console.log(JSON.stringify({ port: typeof address === 'object' ? address?.port : null }));
});

import { Redis } from 'ioredis';

/** One command to the server at a port. */
export async function ask(port: number, ...command: [string, ...string[]]): Promise<unknown> {
  const redis = new Redis(port, '127.0.0.1', { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null });
  // What goes wrong is told by the command.
  redis.on('error', () => {});
  try {
    await redis.connect();
    return await redis.call(...command);
  } finally {
    redis.disconnect();
  }
}

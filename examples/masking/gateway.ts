// A gateway from code. It needs Redis, and a `tailrace relay` that reads the same schema.
import { readFileSync } from 'node:fs';
import { createGateway } from 'tailrace';
import { resolvers } from './resolvers.js';

const { REDIS_URL = 'redis://127.0.0.1:6379', REDIS_PREFIX = 'tailrace', PORT = '4000' } = process.env;
const { TOKEN_SECRET, CURSOR_SECRET } = process.env;
if (!TOKEN_SECRET || !CURSOR_SECRET) throw new Error('TOKEN_SECRET and CURSOR_SECRET must be set');

const gateway = createGateway({
  schema: readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'),
  resolvers,
  redis: { url: REDIS_URL, prefix: REDIS_PREFIX },
  auth: { secrets: [TOKEN_SECRET] },
  cursorSecrets: [CURSOR_SECRET],
  introspection: true,
  graphiql: {},
});

const port = await gateway.listen(Number(PORT), '127.0.0.1');
console.log(`GraphiQL: http://127.0.0.1:${port}/graphql`);

// Clients are told to go, a few at a time, and continue on another replica.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void gateway.retire());

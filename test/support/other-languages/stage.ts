import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '../../../scripts/services/ports.mjs';
import { originOf } from '../../../src/event/origin.js';
import { connectRedis } from '../../../src/log/redis-connection.js';
import { createRedisLogWriter } from '../../../src/log/redis-writer.js';
import { silent } from '../../../src/observe/logger.js';
import { routeIds, routingOf } from '../../../src/relay/route.js';
import { compileSchema } from '../../../src/schema/compile.js';
import { opening } from '../opened.js';
import { entriesOf } from '../relay/entries.js';
import { secret, tokenFor } from '../river.js';
import { payment, payments } from '../sample.js';
import { balancer } from '../servers/balancer.js';
import { gatewayProcess } from '../servers/gateway-process.js';
import { freshPrefix, redisUrl } from '../servers/services.js';

/** How many payments of a user are kept: who is away for more is told a gap. */
export const kept = 50;

/** Two gateways as processes behind a balancer, an address that gives tokens of Ada, and payments that a relay would bring. */
export const openStage = () =>
  opening(async (scope) => {
    const prefix = freshPrefix('clients');
    const env = {
      TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
      TAILRACE_AUTH_JWT_SECRET: secret,
      TAILRACE_REDIS_URL: redisUrl(),
      TAILRACE_REDIS_PREFIX: prefix,
      TAILRACE_HISTORY_MAX: String(kept),
      TAILRACE_HEARTBEAT: '1s',
      TAILRACE_RETIRE_PERIOD: '100ms',
    };
    const gateways = [await freePort(), await freePort()].map((port) => scope.use(gatewayProcess(port, env)));
    await Promise.all(gateways.map((gateway) => gateway.start()));
    const way = scope.use(await balancer(gateways.map(({ port }) => port)));
    const tokens = await tokenServer();
    scope.defer(tokens.close);
    const bank = payingInto(prefix);
    scope.defer(bank.close);
    return { gateways, way, tokens, url: `ws://127.0.0.1:${way.port}/graphql`, pay: bank.pay };
  });

async function tokenServer() {
  const given = { life: 3_600_000, count: 0 };
  const server = createServer(async (_, answer) => {
    given.count++;
    answer.end(await tokenFor({ sub: 'ada' }, given.life));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return Object.assign(given, { url, close });
}

function payingInto(prefix: string) {
  const retention = { retain: 600_000, max: kept };
  const { schema } = compileSchema(readFileSync('schema.graphql', 'utf8'), { retention });
  const plan = schema?.topics.in('default').get(payments);
  if (!schema || !plan) throw new Error('the sample has no payments');
  const source = { cluster: 'test', topic: payments, partition: 0 };
  const writer = createRedisLogWriter(connectRedis(redisUrl(), 'relay', silent, { enableOfflineQueue: true }), {
    prefix,
  });
  let next = 0;
  return {
    /** Brings so many payments of Ada's, each with the next number as its id. */
    async pay(count: number) {
      for (const end = next + count; next < end; next++) {
        const { epoch, watermark } = await writer.partition(source);
        const value = Buffer.from(JSON.stringify(payment('ada', next + 1)));
        const place = { topic: payments, partition: 0, offset: next, timestamp: Date.now() };
        const record = { ...place, key: null, headers: {}, value };
        const answer = await writer.append({
          source,
          epoch,
          base: next,
          next: next + 1,
          first: watermark === null,
          last: place,
          entries: entriesOf(record, routingOf(plan, originOf(source, null))),
          gap: null,
          routes: routeIds(plan),
          fingerprint: schema.fingerprint,
        });
        if (answer.kind !== 'appended') throw new Error(`the log answers ${answer.kind}`);
      }
    },
    close: () => writer.close(),
  };
}

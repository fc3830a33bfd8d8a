import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../scripts/services/ports.mjs';
import { cardsSchema, feed, query } from '../cards.js';
import { eventually } from '../eventually.js';
import { opening } from '../opened.js';
import { secret, tokenFor } from '../river.js';
import { certificateAuthority } from './certificates.js';
import { type AuditLine, type GatewayProcess, gatewayProcess } from './gateway-process.js';
import { lateWay } from './late-way.js';
import { everyProxy, type ProxyName, type ProxyServer, startProxy } from './proxies.js';
import { startRedis } from './throw-away.js';

/** Two gateways over one Redis, behind each of five proxies, and a relay's `feed` of cards. */
export interface Behind extends AsyncDisposable {
  readonly gateways: readonly [GatewayProcess, GatewayProcess];
  readonly proxies: readonly ProxyServer[];
  readonly cards: ReturnType<typeof feed>;
  /** Lines of the gateways' audit about a user so far. */
  audit(sub: string): readonly AuditLine[];
  /** Who signed the proxies' certificates. */
  readonly ca: string;
}

type Changes = Partial<Record<ProxyName, (shown: string) => string>>;

/**
 * `settings` are variables of the gateways. With `changes` only those proxies are started, by files that are changed so. By
 * `late` milliseconds what a gateway says comes later to its proxies, the close of a connection too.
 */
export async function behindProxies(
  settings: Readonly<Record<string, string>> = {},
  changes: Changes | null = null,
  late = 0,
): Promise<Behind> {
  return opening(async (scope) => {
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-two-gateways-'));
    scope.defer(() => rmSync(folder, { recursive: true, force: true }));
    const authority = certificateAuthority();
    scope.defer(() => authority[Symbol.dispose]());
    const redis = scope.use(await startRedis());
    const cards = scope.use(feed(redis.url));
    await cards.append(1);
    const schema = join(folder, 'schema.graphql');
    writeFileSync(schema, cardsSchema());
    const env = {
      TAILRACE_SCHEMA: schema,
      TAILRACE_HOST: '127.0.0.1',
      TAILRACE_REDIS_URL: redis.url,
      TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
      TAILRACE_AUTH_JWT_SECRET: secret,
      TAILRACE_TRUSTED_HOPS: '1',
      ...settings,
    };
    const gateways = [gatewayProcess(await freePort(), env), gatewayProcess(await freePort(), env)] as const;
    for (const gateway of gateways) scope.use(gateway);
    await Promise.all(gateways.map((gateway) => gateway.start()));
    const ways: { port: number }[] = [];
    for (const { port } of gateways) {
      if (late > 0) ways.push(Object.assign(scope.use(await lateWay(port)), { late }));
      else ways.push({ port });
    }
    const ports = ways.map(({ port }) => port) as [number, number];
    const identity = authority.issue('proxy');
    const proxies: ProxyServer[] = [];
    for (const name of everyProxy) {
      const changed = changes ? changes[name] : (shown: string) => shown;
      if (changed) proxies.push(scope.use(await startProxy(name, { gateways: ports, identity, changed })));
    }
    return {
      gateways,
      proxies,
      cards,
      audit: (sub) => gateways.flatMap((gateway) => gateway.audit()).filter((line) => line.sub === sub),
      ca: authority.ca,
    };
  });
}

/** The address that the audit tells of a client of this user, at 127.0.0.2, that says itself it were another. */
export async function addressTold({ audit }: Behind, { url }: ProxyServer, sub: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${await tokenFor({ sub })}`, 'x-forwarded-for': '203.0.113.9' };
  const asked = request(`${url}/stream?${new URLSearchParams({ query })}`, { headers, localAddress: '127.0.0.2' });
  asked.on('error', () => undefined).end();
  const told = () => audit(sub).find(({ event }) => event === 'subscribed');
  const { address } = await eventually('it is told', () => told() ?? null);
  asked.destroy();
  return address;
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../scripts/services/ports.mjs';
import { run } from '../../bin/process.js';
import { cardsSchema, feed } from '../cards.js';
import { eventually } from '../eventually.js';
import { opened } from '../opened.js';
import { secret } from '../river.js';
import { certificateAuthority } from './certificates.js';
import { lateWay } from './late-way.js';
import { everyProxy, type ProxyName, type ProxyServer, startProxy } from './proxies.js';
import { startRedis } from './throw-away.js';

type AuditLine = Readonly<Record<string, unknown>>;

/** One of two gateways, as a process that keeps its port over restarts. */
export interface GatewayProcess {
  readonly port: number;
  /** Lines of its audit, so far. */
  audit(): readonly AuditLine[];
  /** Resolves when it is ready. */
  start(): Promise<void>;
  /** Ends it by SIGKILL, as a crash would. */
  kill(): Promise<void>;
  /** Ends it by SIGTERM, as a deployment would; resolves when it has gone. */
  retire(): Promise<void>;
}

/** A gateway by these variables, with a free TAILRACE_ADMIN_PORT; not started yet. */
export function gatewayProcess(port: number, env: Readonly<Record<string, string>>): GatewayProcess {
  let running: ReturnType<typeof run> | null = null;
  const logs: (() => string)[] = [];
  const log = () => logs.map((each) => each()).join('');
  const end = async (signal: NodeJS.Signals) => {
    running?.child.kill(signal);
    await running?.ended;
  };
  return {
    port,
    audit: () =>
      log()
        .split('\n')
        .filter((line) => line.includes('"name":"audit"'))
        .map((line) => JSON.parse(line)),
    async start() {
      running = run(['gateway'], { ...env, TAILRACE_PORT: String(port) });
      logs.push(running.log);
      // Of its own port a gateway may ask for TLS, or for a header of the PROXY protocol.
      const [, admin] = await running.until(/"adminPort":(\d+)/);
      await running.until(/"port":(\d+)/);
      await eventually('the gateway is ready', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
    },
    kill: () => end('SIGKILL'),
    retire: () => end('SIGTERM'),
  };
}

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
  const scope = opened();
  try {
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
      TAILRACE_ADMIN_PORT: '0',
      TAILRACE_REDIS_URL: redis.url,
      TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
      TAILRACE_AUTH_JWT_SECRET: secret,
      TAILRACE_TRUSTED_HOPS: '1',
      ...settings,
    };
    const gateways = [gatewayProcess(await freePort(), env), gatewayProcess(await freePort(), env)] as const;
    for (const gateway of gateways) scope.defer(gateway.kill);
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
      [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../scripts/services/ports.mjs';
import { run } from '../../bin/process.js';
import { opened } from '../../support/opened.js';
import { secret } from '../../support/river.js';
import { certificateAuthority } from '../../support/servers/certificates.js';
import { startProxy } from '../../support/servers/proxies.js';
import { eventually, freshPrefix, kafkaBrokers, redisUrl } from '../../support/servers/services.js';
import { type Numbered, numbered } from './numbered.js';
import { type Site, site } from './site.js';

/** A gateway that keeps its port over its lives. */
export interface Gateway {
  /** Resolves when it is ready. */
  start(): Promise<void>;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** The way from Kafka to a browser: a relay, two gateways with the limits of everybody, two proxies, and the page. */
export interface Stage extends AsyncDisposable {
  readonly events: Numbered;
  readonly gateways: readonly [Gateway, Gateway];
  readonly proxies: Readonly<Record<'nginx' | 'HAProxy', Awaited<ReturnType<typeof startProxy>>>>;
  readonly site: Site;
}

const resolvers = fileURLToPath(new URL('../../../resolvers.mjs', import.meta.url));

/** `/graphql` leads to the gateways, as the file says, and everything else to the page's own server. */
const besidePage = (port: number) => ({
  nginx: (text: string) =>
    text.replace(
      'location / {',
      `location / { proxy_pass http://127.0.0.1:${port}; }\n  location ~ ^/(graphql|healthz) {`,
    ),
  HAProxy: (text: string) =>
    `${text.replace('default_backend gateways', 'use_backend gateways if { path_beg /graphql /healthz }\n  default_backend page')}
backend page
  server page 127.0.0.1:${port}\n`,
});

/** `lifeOf`: milliseconds that the tokens of a user live. */
export async function stage(users: readonly string[], lifeOf: (user: string) => number): Promise<Stage> {
  const scope = opened();
  try {
    const events = scope.use(await numbered(users));
    const page = scope.use(await site(lifeOf));
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-stage-'));
    scope.defer(() => rmSync(folder, { recursive: true }));
    const schema = join(folder, 'schema.graphql');
    const sample = readFileSync('schema.graphql', 'utf8');
    writeFileSync(
      schema,
      sample.replace('"vehicle-positions"', `"${events.fleet}"`).replace('"card-transactions"', `"${events.payments}"`),
    );
    const env = {
      TAILRACE_SCHEMA: schema,
      TAILRACE_REDIS_URL: redisUrl(),
      TAILRACE_REDIS_PREFIX: freshPrefix(),
      TAILRACE_ADMIN_PORT: '0',
      TAILRACE_LOG_LEVEL: 'warn',
    };
    const kafka = { TAILRACE_KAFKA_BROKERS: kafkaBrokers().join(','), TAILRACE_KAFKA_GROUP_ID: freshPrefix() };
    scope.use(run(['relay'], { ...env, ...kafka }));

    const started = async (): Promise<Gateway & { readonly port: number }> => {
      const port = await freePort();
      const one = gateway(port, {
        ...env,
        TAILRACE_RESOLVERS: resolvers,
        TAILRACE_HOST: '127.0.0.1',
        TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
        TAILRACE_AUTH_JWT_SECRET: secret,
        TAILRACE_AUDIT: 'off',
        TAILRACE_TRUSTED_HOPS: '1',
      });
      scope.defer(() => one.end('SIGKILL'));
      await one.start();
      return { port, ...one };
    };
    const gateways = [await started(), await started()] as const;

    const authority = certificateAuthority();
    scope.defer(() => authority[Symbol.dispose]());
    const behind = { gateways: [gateways[0].port, gateways[1].port], identity: authority.issue('dashboard') } as const;
    const changed = besidePage(page.port);
    const proxy = async (name: 'nginx' | 'HAProxy') =>
      scope.use(await startProxy(name, { ...behind, changed: changed[name] }));
    const proxies = { nginx: await proxy('nginx'), HAProxy: await proxy('HAProxy') };
    return { events, gateways, proxies, site: page, [Symbol.asyncDispose]: scope[Symbol.asyncDispose] };
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

function gateway(port: number, env: Readonly<Record<string, string>>): Gateway {
  let running: ReturnType<typeof run> | null = null;
  return {
    async start() {
      running = run(['gateway'], { ...env, TAILRACE_PORT: String(port) });
      const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
      await eventually(`the gateway is ready: ${running.log()}`, ready, { within: 60_000 });
    },
    async end(signal) {
      running?.child.kill(signal);
      await running?.ended;
    },
  };
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../scripts/services/ports.mjs';
import { run } from '../../bin/process.js';
import { opening } from '../../support/opened.js';
import { secret } from '../../support/river.js';
import { certificateAuthority } from '../../support/servers/certificates.js';
import { type GatewayProcess, gatewayProcess } from '../../support/servers/gateway-process.js';
import { type ProxyServer, startProxy } from '../../support/servers/proxies.js';
import { freshPrefix, kafkaBrokers, redisUrl } from '../../support/servers/services.js';
import { type Numbered, numbered } from './numbered.js';
import { type Site, site } from './site.js';

/** The way from Kafka to a browser: a relay, two gateways with the limits of everybody, two proxies, and the page. */
export interface Stage extends AsyncDisposable {
  readonly events: Numbered;
  readonly gateways: readonly [GatewayProcess, GatewayProcess];
  readonly proxies: Readonly<Record<'nginx' | 'HAProxy', ProxyServer>>;
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
export function stage(users: readonly string[], lifeOf: (user: string) => number): Promise<Stage> {
  return opening(async (scope) => {
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
    };
    const kafka = {
      TAILRACE_ADMIN_PORT: '0',
      TAILRACE_KAFKA_BROKERS: kafkaBrokers().join(','),
      TAILRACE_KAFKA_GROUP_ID: freshPrefix(),
    };
    scope.use(run(['relay'], { ...env, ...kafka }));

    const gatewayOn = async () => {
      const gateway = gatewayProcess(await freePort(), {
        ...env,
        TAILRACE_RESOLVERS: resolvers,
        TAILRACE_HOST: '127.0.0.1',
        TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
        TAILRACE_AUTH_JWT_SECRET: secret,
        TAILRACE_AUDIT: 'off',
        TAILRACE_TRUSTED_HOPS: '1',
      });
      scope.use(gateway);
      await gateway.start();
      return gateway;
    };
    const gateways = [await gatewayOn(), await gatewayOn()] as const;

    const authority = certificateAuthority();
    scope.defer(() => authority[Symbol.dispose]());
    const behind = { gateways: [gateways[0].port, gateways[1].port], identity: authority.issue('dashboard') } as const;
    const changed = besidePage(page.port);
    const proxy = async (name: 'nginx' | 'HAProxy') =>
      scope.use(await startProxy(name, { ...behind, changed: changed[name] }));
    const proxies = { nginx: await proxy('nginx'), HAProxy: await proxy('HAProxy') };
    return { events, gateways, proxies, site: page };
  });
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../test/support/eventually.js';
import { kinds, secret } from '../events.js';
import { feedLog } from '../feed.js';
import type { Ground, Servers } from './ground.js';
import { startServer } from './processes.js';

const ours = new URL('../../dist', import.meta.url).pathname;

/**
 * Gateway and relay of the build in `dist`, with the defaults. `BENCH_PROFILE=<folder>` has Node write profiles of their
 * CPU there.
 */
export async function tailrace(
  { redisUrl, kind, topic, kafka, folder, tls }: Ground,
  settings: Readonly<Record<string, string>> = {},
  dist = ours,
): Promise<Servers> {
  const command = join(dist, 'bin/tailrace.js');
  const schema = join(folder, 'schema.graphql');
  writeFileSync(schema, kinds[kind].sdl(topic));
  const { BENCH_PROFILE, BENCH_NODE_FLAGS } = process.env;
  const flags = BENCH_NODE_FLAGS?.split(' ') ?? [];
  const overTls: Readonly<Record<string, string>> = tls
    ? { TAILRACE_TLS_CERT_FILE: tls.certFile, TAILRACE_TLS_KEY_FILE: tls.keyFile }
    : {};
  const start = (name: string, environment: Record<string, string> = {}) => {
    const profiling = BENCH_PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${BENCH_PROFILE}/${name}`] : [];
    return startServer(
      [process.execPath, ...profiling, ...flags, command, name],
      {
        TAILRACE_SCHEMA: schema,
        TAILRACE_REDIS_URL: redisUrl,
        TAILRACE_REDIS_PREFIX: 'bench',
        TAILRACE_ADMIN_PORT: '0',
        ...(name === 'gateway' ? overTls : {}),
        ...environment,
        ...settings,
      },
      'stderr',
    );
  };
  // Before the gateway: to one that has seen the log without an epoch, the first event is a hole, and it reads every channel.
  const feed = kafka ? null : await feedLog(redisUrl, kind, topic);
  const gateway = start('gateway', {
    TAILRACE_HOST: '127.0.0.1',
    TAILRACE_PORT: '0',
    TAILRACE_AUTH_JWT_SECRET: secret,
    TAILRACE_CURSOR_SECRET: secret,
    TAILRACE_CONNECTIONS: '100000',
    // All of a benchmark's clients come from here, and many at once.
    TAILRACE_CONNECTIONS_PER_ADDRESS: '100000',
    TAILRACE_CONNECTIONS_PER_USER: '100000',
    TAILRACE_SUBSCRIPTIONS_PER_USER: '100000',
    TAILRACE_CONNECT_RATE: '100000',
    TAILRACE_RETIRE_PERIOD: '0s',
  });
  const relay =
    kafka && start('relay', { TAILRACE_KAFKA_BROKERS: kafka.brokers, TAILRACE_KAFKA_GROUP_ID: kafka.group });
  const [line, port] = await gateway.line(/"port":(\d+).*The gateway is listening/);
  const [, admin] = /"adminPort":(\d+)/.exec(line) ?? [];
  // It listens before it has reached Redis.
  const ready = async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok;
  await eventually('the gateway is ready', ready, { within: 30_000 });
  return { gateway, relay, port: Number(port), protocol: 'graphql', feed };
}

/** The build of another commit beside this one, which `BENCH_BESIDE=<its dist>` names: did a change make it better? */
export const beside = (ground: Ground): Promise<Servers> => tailrace(ground, {}, process.env.BENCH_BESIDE);

export const noBuildBeside = (): string | null =>
  process.env.BENCH_BESIDE ? null : 'No other build is measured beside this one: BENCH_BESIDE names none.';

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run } from '../../bin/process.js';
import { opened } from '../opened.js';
import { secret } from '../river.js';
import { eventually, freshPrefix, redisUrl } from '../servers/services.js';
import { honestClients, notesInto, p99, schema } from './honest-clients.js';

const collect = fileURLToPath(new URL('./collect.cjs', import.meta.url));

/** What a while was like: for those who only want their notes, and for the gateway. */
export interface While {
  /** Milliseconds. */
  readonly p99: number;
  /** Of one core, from 0 to 1. */
  readonly cpu: number;
  /** How many the p99 is of. */
  readonly deliveries: number;
}

type Environment = Readonly<Record<string, string>>;

/** A gateway of its own process, and what its own metrics say of it. */
async function measured(scope: ReturnType<typeof opened>, env: Environment) {
  const gateway = scope.use(run(['gateway'], env));
  const [, admin] = await gateway.until(/"adminPort":(\d+)/);
  const [, port] = await gateway.until(/"port":(\d+)/);
  const metrics = async () => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  await eventually('it is ready', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok, { within: 30_000 });
  return {
    process: gateway,
    url: `http://127.0.0.1:${port}/graphql`,
    /** The sample of that name, with its labels; 0 when there is none. */
    async sample(name: string): Promise<number> {
      const line = (await metrics()).split('\n').find((one) => one.startsWith(`${name} `));
      return Number(line?.slice(name.length + 1) ?? 0);
    },
  };
}

/** A gateway, `people` honest clients, and another gateway beside it that nobody honest is served by. */
export async function besieged(people: number, env: Environment) {
  const scope = opened();
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-hostile-'));
  scope.defer(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'schema.graphql'), schema);
  const prefix = freshPrefix();
  const settings = {
    TAILRACE_SCHEMA: join(folder, 'schema.graphql'),
    TAILRACE_REDIS_URL: redisUrl(),
    TAILRACE_REDIS_PREFIX: prefix,
    TAILRACE_HOST: '127.0.0.1',
    TAILRACE_PORT: '0',
    TAILRACE_ADMIN_PORT: '0',
    TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
    TAILRACE_AUTH_JWT_SECRET: secret,
    NODE_OPTIONS: `--expose-gc --require ${collect}`,
    ...env,
  };
  const gateway = await measured(scope, settings);
  const beside = await measured(scope, settings);
  const { url, sample } = gateway;
  const notes = scope.use(await notesInto(redisUrl(), prefix));
  const clients = scope.use(await honestClients(url, people, notes.append));
  let collected = 0;
  const subscriptions = () => sample('tailrace_gateway_subscriptions{field="mine"}');
  await eventually('all have begun', async () => (await subscriptions()) === people, { within: 60_000 });

  return {
    url,
    sample,
    beside,
    verdict: clients.verdict,
    /** MiB of the machine that it holds, when all that it needs no more is gone. */
    async memory(): Promise<number> {
      const done = `collected ${++collected} times`;
      gateway.process.child.kill('SIGUSR2');
      await gateway.process.until(done);
      return (await sample('process_resident_memory_bytes')) / 2 ** 20;
    },
    /** Everybody's notes for as long as something takes; resolves when all have come. */
    async served(during: () => Promise<unknown>): Promise<While> {
      const cpu = () => sample('process_cpu_seconds_total');
      const [began, before] = [performance.now(), await cpu()];
      let on = true;
      const producing = (async () => {
        // Few at a time, and often: what comes together is late together, and the slowest hundredth would be one of them.
        for (; on; await wait(1)) await clients.produce(2);
      })();
      try {
        await during();
      } finally {
        on = false;
        await producing;
      }
      await clients.settled();
      const seconds = (performance.now() - began) / 1_000;
      const latencies = clients.latencies();
      return { p99: p99(latencies), cpu: ((await cpu()) - before) / seconds, deliveries: latencies.length };
    },
    [Symbol.asyncDispose]: scope[Symbol.asyncDispose],
  };
}

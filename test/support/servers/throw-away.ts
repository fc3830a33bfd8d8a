import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomClusterId, startKafkaBroker } from '../../../scripts/services/kafka.mjs';
import type { KafkaVersion } from '../../../scripts/services/kafka-jars.mjs';
import { freePort } from '../../../scripts/services/ports.mjs';
import { lives, type Owned, signalOwned, stopOwned } from '../../../scripts/services/processes.mjs';
import { startRedisServer, startSentinelServer } from '../../../scripts/services/redis.mjs';
import { forgetClock, testClock } from './clock.js';

/**
 * A server of a test's own, to be killed, paused and restarted at will. It keeps its port over restarts.
 * Ended, and its data removed, at the end of its scope.
 */
export interface ThrowAway extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** Ends it by SIGKILL, as a crash would. */
  kill(): Promise<void>;
  /** Ends it by SIGTERM, as an operator would. */
  stop(): Promise<void>;
  /**
   * Starts it again after `kill` or `stop`; resolves when it answers. Kafka keeps its data, Redis what it was told to
   * `SAVE`; `empty` removes that too.
   */
  start(options?: { readonly empty?: boolean }): Promise<void>;
  /** Sockets stay open and nothing is answered, until `resume`. */
  pause(): void;
  resume(): void;
}

const running = new Set<Owned>();
// A worker that is ended early must not leave servers behind.
process.on('exit', () => {
  for (const server of running) signalOwned(server, 'SIGKILL');
});

interface Recipe {
  name: string;
  port: number;
  start(folder: string, fresh: boolean): Promise<Owned>;
}

/** Started here; `start` is given a folder of its own, and whether what lies there is to go first. */
export async function throwAway({ name, port, start }: Recipe): Promise<ThrowAway> {
  const folder = mkdtempSync(join(tmpdir(), `tailrace-${name}-`));
  let server = await start(folder, true);
  running.add(server);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    await stopOwned(server, { signal });
    running.delete(server);
  };
  return {
    port,
    get pid() {
      return server.pid;
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async start({ empty = false } = {}) {
      if (lives(server)) throw new Error(`${name} is still running`);
      server = await start(folder, empty);
      running.add(server);
    },
    pause: () => signalOwned(server, 'SIGSTOP'),
    resume: () => signalOwned(server, 'SIGCONT'),
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface ThrowAwayRedis extends ThrowAway {
  readonly url: string;
  /** Sets its wall clock so many milliseconds off the true time, while it runs or before. Only with `clock: true`. */
  step(ms: number): void;
}

/**
 * `args` are redis-server's own: `['--maxmemory', '10mb']`, `['--user', 'reader', 'on', '>secret', '+@read', '~*']`.
 * With `clock` it runs by a wall clock of its own, which `step` moves.
 */
export async function startRedis({ args = [] as readonly string[], clock = false } = {}): Promise<ThrowAwayRedis> {
  const port = await freePort();
  const own = clock ? testClock() : null;
  const server = await throwAway({
    name: 'redis',
    port,
    async start(folder, fresh) {
      const started = await startRedisServer({ folder, port, args, fresh, env: own?.env ?? {} });
      if (own) forgetClock(started.pid);
      return started;
    },
  });
  const { [Symbol.asyncDispose]: end } = server;
  return Object.assign(server, {
    url: `redis://127.0.0.1:${port}`,
    step(ms: number) {
      if (!own) throw new Error('this Redis goes by the true clock: start it with { clock: true }');
      own.step(ms);
    },
    async [Symbol.asyncDispose]() {
      await end();
      own?.[Symbol.dispose]();
    },
  });
}

/** Watches a master called `main`; `quorum` of them agree on its death. `settings` are lines of sentinel.conf. */
export async function startSentinel(
  master: { readonly port: number },
  { quorum = 2, settings = [] as readonly string[] } = {},
): Promise<ThrowAway> {
  const port = await freePort();
  const monitor = [`sentinel monitor main 127.0.0.1 ${master.port} ${quorum}`, ...settings];
  return throwAway({
    name: 'sentinel',
    port,
    start: (folder, fresh) => startSentinelServer({ folder, port, settings: monitor, fresh }),
  });
}

/**
 * `properties` are the broker's own, beside or instead of those in scripts/services/kafka.mjs. `port`: a free one. A node
 * of a cluster is given what it shares with the others: see kafka-cluster.ts.
 */
export async function startKafka({
  version = '4.3.1' as KafkaVersion,
  properties = {} as Record<string, string | number>,
  port: given = undefined as number | undefined,
  controllerPort: shared = undefined as number | undefined,
  clusterId = randomClusterId(),
} = {}): Promise<ThrowAway & { readonly brokers: string[] }> {
  const port = given ?? (await freePort());
  const controllerPort = shared ?? (await freePort());
  const server = await throwAway({
    name: 'kafka',
    port,
    start: (folder, fresh) => startKafkaBroker({ version, folder, port, controllerPort, properties, fresh, clusterId }),
  });
  return Object.assign(server, { brokers: [`127.0.0.1:${port}`] });
}

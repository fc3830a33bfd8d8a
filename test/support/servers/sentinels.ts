import { opening } from '../opened.js';
import { ask } from './ask-redis.js';
import { eventually, startRedis } from './services.js';
import { startSentinel } from './throw-away.js';

/** A master, its replica and three sentinels that watch over them, as processes. */
export async function sentinels() {
  return opening(async (scope) => {
    const master = scope.use(
      await startRedis({ args: ['--user', 'repl', 'on', '>repl', '+psync', '+replconf', '+ping'] }),
    );
    const replica = scope.use(
      await startRedis({
        args: ['--replicaof', '127.0.0.1', String(master.port), '--masteruser', 'repl', '--masterauth', 'repl'],
      }),
    );
    const link = async () => /master_link_status:(\w+)/.exec(String(await ask(replica.port, 'INFO')))?.[1];
    await eventually('the replica follows', async () => (await link()) === 'up', { within: 30_000 });
    // Long enough that a busy machine is not taken for a dead master.
    const settings = ['sentinel down-after-milliseconds main 2000', 'sentinel failover-timeout main 10000'];
    const watching = [];
    for (let n = 0; n < 3; n++) watching.push(scope.use(await startSentinel(master, { settings })));
    const ports = watching.map(({ port }) => port);

    const known = async (port: number) => {
      const about = (await ask(port, 'SENTINEL', 'MASTER', 'main')) as string[];
      const field = (name: string) => about[about.indexOf(name) + 1];
      if (field('num-slaves') !== '1' || field('num-other-sentinels') !== '2') throw new Error(about.join(' '));
      return true;
    };
    for (const port of ports) await eventually('the sentinels know each other', () => known(port), { within: 30_000 });

    return {
      master,
      replica,
      url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/main/0`,
      /** From now on nothing that the master takes comes to its replica. */
      async separate() {
        await ask(master.port, 'ACL', 'SETUSER', 'repl', 'off');
        await ask(master.port, 'CLIENT', 'KILL', 'TYPE', 'replica');
        await eventually('the replica is cut off', async () => (await link()) === 'down', { within: 30_000 });
      },
      /** The port that two of three sentinels name as the master's. */
      async elected(): Promise<number | null> {
        const named = await Promise.all(
          ports.map((port) => ask(port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main').catch(() => null)),
        );
        const votes = named.map((address) => Number((address as string[] | null)?.[1]));
        return votes.find((port, n) => port && votes.indexOf(port) !== n) ?? null;
      },
      /** An operator's order to change places. */
      failover: () => ask(ports[0] as number, 'SENTINEL', 'FAILOVER', 'main'),
    };
  });
}

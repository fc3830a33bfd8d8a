import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultCluster } from '../../../src/event/source-event.js';
import { createGateway } from '../../../src/index.js';
import { connectRedis } from '../../../src/log/redis-connection.js';
import { createRedisLogReader } from '../../../src/log/redis-reader.js';
import { silent } from '../../../src/observe/logger.js';
import { compileSchema } from '../../../src/schema/compile.js';
import { run } from '../../bin/process.js';
import { opening } from '../opened.js';
import { listen, secret, tokenFor } from '../river.js';
import type { KafkaCluster } from '../servers/kafka-cluster.js';
import { eventually, freshPrefix, redisUrl } from '../servers/services.js';
import { numbersOf } from './relay-kafka.js';

/** What becomes of the relays while something happens to their topic. */
export type RelayState = 'running' | 'stopped' | 'killed' | 'paused';

const query = 'subscription { note { n } }';

type Told = { readonly reason: string; readonly partition: number; readonly cut: number | undefined };

/**
 * Relays as processes, the real Redis, and a gateway over it: what the log holds of a topic of `{n}`, and what two clients
 * were shown of it. Closed at the end of its scope.
 */
export async function historyBed(
  { brokers, deleteTopic, admin }: Pick<KafkaCluster, 'brokers' | 'deleteTopic' | 'admin'>,
  topic: string,
  count = 1,
) {
  return opening(async (scope) => {
    // Left without a leader by the next test, it would spoil what kafkajs is told of all topics.
    scope.defer(() => deleteTopic(topic));
    const schema = `type Subscription { note: Note! @kafka(topic: "${topic}") @public } type Note { n: Int! }`;
    const retention = { retain: 600_000, max: 100_000 };
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-history-'));
    scope.defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'schema.graphql');
    writeFileSync(file, schema);
    const [prefix, groupId] = [freshPrefix(), freshPrefix()];
    const settings = {
      TAILRACE_SCHEMA: file,
      TAILRACE_REDIS_URL: redisUrl(),
      TAILRACE_REDIS_PREFIX: prefix,
      TAILRACE_HISTORY_MAX: String(retention.max),
      TAILRACE_KAFKA_BROKERS: brokers.join(','),
      TAILRACE_KAFKA_GROUP_ID: groupId,
      TAILRACE_ADMIN_PORT: '0',
    };
    let relays: ReturnType<typeof run>[] = [];
    const kill = (signal: NodeJS.Signals) => {
      for (const { child } of relays) child.kill(signal);
    };
    scope.defer(async () => {
      kill('SIGKILL');
      await Promise.all(relays.map(({ ended }) => ended));
    });
    async function start() {
      relays = Array.from({ length: count }, () => run(['relay'], settings));
      for (const relay of relays) {
        const [, admin] = await relay.until(/"adminPort":(\d+)/);
        const ready = async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok;
        // One that was killed holds its partitions until its session is over.
        await eventually('the relay is ready', ready, { within: 60_000 });
      }
    }
    async function end(signal: NodeJS.Signals) {
      kill(signal);
      await Promise.all(relays.map(({ ended }) => ended));
    }

    const read = connectRedis(redisUrl(), 'reader', silent);
    await new Promise((resolve) => read.once('ready', resolve));
    const reader = createRedisLogReader(read, () => connectRedis(redisUrl(), 'unused', silent), { prefix });
    scope.defer(() => reader.close());
    const route = compileSchema(schema, { retention }).schema?.topics.in(defaultCluster).get(topic)?.extractors[0]
      ?.routes[0];
    const channel = route?.channel({});
    if (!channel) throw new Error('the schema has no channel for everybody');

    const gateway = createGateway({
      schema,
      auth: { secrets: [secret] },
      cursorSecrets: ['cursor secret'],
      redis: { url: redisUrl(), prefix },
      history: { max: retention.max },
      heartbeat: 500,
      retirePeriod: 0,
    });
    scope.defer(() => gateway.retire());
    const port = await gateway.listen(0, '127.0.0.1');
    await eventually('the gateway is ready', async () => (await gateway.ready()) === null);

    /** A client that is subscribed, from a cursor or from now on. */
    async function client(after?: string) {
      const pings: { cursors?: object; gaps?: Record<string, { reason: string }> }[] = [];
      const { results, close } = listen(`ws://127.0.0.1:${port}/graphql`, query, {
        token: await tokenFor({ sub: 'ada' }),
        onPing: (payload) => pings.push(payload as object),
        ...(after === undefined ? {} : { extensions: { after, onGap: 'CONTINUE' } }),
      });
      scope.defer(close);
      await eventually('the client is subscribed', () => pings.some(({ cursors }) => cursors));
      return {
        numbers: (): number[] => results.map(({ data }) => data.note.n),
        /** Why it was told that something is missing: each reason once, however often it was said. */
        gaps(): string[] {
          const said = results.flatMap(({ extensions: { gap } }) => (gap ? [gap] : []));
          const pinged = pings.flatMap(({ gaps = {} }) => Object.values(gaps));
          return [...new Set([...said, ...pinged].map(({ reason }) => reason))];
        },
        /** The cursor after its nth event. */
        cursor: (nth: number): string => results[nth - 1].extensions.cursor,
        close,
      };
    }

    await start();
    return {
      client,
      /** The numbers of the log's events, in its order. */
      async held(): Promise<number[]> {
        const { publications } = await reader.newest(channel, 0, 100_000);
        return numbersOf(publications.map(({ source }) => source));
      },
      /** What the log tells of holes. */
      async told(): Promise<Told[]> {
        return (await reader.gaps(0)).map(({ reason, source, ...more }) => {
          const { cut } = more as { cut?: { offset: number } };
          return { reason, partition: source.partition, cut: cut?.offset };
        });
      },
      /**
       * Carries out what happens to the topic while the relays are in that state; then they run again. `elsewhere`: those
       * that are started then read from other brokers.
       */
      async meanwhile(state: RelayState, change: () => Promise<void>, elsewhere = settings.TAILRACE_KAFKA_BROKERS) {
        if (state === 'stopped') await end('SIGTERM');
        if (state === 'killed') await end('SIGKILL');
        if (state === 'paused') kill('SIGSTOP');
        await change();
        settings.TAILRACE_KAFKA_BROKERS = elsewhere;
        if (state === 'paused') kill('SIGCONT');
        if (state === 'stopped' || state === 'killed') await start();
      },
      /** All that relays have read of the topic they have committed too. */
      committed: () =>
        eventually('all is committed', () =>
          admin(async (one) => {
            const [bounds] = await one.fetchTopicOffsets(topic);
            const [
              {
                partitions: [at],
              } = { partitions: [] },
            ] = await one.fetchOffsets({ groupId, topics: [topic] });
            return at?.offset === bounds?.high;
          }),
        ),
      /** Redis comes back empty. */
      async forget() {
        await read.del(...(await read.keys(`${prefix}*`)));
      },
      /** What the relays wrote into their own logs. */
      lines: () => relays.map((relay) => relay.log()).join('\n'),
    };
  });
}

export type HistoryBed = Awaited<ReturnType<typeof historyBed>>;

import type { Running } from '../../../src/graphql/running/running.js';
import { createMemoryLog } from '../../../src/log/memory-log.js';
import { silent } from '../../../src/observe/logger.js';
import { noRelayMetrics } from '../../../src/observe/metrics.js';
import { createRelay } from '../../../src/relay/relay.js';
import { compileSchema } from '../../../src/schema/compile.js';
import { payloadOf } from '../../../src/serve/connection/frames.js';
import { turns } from '../log/hostile-log.js';
import { openReplica } from '../replica.js';
import { fakePartition, recordAt } from './relay-world.js';

function streamsOf(text: string) {
  const { schema, problems } = compileSchema(text, { retention: { retain: 600_000, max: 1000 } });
  if (!schema) throw new Error(problems.map(({ message }) => message).join('\n'));
  return schema;
}

/** One partition of notes to one user, in a cluster of its own kind. */
function notesIn(cluster: string, topic: string) {
  const kafka = fakePartition([]);
  return {
    cluster,
    topic,
    kafka,
    write(...ids: number[]) {
      for (const id of ids) {
        const note = { id, userId: 'ada', team: 'blue' };
        kafka.records.push(recordAt(kafka.end++, note, { topic, timestamp: Date.now() }));
      }
    },
  };
}

export type Notes = ReturnType<typeof notesIn>;

/** Relays and gateways by one schema or another, over one log; the partition is one of topic `notes` unless another is given. */
export function relayed() {
  const log = createMemoryLog();
  const notes = notesIn('c', 'notes');
  const ended: (() => Promise<void>)[] = [];

  /** A relay takes the partition, with all that lies in it. */
  async function relay(text: string, { cluster, topic, kafka }: Notes = notes) {
    const parts = { log, cluster, metrics: noRelayMetrics, logger: silent };
    const partition = createRelay({ ...parts, schema: streamsOf(text) }).partition(topic, 0, kafka);
    let { position } = await partition.start();
    const take = async () => {
      while (position < kafka.end) ({ position } = await partition.take(kafka.fetch(position)));
    };
    await take();
    return { take };
  }

  async function gateway(text: string) {
    const streams = streamsOf(text);
    const { engine, hub } = await openReplica({ log, streams, resolvers: {}, now: Date.now, tailBytes: 1_000_000 });
    ended.push(() => hub.close());
    return async (field: string, extensions: Record<string, unknown> = {}) => {
      const shown: (number | { readonly id: number; readonly gap: string })[] = [];
      const faults: { code: string; extensions: Record<string, unknown> }[] = [];
      const opened = await engine.open({
        query: `subscription { ${field} { id } }`,
        extensions,
        viewer: { signedIn: true, claims: { sub: 'ada', team: 'blue' }, expiresAt: null },
      });
      if (opened.kind !== 'running') throw new Error(JSON.stringify(opened));
      const stream: Running = opened.start({
        write(frames) {
          for (const frame of frames) {
            const { data, extensions } = JSON.parse(payloadOf(frame));
            shown.push(extensions.gap ? { id: data[field].id, gap: extensions.gap.reason } : data[field].id);
          }
        },
        drained: () => null,
        end() {},
        fail: ({ code, extensions }) => void faults.push({ code, extensions }),
      });
      ended.push(async () => stream.close());
      await turns(5);
      return { shown, faults, stream, cursor: () => stream.cursor() as string };
    };
  }

  return {
    relay,
    gateway,
    write: notes.write,
    notesIn,
    async [Symbol.asyncDispose]() {
      for (const end of ended.reverse()) await end();
    },
  };
}

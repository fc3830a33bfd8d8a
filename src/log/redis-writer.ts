import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { SourcePartition } from '../event/source-event.js';
import {
  type Append,
  type AppendAnswer,
  type ChannelLogWriter,
  LogUnavailable,
  type PartitionState,
} from './channel-log.js';
import { encodeMeta, routesAsText, routesIn, separator, shardOf } from './entry.js';
import { type RedisKeys, redisKeys } from './redis-keys.js';
import { appendScript, partitionScript } from './redis-scripts.js';
import { TextBuffer } from './text-buffer.js';

/** What an entry has beside its payload, roughly. */
const bytesBeside = 200;

export interface RedisLogOptions {
  readonly prefix: string;
  /** The same in every process of a deployment. Default 1. */
  readonly shards?: number;
}

/**
 * The relay's side of the log in Redis. `redis` is opened by `connectRedis` and closed here.
 * Its user needs HMGET, HSET, HDEL, LINDEX, RPUSH, LTRIM, PEXPIRE, TYPE, PUBLISH, TIME, INFO, EVAL and EVALSHA.
 */
export function createRedisLogWriter(redis: Redis, { prefix, shards = 1 }: RedisLogOptions): ChannelLogWriter {
  const keys = redisKeys(prefix);
  const scripts = defineScripts(redis);
  /** Counts connections: an append goes out only on one whose master was compared with the epoch's. */
  let generation = 0;
  redis.on('ready', () => generation++);
  const greeted = new Map<number, number>();

  let gathering: Redis['stream'] | null = null;

  /**
   * What this turn sends goes out in one write: partitions are fetched together, and a write each would wake Redis and
   * every gateway once for each. Not by a pipeline: that might go to another connection than the one that was compared.
   */
  function gather(): void {
    const { stream } = redis;
    // There is none before the first connection; one that is closed refuses by itself.
    if (!stream?.writable || gathering === stream) return;
    gathering = stream;
    stream.cork();
    process.nextTick(() => {
      stream.uncork();
      if (gathering === stream) gathering = null;
    });
  }

  async function partition(source: SourcePartition, replace = ''): Promise<PartitionState> {
    const shard = shardOf(source.topic, source.partition, shards);
    const before = generation;
    const [watermarkField, routesField] = fieldsOf(source);
    const opened = randomBytes(6).toString('base64url');
    const [epoch, isNew, watermark, routes] = await guarded(() =>
      scripts.tailracePartition(1, keys.meta(shard), watermarkField, opened, replace, routesField),
    );
    greeted.set(shard, before);
    const [next, offset, timestamp] = watermark.split(' ').map(Number);
    return {
      epoch,
      newLog: isNew === 1,
      watermark: watermark === '' ? null : (next as number),
      last: offset === undefined ? null : { offset, timestamp: timestamp as number },
      routes: routesIn(routes),
    };
  }

  return {
    partition,
    renew: partition,
    async append(batch) {
      const shard = shardOf(batch.source.topic, batch.source.partition, shards);
      const [keyed, args] = appendArguments(batch, shard, keys);
      while (greeted.get(shard) !== generation) await partition(batch.source);
      gather();
      const [kind, value, time, appended] = await guarded(() =>
        scripts.tailraceAppend(keyed.length, ...keyed, ...args),
      );
      return answer(kind, value, shard, batch.epoch, Number(time), Number(appended));
    },
    async close() {
      redis.disconnect();
    },
  };
}

function answer(
  kind: string,
  value: string,
  shard: number,
  epoch: string,
  time: number,
  appended: number,
): AppendAnswer {
  if (kind === 'E') return { kind: 'other-epoch', epoch: value };
  if (kind === 'R') return { kind: 'other-routes', routes: routesIn(value) };
  if (kind === 'B') return { kind: 'behind', watermark: Number(value) };
  return { kind: 'appended', position: { shard, epoch, number: Number(value), time }, appended };
}

function appendArguments(batch: Append, shard: number, keys: RedisKeys): [string[], (string | number | Buffer)[]] {
  const keyed = [keys.meta(shard), keys.gaps(shard)];
  const places = new Map<string, number>();
  const retentions = new Map<string, number>();
  const which: number[] = [];
  const entries = new TextBuffer(expectedBytes(batch.entries));
  for (const entry of batch.entries) {
    let head = `${entry.record.offset}`;
    for (const { channel, retention } of entry.channels) {
      let place = places.get(channel);
      if (place === undefined) {
        place = keyed.push(keys.channel(shard, channel));
        places.set(channel, place);
        which.push(numberOf(retentions, `${retention.retain} ${retention.max}`));
      }
      head += ` ${place}`;
    }
    entries.add(`${head}\n${encodeMeta(entry)}\n`);
    entries.add(entry.payload);
    entries.add(separator);
  }
  const gap = batch.gap ? JSON.stringify({ ...batch.gap, source: batch.source }) : '';
  const last = batch.last ? `${batch.last.offset} ${batch.last.timestamp}` : '';
  const { epoch, base, next, first, source, fingerprint, routes, instead = routes } = batch;
  const [watermarkField, routesField] = fieldsOf(source);
  const head = [epoch, base, next, first ? 1 : 0, last, watermarkField, fingerprint, gap, keys.commit(shard)];
  const fed = [routesField, routesAsText(routes), routesAsText(instead)];
  return [keyed, [...head, ...fed, [...retentions.keys()].join(' '), which.join(' '), entries.bytes()]];
}

/** As long as their text is Latin. */
const expectedBytes = (entries: Append['entries']): number =>
  entries.reduce((sum, { payload }) => sum + payload.length + bytesBeside, 0);

/** Of a name, counted from 1 as they come. */
function numberOf(known: Map<string, number>, name: string): number {
  const number = known.get(name) ?? known.size + 1;
  known.set(name, number);
  return number;
}

/** Where the meta hash has a partition's watermark, and the routes that feed it. */
function fieldsOf({ cluster, topic, partition }: SourcePartition): [string, string] {
  const name = `${cluster}:${topic}:${partition}`;
  return [`w:${name}`, `r:${name}`];
}

interface Scripts {
  tailracePartition(keys: number, ...args: (string | number)[]): Promise<[string, number, string, string]>;
  tailraceAppend(keys: number, ...args: (string | number | Buffer)[]): Promise<[string, string, string, string]>;
}

function defineScripts(redis: Redis): Scripts {
  redis.defineCommand('tailracePartition', { lua: partitionScript });
  redis.defineCommand('tailraceAppend', { lua: appendScript });
  return redis as unknown as Scripts;
}

/** Turns whatever Redis or the connection throws into the port's one error. */
export async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { message } = error as Error;
    throw new LogUnavailable(`Redis: ${message}`, /^OOM\b|\bOOM command\b/.test(message), { cause: error });
  }
}

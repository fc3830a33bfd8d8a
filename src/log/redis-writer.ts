import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { SourcePartition } from '../event/source-event.js';
import { type Append, type AppendAnswer, type ChannelLogWriter, LogUnavailable } from './channel-log.js';
import {
  decodeGap,
  encodeMeta,
  historyAsText,
  historyIn,
  routesAsText,
  routesIn,
  separator,
  shardOf,
} from './entry.js';
import { type RedisKeys, redisKeys } from './redis-keys.js';
import { partitionScript, renewScript, topicScript } from './redis-placement.js';
import { appendScript } from './redis-scripts.js';
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
 * Its user needs HMGET, HSET, LINDEX, RPUSH, LTRIM, PEXPIRE, TYPE, PUBLISH, TIME, INFO, GET, SET, EXISTS, EVAL
 * and EVALSHA.
 */
export function createRedisLogWriter(redis: Redis, { prefix, shards = 1 }: RedisLogOptions): ChannelLogWriter {
  const keys = redisKeys(prefix);
  const scripts = defineScripts(redis);
  /** Per shard, the newest that this writer was told: a log that has less has lost it. */
  const told = Array.from({ length: shards }, (): Told => ({ epoch: '', number: 0, time: 0, left: [] }));

  let gathering: Redis['stream'] | null = null;

  /**
   * What this turn sends goes out in one write: partitions are fetched together, and a write each would wake Redis and
   * every gateway once for each.
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

  /** What the log tells of itself: within an epoch its numbers go up, and over all of them its clock. */
  function learn(shard: number, epoch: string, number: number, time: number): void {
    const known = told[shard] as Told;
    const isSame = known.epoch === epoch;
    told[shard] = {
      epoch,
      number: isSame ? Math.max(known.number, number) : number,
      time: Math.max(known.time, time),
      left: isSame || known.epoch === '' ? known.left : [...known.left, known.epoch].slice(-mostLeft),
    };
  }

  const opened = () => randomBytes(6).toString('base64url');

  return {
    async partition(source) {
      const shard = shardOf(source.topic, source.partition, shards);
      const { watermarkField, historyField, routesField, feederField, markField } = fieldsOf(source);
      const known = told[shard] as Told;
      const [epoch, isNew, watermark, history, routes, feeder, idle, number, time, mark] = await guarded(() =>
        scripts.tailracePartition(
          3,
          ...[keys.meta(shard), keys.doubt(shard), keys.canary(shard)],
          ...[watermarkField, historyField, routesField, feederField, source.cluster],
          ...[opened(), known.epoch, known.number, known.time, known.left.join(' '), markField],
        ),
      );
      learn(shard, epoch, Number(number), Number(time));
      const [next, offset, timestamp] = watermark.split(' ').map(Number);
      return {
        epoch,
        newLog: isNew === 1,
        head: { shard, epoch, number: Number(number), time: Number(time) },
        watermark: watermark === '' ? null : (next as number),
        last: offset === undefined ? null : { offset, timestamp: timestamp as number },
        history: historyIn(history),
        mark: mark === '' ? null : decodeGap(shard, mark),
        routes: routesIn(routes),
        feeder: { cluster: feeder === '' ? source.cluster : feeder, idle: Number(idle) },
      };
    },
    async append(batch) {
      const shard = shardOf(batch.source.topic, batch.source.partition, shards);
      const { epoch, number } = told[shard] as Told;
      const [keyed, args] = appendArguments(batch, shard, keys, epoch === batch.epoch ? number : 0);
      gather();
      const answered = await guarded(() => scripts.tailraceAppend(keyed.length, ...keyed, ...args));
      return answerOf(answered, shard, batch.epoch);
    },
    async renew({ source, epoch, watermark, next, history, gap, fingerprint }) {
      const shard = shardOf(source.topic, source.partition, shards);
      const { watermarkField, historyField, feederField, markField } = fieldsOf(source);
      const anew = opened();
      const answered = await guarded(() =>
        scripts.tailraceRenew(
          3,
          ...[keys.meta(shard), keys.gaps(shard), keys.canary(shard), epoch, anew],
          ...[watermarkField, watermark ?? '', next, historyField, historyAsText(history)],
          ...[feederField, source.cluster, JSON.stringify({ ...gap, source }), keys.commit(shard), fingerprint],
          markField,
        ),
      );
      return answerOf(answered, shard, anew);
    },
    async topic({ cluster, topic }, partitions) {
      const [known, isNew] = await guarded(() =>
        scripts.tailraceTopic(1, keys.meta(shardOf(topic, 0, shards)), `t:${cluster}:${topic}`, partitions),
      );
      return { partitions: Number(known), isNew: isNew === 1 };
    },
    async close() {
      redis.disconnect();
    },
  };

  function answerOf([kind, value, time, appended]: Answered, shard: number, epoch: string): AppendAnswer {
    if (kind === 'E') return { kind: 'other-epoch', epoch: value };
    if (kind === 'R') return { kind: 'other-routes', routes: routesIn(value) };
    if (kind === 'B') return { kind: 'behind', watermark: Number(value) };
    const position = { shard, epoch, number: Number(value), time: Number(time) };
    learn(shard, epoch, position.number, position.time);
    return { kind: 'appended', position, appended: Number(appended) };
  }
}

/** A shard's newest epoch, its highest number in it, and its clock. */
interface Told {
  readonly epoch: string;
  readonly number: number;
  readonly time: number;
  /** The epochs before, as far as this writer saw them. */
  readonly left: readonly string[];
}

/** As many epochs that are over are remembered. */
const mostLeft = 32;

function appendArguments(
  batch: Append,
  shard: number,
  keys: RedisKeys,
  known: number,
): [string[], (string | number | Buffer)[]] {
  const keyed = [keys.meta(shard), keys.gaps(shard), keys.canary(shard)];
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
  const head = [epoch, base, next, first ? 1 : 0, last, nameOf(source), fingerprint, gap, keys.commit(shard)];
  const fed = [routesAsText(routes), routesAsText(instead), batch.history ? historyAsText(batch.history) : '', known];
  return [keyed, [...head, ...fed, [...retentions.keys()].join(' '), which.join(' '), entries.bytes()]];
}

/** As long as their text is Latin. */
const expectedBytes = (entries: Append['entries']): number =>
  entries.reduce((sum, { payload }) => sum + payload.length + bytesBeside, 0);

/** The number of a name: names are counted from 1 as they come. */
function numberOf(known: Map<string, number>, name: string): number {
  const number = known.get(name) ?? known.size + 1;
  known.set(name, number);
  return number;
}

/**
 * Where the meta hash has a partition's watermark, what names it, its newest mark, and the routes that feed it; and, whatever the cluster,
 * whose relay feeds the partition of that number.
 */
function fieldsOf(source: SourcePartition) {
  const name = nameOf(source);
  return {
    watermarkField: `w:${name}`,
    historyField: `h:${name}`,
    routesField: `r:${name}`,
    markField: `m:${name}`,
    feederField: `f:${source.topic}:${source.partition}`,
  };
}

const nameOf = ({ cluster, topic, partition }: SourcePartition): string => `${cluster}:${topic}:${partition}`;

type Answered = [kind: string, value: string, time: string, appended: string];
type Asked = (string | number)[];

interface Scripts {
  tailracePartition(
    keys: number,
    ...args: Asked
  ): Promise<[string, number, string, string, string, string, string, string, string, string]>;
  tailraceAppend(keys: number, ...args: (string | number | Buffer)[]): Promise<Answered>;
  tailraceRenew(keys: number, ...args: Asked): Promise<Answered>;
  tailraceTopic(keys: number, ...args: Asked): Promise<[string, number]>;
}

function defineScripts(redis: Redis): Scripts {
  redis.defineCommand('tailracePartition', { lua: partitionScript });
  redis.defineCommand('tailraceAppend', { lua: appendScript });
  redis.defineCommand('tailraceRenew', { lua: renewScript });
  redis.defineCommand('tailraceTopic', { lua: topicScript });
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

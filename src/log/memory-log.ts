import { randomBytes } from 'node:crypto';
import type { Channel } from '../event/channel.js';
import type { Position } from '../event/position.js';
import type { Commit, GapMark, Publication } from '../event/publication.js';
import type { SourcePartition } from '../event/source-event.js';
import type { SourceHistory } from '../event/source-history.js';
import {
  type Append,
  type AppendAnswer,
  type ChannelLogReader,
  type ChannelLogWriter,
  type History,
  type LoggedGap,
  LogUnavailable,
  maxMarks,
  type PartitionState,
  type Renewal,
  type TailListener,
} from './channel-log.js';
import { decodeEntry, encodeMeta, format, routesAsText, routesIn, shardOf } from './entry.js';

export interface MemoryLogOptions {
  /** Default 1. */
  readonly shards?: number;
  /** Milliseconds since 1970; default the system's clock. */
  readonly now?: () => number;
}

interface Kept {
  publications: Publication[];
  expires: number;
}

/** What is known of one partition. */
interface Fed {
  next: number;
  last: PartitionState['last'];
  history: SourceHistory | null;
}

interface Shard {
  epoch: string;
  number: number;
  /** The log's clock, and this machine's then: it never goes back, whatever becomes of that one. */
  time: number;
  wall: number;
  readonly partitions: Map<string, Fed>;
  /** By partition, as text. */
  readonly routes: Map<string, string>;
  readonly channels: Map<Channel, Kept>;
  /** By topic and number: the cluster, and when it asked last. */
  readonly feeders: Map<string, { readonly cluster: string; at: number }>;
  gaps: LoggedGap[];
}

/** Milliseconds. */
const sweepEvery = 60_000;

const newEpoch = () => randomBytes(6).toString('base64url');
const nameOf = ({ cluster, topic, partition }: SourcePartition) => JSON.stringify([cluster, topic, partition]);

/**
 * The log in one process: `tailrace dev`, tests, and the model that the Redis log is compared with.
 * One object is both sides, so a relay and a gateway share it by holding the same one.
 */
export function createMemoryLog({
  shards: count = 1,
  now = Date.now,
}: MemoryLogOptions = {}): ChannelLogWriter & ChannelLogReader {
  const shards = Array.from({ length: count }, newShard);
  const tails = new Set<{ listener: TailListener; channels: Set<Channel>; heads: readonly Position[] }>();
  const seen = new Set<Shard>();
  const topics = new Map<string, number>();
  let swept = now();
  let closed = false;

  const shardFor = (source: SourcePartition) => shardOf(source.topic, source.partition, count);
  const head = (shard: number): Position => {
    const { epoch, number, time } = shards[shard] as Shard;
    return { shard, epoch, number, time };
  };
  const heads = () => shards.map((_, shard) => head(shard));

  /** The log's clock. */
  const clock = ({ time, wall }: Shard): number => time + Math.max(0, now() - wall);

  function tick(shard: Shard): void {
    shard.time = clock(shard);
    shard.wall = now();
  }

  function feederOf(shard: Shard, { cluster, topic, partition }: SourcePartition): PartitionState['feeder'] {
    const name = JSON.stringify([topic, partition]);
    const known = shard.feeders.get(name) ?? { cluster, at: shard.time };
    shard.feeders.set(name, known);
    const idle = shard.time - known.at;
    if (known.cluster === cluster) known.at = shard.time;
    return { cluster: known.cluster, idle };
  }

  function stateOf(source: SourcePartition): PartitionState {
    const at = shardFor(source);
    const shard = shards[at] as Shard;
    const { next = null, last = null, history = null } = shard.partitions.get(nameOf(source)) ?? {};
    const newLog = !seen.has(shard);
    seen.add(shard);
    tick(shard);
    const routes = routesIn(shard.routes.get(nameOf(source)));
    const feeder = feederOf(shard, source);
    const mark = shard.gaps.findLast((gap) => nameOf(gap.source) === nameOf(source)) ?? null;
    return { epoch: shard.epoch, newLog, head: head(at), watermark: next, last, history, mark, routes, feeder };
  }

  function kept(shard: Shard, channel: Channel): Kept | undefined {
    const found = shard.channels.get(channel);
    if (found && found.expires > now()) return found;
    shard.channels.delete(channel);
    return undefined;
  }

  /** Once in a while: a channel that nobody asks for, and nothing comes to any more, would else stay for ever. */
  function sweep(): void {
    if (now() < swept + sweepEvery) return;
    swept = now();
    for (const { channels } of shards)
      for (const [channel, { expires }] of channels) if (expires <= swept) channels.delete(channel);
  }

  function mark(index: number, gap: GapMark): void {
    const shard = shards[index] as Shard;
    shard.number++;
    shard.gaps = [...shard.gaps, { ...gap, position: head(index) }].slice(-maxMarks);
  }

  function renew({ source, epoch, watermark, next, history, gap }: Renewal): AppendAnswer {
    const index = shardFor(source);
    const shard = shards[index] as Shard;
    const known = shard.partitions.get(nameOf(source))?.next ?? null;
    if (epoch !== shard.epoch) return { kind: 'other-epoch', epoch: shard.epoch };
    if (watermark !== known) return { kind: 'behind', watermark: known ?? -1 };
    const from = shard.number;
    const told: GapMark = { ...gap, source };
    shard.epoch = newEpoch();
    tick(shard);
    mark(index, told);
    shard.partitions.set(nameOf(source), { next, last: null, history });
    const { topic, partition, cluster } = source;
    shard.feeders.set(JSON.stringify([topic, partition]), { cluster, at: shard.time });
    const position = head(index);
    queueMicrotask(() => tell({ position, from, publications: [], gap: told }));
    return { kind: 'appended', position, appended: 0 };
  }

  function append(batch: Append): AppendAnswer {
    const index = shardFor(batch.source);
    const shard = shards[index] as Shard;
    if (batch.epoch !== shard.epoch) return { kind: 'other-epoch', epoch: shard.epoch };
    const name = nameOf(batch.source);
    const known = shard.partitions.get(name);
    const fed = shard.routes.get(name) ?? '';
    const routes = routesAsText(batch.routes);
    const instead = routesAsText(batch.instead ?? batch.routes);
    if (known && fed !== routes && fed !== instead) return { kind: 'other-routes', routes: routesIn(fed) };
    if (known ? batch.base > known.next : !batch.first) return { kind: 'behind', watermark: known?.next ?? -1 };

    const entries = known ? batch.entries.filter((entry) => entry.record.offset >= known.next) : batch.entries;
    shard.routes.set(name, routes);
    const isBehind = known !== undefined && batch.base < known.next;
    shard.partitions.set(name, {
      next: Math.max(batch.next, known?.next ?? 0),
      last: known && batch.next <= known.next ? known.last : (batch.last ?? known?.last ?? null),
      history: (isBehind && batch.next <= known.next ? null : batch.history) ?? known?.history ?? null,
    });
    const repeated = isBehind || (known !== undefined && fed === routes && instead !== routes);
    const gap: GapMark | null = batch.gap && !repeated ? { ...batch.gap, source: batch.source } : null;
    if (entries.length === 0 && !gap) return { kind: 'appended', position: head(index), appended: 0 };

    const from = shard.number;
    tick(shard);
    sweep();
    if (gap) mark(index, gap);
    const publications: Publication[] = [];
    for (const entry of entries) {
      shard.number++;
      const body = `${encodeMeta(entry)}\n${entry.payload}`;
      for (const { channel, retention } of entry.channels) {
        const history = kept(shard, channel)?.publications ?? [];
        const newest = history.at(-1);
        const previous = newest?.position.epoch === shard.epoch ? newest.position.number : 0;
        const line = `${format} ${shard.number} ${previous} ${shard.epoch} ${shard.time} ${batch.fingerprint}`;
        const publication = decodeEntry(channel, index, `${line}\n${body}`);
        history.push(publication);
        const oldest = shard.time - retention.retain;
        while (history.length > retention.max || (history[0] as Publication).position.time <= oldest) history.shift();
        shard.channels.set(channel, { publications: history, expires: now() + retention.retain });
        publications.push(publication);
      }
    }
    const position = head(index);
    // Tails hear it in a later turn, as they would over a network: nobody is called back inside an append.
    queueMicrotask(() => tell({ position, from, publications, gap }));
    return { kind: 'appended', position, appended: entries.length };
  }

  function tell(commit: Commit) {
    for (const tail of tails) {
      tail.heads = tail.heads.with(commit.position.shard, commit.position);
      const publications = commit.publications.filter(({ channel }) => tail.channels.has(channel));
      tail.listener.commit({ ...commit, publications });
    }
  }

  function history(channel: Channel, shard: number, pick: (all: readonly Publication[]) => [Publication[], boolean]) {
    const all = kept(shards[shard] as Shard, channel)?.publications ?? [];
    const [publications, more] = pick(all);
    const oldest = all[0];
    const trimmedTo = oldest?.position.epoch === (shards[shard] as Shard).epoch ? oldest.previous : 0;
    return { publications, head: head(shard), now: clock(shards[shard] as Shard), trimmedTo, more } satisfies History;
  }

  return {
    shards: count,
    async partition(source) {
      return stateOf(source);
    },
    async append(batch) {
      if (closed) throw new LogUnavailable('the log is closed');
      return append(batch);
    },
    async renew(renewal) {
      if (closed) throw new LogUnavailable('the log is closed');
      return renew(renewal);
    },
    async topic({ cluster, topic }, partitions) {
      const name = JSON.stringify([cluster, topic]);
      const known = topics.get(name);
      if (known === undefined) topics.set(name, partitions);
      return { partitions: known ?? partitions, isNew: known === undefined };
    },
    async tail(listener) {
      const tail = { listener, channels: new Set<Channel>(), heads: heads() as readonly Position[] };
      tails.add(tail);
      return {
        listen: async (channels) => {
          for (const channel of channels) tail.channels.add(channel);
          // An append made before this call may still be on its way: it must be heard before this resolves.
          await Promise.resolve();
        },
        leave: (channels) => {
          for (const channel of channels) tail.channels.delete(channel);
        },
        heads: () => tail.heads,
        renew: () => {},
        close: async () => void tails.delete(tail),
      };
    },
    async read(channel, shard, after, limit, since = Number.POSITIVE_INFINITY) {
      return history(channel, shard, (all) => {
        const { epoch } = shards[shard] as Shard;
        const isLater = ({ number, time }: Position) => number > (after as number) || time > since;
        const later = after === null ? all : all.filter(({ position: p }) => p.epoch === epoch && isLater(p));
        return [later.slice(0, limit), later.length > limit];
      });
    },
    async newest(channel, shard, limit) {
      return history(channel, shard, (all) => [all.slice(-limit), all.length > limit]);
    },
    heads: async () => ({ heads: heads(), now: shards.map(clock) }),
    gaps: async (shard) => (shards[shard] as Shard).gaps,
    // A log in memory never loses a part of itself: there is nothing to doubt.
    doubt: async () => {},
    unready: async () => (closed ? 'the log is closed' : null),
    close: async () => {
      closed = true;
    },
  };
}

function newShard(): Shard {
  return {
    epoch: newEpoch(),
    number: 0,
    time: 0,
    wall: 0,
    partitions: new Map(),
    routes: new Map(),
    channels: new Map(),
    feeders: new Map(),
    gaps: [],
  };
}

import type { Channel } from '../event/channel.js';
import type { Position } from '../event/position.js';
import type { GapMark, Publication } from '../event/publication.js';
import { readJson } from '../event/read-json.js';
import { defaultCluster, type SourceEvent } from '../event/source-event.js';
import { mostEpochs, type SourceHistory } from '../event/source-history.js';
import type { AppendEntry, LoggedGap } from './channel-log.js';

/**
 * An entry's text, format 1. Three lines; the log writes the first, the relay the others:
 *
 *     1 <number> <previous> <epoch> <time> <fingerprint>
 *     [partition, offset, index, refilled, timestamp, topic, key, headers, origin, cluster]
 *     <the event as JSON>
 *
 * The second line is JSON.stringify's, so it holds no line break. A former version wrote it without `origin`, and the
 * cluster is left out where it is the default one. Entries that travel in one message are parted by U+001E, which JSON text
 * never holds raw (RFC 8259, section 7).
 */
export const format = '1';
export const separator = '\x1e';

type Meta = [number, number, number, number, number, string, string | null, Record<string, string>, string?, string?];

/** The second line of an entry, which the relay writes as it does the third. */
export function encodeMeta({ origin, record, index, refilled }: AppendEntry): string {
  const { partition, offset, timestamp, cluster, topic, key, headers } = record;
  const names = `${JSON.stringify(topic)},${JSON.stringify(key)},${JSON.stringify(headers)}`;
  const named = cluster === defaultCluster ? '' : `,${JSON.stringify(cluster)}`;
  return `[${partition},${offset},${index},${Number(refilled)},${timestamp},${names},"${origin}"${named}]`;
}

/** What a reader of the entry will see of it. */
export const readBack = ({ origin, record, index, payload }: AppendEntry): SourceEvent => ({
  origin,
  record,
  index,
  event: readJson(payload),
});

/** Reads an entry. Throws a plain Error for a format this version does not know. */
export function decodeEntry(channel: Channel, shard: number, text: string): Publication {
  const end = text.indexOf('\n');
  const [version, number, previous, epoch, time, fingerprint] = text.slice(0, end).split(' ');
  if (version !== format || !fingerprint) throw new Error(`log entry of unknown format ${JSON.stringify(version)}`);
  const position = { shard, epoch: epoch as string, number: Number(number), time: Number(time) };
  return new LazyPublication(channel, position, Number(previous), fingerprint, text, end + 1);
}

interface Parsed {
  readonly source: SourceEvent;
  readonly refilled: number;
}

/** Most publications are heard by one group, some by none that cares: the body is parsed at first use, once. */
class LazyPublication implements Publication {
  #parsed: Parsed | WeakRef<Parsed> | undefined;

  constructor(
    readonly channel: Channel,
    readonly position: Position,
    readonly previous: number,
    readonly fingerprint: string,
    private readonly text: string,
    private readonly bodyAt: number,
    private readonly isKept = false,
  ) {}

  /** Characters: a byte each, unless the event has others than Latin ones. */
  get bytes(): number {
    return this.text.length;
  }

  get source(): SourceEvent {
    return this.#parse().source;
  }

  get refilled(): boolean {
    return this.#parse().refilled > 0;
  }

  get firstBy(): number | undefined {
    const { refilled } = this.#parse();
    return refilled > 1 ? refilled : undefined;
  }

  kept(): Publication {
    const { channel, position, previous, fingerprint, text, bodyAt } = this;
    return new LazyPublication(channel, position, previous, fingerprint, text, bodyAt, true);
  }

  #parse(): Parsed {
    const known = this.#parsed instanceof WeakRef ? this.#parsed.deref() : this.#parsed;
    if (known) return known;
    const end = this.text.indexOf('\n', this.bodyAt);
    const meta = JSON.parse(this.text.slice(this.bodyAt, end)) as Meta;
    const [partition, offset, index, refilled, timestamp, topic, key, headers, origin = '', cluster = defaultCluster] =
      meta;
    const record = { cluster, topic, partition, offset, timestamp, key, headers };
    const source = { origin, record, index, event: readJson(this.text.slice(end + 1)) };
    const parsed = { source, refilled };
    this.#parsed = this.isKept ? new WeakRef(parsed) : parsed;
    return parsed;
  }
}

/** What every tail hears at the end of an append: `1 <epoch> <from> <number> <time> <fingerprint> <gap mark or empty>`. */
export function decodeCommit(shard: number, text: string) {
  const [version, epoch, from, number, time, , ...rest] = text.split(' ');
  if (version !== format || !time) throw new Error(`log commit of unknown format ${JSON.stringify(version)}`);
  const gap = rest.join(' ');
  return {
    position: { shard, epoch: epoch as string, number: Number(number), time: Number(time) },
    from: Number(from),
    gap: gap === '' ? null : (JSON.parse(gap) as GapMark),
  };
}

/** A stored gap mark: `1 <epoch> <number> <time> <gap mark>`. */
export function decodeGap(shard: number, text: string): LoggedGap {
  const [, epoch, number, time, ...rest] = text.split(' ');
  const position = { shard, epoch: epoch as string, number: Number(number), time: Number(time) };
  return { ...(JSON.parse(rest.join(' ')) as GapMark), position };
}

/** The routes that feed a partition, as the log keeps them: ids parted by commas. */
export const routesAsText = (routes: readonly string[]): string => routes.join();
export const routesIn = (text = ''): readonly string[] => (text === '' ? [] : text.split(','));

/** A history, as the log keeps it: `<topic id or -> <epoch>:<first>,…`. */
export const historyAsText = ({ topicId, epochs }: SourceHistory): string =>
  `${topicId ?? '-'} ${epochs
    .slice(-mostEpochs)
    .map((epoch) => epoch.join(':'))
    .join()}`;

export function historyIn(text: string): SourceHistory | null {
  if (text === '') return null;
  const [topicId, epochs = ''] = text.split(' ');
  const read = epochs === '' ? [] : epochs.split(',').map((epoch) => epoch.split(':').map(Number) as [number, number]);
  return { topicId: topicId === '-' ? null : (topicId as string), epochs: read };
}

/** Which shard a partition's events go to: the same for every relay, spread over topics. */
export function shardOf(topic: string, partition: number, shards: number): number {
  let hash = partition;
  for (let i = 0; i < topic.length; i++) hash = (Math.imul(hash, 31) + topic.charCodeAt(i)) >>> 0;
  return hash % shards;
}

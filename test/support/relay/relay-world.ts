import type { Channel } from '../../../src/event/channel.js';
import { defaultCluster, type KafkaRecord, type RecordMeta } from '../../../src/event/source-event.js';
import type { LeaderEpoch } from '../../../src/event/source-history.js';
import type { Append, AppendAnswer, ChannelLogWriter, PartitionState, Renewal } from '../../../src/log/channel-log.js';
import type { Logger } from '../../../src/observe/logger.js';
import { noRelayMetrics, type RelayMetrics } from '../../../src/observe/metrics.js';
import type { Bounds, PartitionFeed, RecordBatch } from '../../../src/relay/record-batch.js';
import { ExtractError, type Extractor, type StreamSchema, type TopicPlan } from '../../../src/schema/stream-schema.js';
import { Topics } from '../../../src/schema/topics.js';

/** An extractor by hand: events by `extract`, each in one channel per name that `routes` gives. */
export function extractorOf(
  name: string,
  routes: Readonly<Record<string, (event: unknown) => unknown>>,
  extract: Extractor['extract'] = (_, value) => (value === null ? [] : [value]),
  verbatim = true,
  max = 1000,
): Extractor {
  return {
    verbatim,
    extract,
    routes: Object.entries(routes).map(([expression, read]) => ({
      id: `${name}-${expression}`,
      expression,
      retention: { retain: 600_000, max },
      channel(event) {
        const value = read(event);
        if (value === null || value === undefined) return null;
        return `${name}:${expression}:${encodeURIComponent(String(value))}` as Channel;
      },
    })),
  };
}

export const field =
  (name: string) =>
  (event: unknown): unknown =>
    typeof event === 'object' && event !== null && name in event ? Reflect.get(event, name) : null;

/** One event per element of `list`. */
export const eachOf =
  (list: string): Extractor['extract'] =>
  (_: RecordMeta, value: unknown) => {
    const found = field(list)(value);
    if (!Array.isArray(found)) throw new ExtractError(`record.value.${list} is no list`);
    return found;
  };

export const planOf = (topic: string, ...extractors: Extractor[]): TopicPlan => ({
  cluster: defaultCluster,
  topic,
  format: 'JSON',
  extractors,
});

export const schemaOf = (...plans: TopicPlan[]): Pick<StreamSchema, 'topics' | 'fingerprint'> => ({
  topics: new Topics(plans),
  fingerprint: 'abcd1234',
});

/** The log's, which may be another one than the producers'. */
export const logClock = (call: number) => 2_000_000_000 + call;

export const recordAt = (offset: number, value: unknown, more: Partial<KafkaRecord> = {}): KafkaRecord => ({
  topic: 't',
  partition: 0,
  offset,
  timestamp: 1_000_000 + offset * 1_000,
  key: null,
  headers: {},
  value: value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  ...more,
});

/** A partition in memory: records at offsets, with holes where none was put. */
export interface FakePartition extends PartitionFeed {
  records: KafkaRecord[];
  begin: number;
  end: number;
  committed: number | null;
  newest?: Bounds['newest'];
  topicId: string | null;
  /** The leaders' terms with their first offsets; empty where the broker does not tell. */
  epochs: LeaderEpoch[];
  partitions: number;
  hasSiblings: boolean;
  /** What a fetch at `from` brings: at most `limit` records; `to` lies behind the holes after the last of them. */
  fetch(from: number, limit?: number): RecordBatch;
}

export function fakePartition(
  records: KafkaRecord[],
  more: Partial<Omit<FakePartition, 'fetch' | 'bounds' | 'endOf' | 'offsetAt'>> = {},
): FakePartition {
  const last = records.at(-1);
  const partition: FakePartition = {
    records,
    begin: 0,
    end: last === undefined ? 0 : last.offset + 1,
    committed: null,
    topicId: null,
    epochs: [],
    partitions: 1,
    hasSiblings: false,
    ...more,
    bounds: async () => {
      const { begin, end, committed, newest = null, topicId, epochs, partitions, hasSiblings } = partition;
      const leaderEpoch = epochs.at(-1)?.[0] ?? -1;
      return { begin, end, committed, newest, topicId, leaderEpoch, partitions, hasSiblings };
    },
    async endOf(asked) {
      const { epochs, end } = partition;
      const later = epochs.find(([epoch]) => epoch > asked);
      const found = epochs.findLast(([epoch]) => epoch <= asked);
      // As a broker answers: nothing where all it has is older, and of what is older than all it has, where that begins.
      if (later === undefined && found?.[0] !== asked) return null;
      return { epoch: found?.[0] ?? asked, end: later?.[1] ?? end };
    },
    offsetAt: async (timestamp) =>
      partition.records.find((record) => record.offset >= partition.begin && record.timestamp >= timestamp)?.offset ??
      partition.end,
    fetch(from, limit = Number.POSITIVE_INFINITY) {
      const rest = partition.records.filter(({ offset }) => offset >= from && offset >= partition.begin);
      const taken = rest.slice(0, limit);
      const to = taken.length < rest.length ? (taken.at(-1)?.offset ?? from) + 1 : Math.max(from, partition.end);
      const epochs = partition.epochs.filter(([, first], i, all) => (all[i + 1]?.[1] ?? to) > from && first < to);
      const read = epochs.map(([epoch, first]) => [epoch, Math.max(first, from)] as const);
      return { from, to, end: partition.end, records: taken, epochs: read };
    },
  };
  return partition;
}

type Call = { readonly append: Append } | { readonly partition: PartitionState } | { readonly renewal: Renewal };

/** A log that answers from a script, then as a log without faults would; it keeps what it was asked. */
export interface ScriptedLog extends ChannelLogWriter {
  readonly calls: Call[];
  readonly appends: Append[];
  readonly renewals: Renewal[];
  state: PartitionState;
  /** What the next appends answer or throw, instead of appending. */
  script: (AppendAnswer | Error)[];
}

export function scriptedLog(state: Partial<PartitionState> = {}): ScriptedLog {
  const calls: Call[] = [];
  const log: ScriptedLog = {
    calls,
    get appends() {
      return calls.flatMap((call) => ('append' in call ? [call.append] : []));
    },
    get renewals() {
      return calls.flatMap((call) => ('renewal' in call ? [call.renewal] : []));
    },
    state: {
      epoch: 'e1',
      newLog: false,
      head: { shard: 0, epoch: 'e1', number: 0, time: logClock(0) },
      watermark: null,
      last: null,
      history: null,
      mark: null,
      routes: [],
      feeder: { cluster: 'c', idle: 0 },
      ...state,
    },
    script: [],
    async partition() {
      calls.push({ partition: log.state });
      const { epoch } = log.state;
      return { ...log.state, head: { shard: 0, epoch, number: calls.length, time: logClock(calls.length) } };
    },
    async append(append) {
      calls.push({ append });
      const next = log.script.shift();
      if (next instanceof Error) throw next;
      if (next !== undefined) return next;
      const { last, routes, history = log.state.history } = append;
      const position = { shard: 0, epoch: append.epoch, number: calls.length, time: logClock(calls.length) };
      const mark = append.gap ? { ...append.gap, source: append.source, position } : log.state.mark;
      log.state = { ...log.state, watermark: append.next, last: last ?? log.state.last, routes, history, mark };
      return { kind: 'appended', position, appended: append.entries.length };
    },
    async renew(renewal) {
      calls.push({ renewal });
      const { next: watermark, history, source } = renewal;
      const feeder = { cluster: source.cluster, idle: 0 };
      const epoch = `${log.state.epoch}+`;
      const position = { shard: 0, epoch, number: calls.length, time: logClock(calls.length) };
      const mark = { ...renewal.gap, source, position };
      log.state = { ...log.state, epoch, watermark, last: null, history, feeder, mark };
      return { kind: 'appended', position, appended: 0 };
    },
    topic: async (_, partitions) => ({ partitions, isNew: true }),
    close: async () => {},
  };
  return log;
}

/** Metrics that keep each call as `name argument argument`. */
export function heardMetrics(): { readonly heard: string[]; readonly metrics: RelayMetrics } {
  const heard: string[] = [];
  const metrics = Object.fromEntries(
    Object.keys(noRelayMetrics).map((name) => [
      name,
      (...args: unknown[]) => void heard.push([name, ...args].join(' ')),
    ]),
  );
  return { heard, metrics: { ...noRelayMetrics, ...metrics } };
}

/** A logger that keeps its lines as `level message`, with their fields. */
export function heardLogger(): { readonly lines: { line: string; fields: object }[]; readonly logger: Logger } {
  const lines: { line: string; fields: object }[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ line: `${level} ${message}`, fields });
  return { lines, logger: { debug() {}, info: at('info'), warn: at('warn'), error: at('error') } };
}

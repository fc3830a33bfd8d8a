import { isUtf8 } from 'node:buffer';
import type { KafkaRecord, RecordMeta } from '../event/source-event.js';
import { writeSame } from '../event/write-json.js';
import type { AppendEntry, ChannelAddress } from '../log/channel-log.js';
import type { Route, Source, TopicPlan } from '../schema/stream-schema.js';
import { decode, type RecordFault } from './decode.js';

export interface Routed {
  /** Per source in the order of `index`. An event for nobody is not among them. */
  readonly entries: readonly AppendEntry[];
  /** The expression of each route whose value an event lacks, once for each such event; of all routes, where there is no event. */
  readonly forNobody: readonly string[];
  /** The first source that failed. The events of the others are in `entries` all the same. */
  readonly fault: RecordFault | null;
}

export const metaOf = (record: KafkaRecord): RecordMeta => ({
  topic: record.topic,
  partition: record.partition,
  offset: record.offset,
  timestamp: record.timestamp,
  // Of bytes that are no text, toString would make U+FFFD: many keys would be one, and a user could be called so.
  key: record.key === null || !isUtf8(record.key) ? null : record.key.toString('utf8'),
  headers: record.headers,
});

/** The ids of all routes that a topic's records may go by, sorted. */
export const routeIds = ({ sources }: TopicPlan): readonly string[] =>
  [...new Set(sources.flatMap(({ routes }) => routes.map(({ id }) => id)))].sort();

/** Decodes a record and routes its events. Never throws. */
export function routeRecord(
  record: KafkaRecord,
  plan: TopicPlan,
  origin: string,
  refilled: AppendEntry['refilled'],
): Routed & { readonly isTombstone: boolean } {
  const decoded = decode(record);
  if (decoded.kind === 'value') {
    // Not spread, which costs as much as all else of a record.
    const { entries, forNobody, fault } = route(metaOf(record), decoded, plan, origin, refilled);
    return { entries, forNobody, fault, isTombstone: false };
  }
  const isTombstone = decoded.kind === 'tombstone';
  return { entries: [], forNobody: [], fault: isTombstone ? null : decoded.fault, isTombstone };
}

/**
 * Cuts a decoded record into events, by every source of its topic, and says where each can be heard. Never throws.
 * `origin` names whose offset the record has. `index` counts within a source. Two sources may use one index: their channels differ, so in any channel the
 * coordinates still name one event.
 */
export function route(
  record: RecordMeta,
  decoded: { readonly text: string; readonly value: unknown },
  plan: TopicPlan,
  origin: string,
  refilled: AppendEntry['refilled'],
): Routed {
  const entries: AppendEntry[] = [];
  const forNobody: string[] = [];
  let fault: RecordFault | null = null;
  for (const source of plan.sources) {
    try {
      const found = entriesOf(source, record, decoded, origin, refilled);
      for (const entry of found.entries) entries.push(entry);
      for (const route of found.forNobody) forNobody.push(route);
    } catch (error) {
      // Whatever was thrown: a record that throws here would throw again after every restart.
      fault ??= { reason: 'not-extracted', stage: 'TRANSFORMATION', error: asError(error) };
    }
  }
  return { entries, forNobody, fault };
}

function entriesOf(
  source: Source,
  record: RecordMeta,
  decoded: { readonly text: string; readonly value: unknown },
  origin: string,
  refilled: AppendEntry['refilled'],
) {
  const events = source.extract(record, decoded.value);
  const entries: AppendEntry[] = [];
  const forNobody: string[] = events.length === 0 ? source.routes.map(({ expression }) => expression) : [];
  events.forEach((event, index) => {
    const channels = channelsOf(source.routes, event, forNobody);
    if (channels.length === 0) return;
    const payload = source.verbatim ? decoded.text : writeSame(event);
    entries.push({ origin, record, index, payload, channels, refilled });
  });
  return { entries, forNobody };
}

function channelsOf(routes: readonly Route[], event: unknown, forNobody: string[]): ChannelAddress[] {
  const channels: ChannelAddress[] = [];
  for (const route of routes) {
    const channel = event === null || event === undefined ? null : route.channel(event);
    if (channel === null) forNobody.push(route.expression);
    else if (!channels.some((known) => known.channel === channel))
      channels.push({ channel, retention: route.retention });
  }
  return channels;
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));

import type { KafkaRecord, RecordMeta } from '../event/source-event.js';
import { writeSame } from '../event/write-json.js';
import type { Decoded } from '../format/format.js';
import { formatsOf, type TopicFormats } from '../format/formats.js';
import type { AppendEntry, ChannelAddress } from '../log/channel-log.js';
import type { Extractor, Route, TopicPlan } from '../schema/stream-schema.js';
import type { RecordFault } from './dead-letter.js';

export interface Routed {
  /** Per extractor in the order of `index`. An event for nobody is not among them. */
  readonly entries: readonly AppendEntry[];
  /** The expression of each route whose value an event lacks, once for each such event; of all routes, where there is no event. */
  readonly forNobody: readonly string[];
  /** The first extractor that failed. The events of the others are in `entries` all the same. */
  readonly fault: RecordFault | null;
}

/** How the records of a topic become entries of the log. */
export interface Routing {
  readonly plan: TopicPlan;
  readonly formats: TopicFormats;
  /** Names whose offsets the records have: see `originOf`. */
  readonly origin: string;
}

/** By the formats that the plan names. */
export const routingOf = (plan: TopicPlan, origin: string): Routing => ({ plan, formats: formatsOf(plan), origin });

/** The ids of all routes that a topic's records may go by, sorted. */
export const routeIds = ({ extractors }: TopicPlan): readonly string[] =>
  [...new Set(extractors.flatMap(({ routes }) => routes.map(({ id }) => id)))].sort();

/** Decodes a record for which the formats are prepared, and routes its events. Never throws. */
export function routeRecord(
  record: KafkaRecord,
  routing: Routing,
  refilled: AppendEntry['refilled'],
): Routed & { readonly isTombstone: boolean } {
  const decoded = routing.formats.value.decode(record);
  if (decoded.kind === 'value') {
    // Not spread, which costs as much as all else of a record.
    const { entries, forNobody, fault } = route(metaOf(record, routing), decoded, routing, refilled);
    return { entries, forNobody, fault, isTombstone: false };
  }
  if (decoded.kind === 'null') return { entries: [], forNobody: [], fault: null, isTombstone: true };
  const { reason, error } = decoded.fault;
  return { entries: [], forNobody: [], fault: { reason, stage: 'VALUE_CONVERTER', error }, isTombstone: false };
}

function metaOf(record: KafkaRecord, { plan, formats }: Routing): RecordMeta {
  const { topic, partition, offset, timestamp, headers } = record;
  const key = record.key === null ? null : textOf(formats.key.decode(record));
  return { cluster: plan.cluster, topic, partition, offset, timestamp, key, headers };
}

/** A key that is no text is none: a record is not refused for it. */
const textOf = (decoded: Decoded): string | null =>
  decoded.kind === 'value' && typeof decoded.value === 'string' ? decoded.value : null;

type DecodedValue = Extract<Decoded, { kind: 'value' }>;

/**
 * Cuts a decoded record into events, by every extractor of its topic, and says where each can be heard. `index` counts within
 * an extractor. Two extractors may use one index: their channels differ, so in any channel the coordinates still name one event.
 */
function route(
  record: RecordMeta,
  decoded: DecodedValue,
  { plan, origin }: Routing,
  refilled: AppendEntry['refilled'],
): Routed {
  const entries: AppendEntry[] = [];
  const forNobody: string[] = [];
  let fault: RecordFault | null = null;
  for (const extractor of plan.extractors) {
    try {
      const found = entriesOf(extractor, record, decoded, origin, refilled);
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
  extractor: Extractor,
  record: RecordMeta,
  { text, value }: DecodedValue,
  origin: string,
  refilled: AppendEntry['refilled'],
) {
  const events = extractor.extract(record, value);
  const entries: AppendEntry[] = [];
  const forNobody: string[] = events.length === 0 ? extractor.routes.map(({ expression }) => expression) : [];
  events.forEach((event, index) => {
    const channels = channelsOf(extractor.routes, event, forNobody);
    if (channels.length === 0) return;
    const payload = extractor.verbatim && text !== null ? text : writeSame(event);
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

import { type AppendEntry, maxAppendBytes, maxAppendEntries } from '../log/channel-log.js';
import type { DeadLetter } from './dead-letter.js';
import type { FedRecord } from './record-batch.js';
import { type Routing, routeRecord } from './route.js';

/** Records that go into the log by one append, once those of them that cannot be read are dead letters. */
export interface Chunk {
  readonly entries: AppendEntry[];
  /**
   * No entry comes before the first of them: a write of letters may hang as long as Kafka does. The others may lie
   * between entries: a chunk that ended before each of them cost one write for each.
   */
  readonly faults: DeadLetter[];
  /** Never empty. */
  readonly records: FedRecord[];
  tombstones: number;
  /** As in `Routed`. */
  readonly forNobody: string[];
  bytes: number;
}

/**
 * Decodes and routes records in order and gathers them into chunks of at most `maxEntries` entries and dead letters, and
 * `maxBytes` of both.
 * A record is never split: the watermark counts records, so half of one would be taken for the whole after a crash.
 * One record that alone exceeds the limits therefore travels alone, and whole.
 */
export function* chunks(
  records: readonly FedRecord[],
  routing: Routing,
  refilled: (record: FedRecord) => AppendEntry['refilled'],
  { maxEntries = maxAppendEntries, maxBytes = maxAppendBytes } = {},
): Generator<Chunk, void, undefined> {
  let chunk = empty();
  for (const record of records) {
    const routed = routeRecord(record, routing, refilled(record));
    // A letter is larger than its record, by headers and a stack: all those of one fetch at once were gigabytes.
    const letters = routed.fault === null ? 0 : 1;
    // In characters, which is close enough: counting the bytes of each text showed in a relay's profile.
    const bytes = routed.entries.reduce(
      (sum, { payload }) => sum + payload.length,
      letters * (record.value?.length ?? 0),
    );
    const gathered = chunk.entries.length + chunk.faults.length;
    const full = gathered + routed.entries.length + letters > maxEntries || chunk.bytes + bytes > maxBytes;
    const first = letters > 0 && chunk.faults.length === 0;
    if ((gathered > 0 && full) || (first && chunk.entries.length > 0)) {
      yield chunk;
      chunk = empty();
    }
    chunk.records.push(record);
    for (const entry of routed.entries) chunk.entries.push(entry);
    if (routed.fault !== null) chunk.faults.push({ record, fault: routed.fault });
    if (routed.isTombstone) chunk.tombstones++;
    for (const route of routed.forNobody) chunk.forNobody.push(route);
    chunk.bytes += bytes;
  }
  if (chunk.records.length > 0) yield chunk;
}

const empty = (): Chunk => ({ entries: [], faults: [], records: [], tombstones: 0, forNobody: [], bytes: 0 });

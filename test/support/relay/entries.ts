import type { KafkaRecord } from '../../../src/event/source-event.js';
import type { AppendEntry } from '../../../src/log/channel-log.js';
import { type Routing, routeRecord } from '../../../src/relay/route.js';

/**
 * What a relay appends of a record that a test made. A value that does not decode is a mistake of that test: taken for a
 * dead letter it would append nothing, and every test that expects nothing to be shown would pass.
 */
export function entriesOf(record: KafkaRecord, routing: Routing): readonly AppendEntry[] {
  const { entries, fault, isTombstone } = routeRecord(record, routing, false);
  if (isTombstone) throw new Error(`cannot publish to ${record.topic}: the value is null`);
  if (fault?.stage === 'VALUE_CONVERTER') throw new Error(`cannot publish to ${record.topic}: ${fault.error.message}`);
  return entries;
}

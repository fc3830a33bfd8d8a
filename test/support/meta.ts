import { defaultCluster, type RecordMeta } from '../../src/event/source-event.js';

/** A record without a key or headers, of the first partition of a topic, unless `more` says otherwise. */
export const metaAt = (topic: string, offset: number, more: Partial<RecordMeta> = {}): RecordMeta => ({
  cluster: defaultCluster,
  topic,
  partition: 0,
  offset,
  timestamp: 0,
  key: null,
  headers: {},
  ...more,
});

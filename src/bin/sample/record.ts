import { defaultCluster } from '../../event/source-event.js';
import type { StreamSchema } from '../../schema/stream-schema.js';

/** A record of a sample topic as a producer sends it. */
export interface SampleRecord {
  readonly topic: 'card-transactions' | 'vehicle-positions';
  readonly key: string;
  /** JSON. */
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
}

/** The sample topics, with as many partitions as `npm run sample` makes. */
export const sampleTopics: Readonly<Record<SampleRecord['topic'], number>> = {
  'card-transactions': 3,
  'vehicle-positions': 1,
};

/** The topics of a schema that samples feed. */
export const sampled = ({ topics }: Pick<StreamSchema, 'topics'>): readonly string[] =>
  [...topics.in(defaultCluster).keys()].filter((topic) => Object.hasOwn(sampleTopics, topic));

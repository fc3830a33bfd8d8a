import { defaultCluster } from '../../event/source-event.js';
import type { StreamSchema } from '../../schema/stream-schema.js';
import { didYouMean } from '../../schema/suggest.js';

/** A sentence for a topic that the schema does not have, with the near names or else all of them. */
export function unknownTopic(topic: string, { topics }: Pick<StreamSchema, 'topics'>, whose: string): string {
  const known = [...topics.in(defaultCluster).keys()];
  const near = didYouMean(topic, known);
  const there = known.length === 0 ? '; it names none.' : `; there are: ${known.join(', ')}.`;
  return `${whose} names no topic ${JSON.stringify(topic)}${near || there}`;
}

import { expect, test } from 'vitest';
import { metadataOf, reachedIn } from '../../../src/relay/kafka/commit-metadata.js';

/** Of a broker that names no histories. */
const unnamed = { topicId: null, epochs: [] };

test('what a relay says of its newest append is heard with the offset it was committed with', () => {
  const newest = {
    offset: 7,
    timestamp: 1_795_000_000_000,
    arrivals: [{ offset: 7, time: 1_795_000_000_012, lag: 12 }],
    history: unnamed,
    told: { epoch: 'e', number: 9, time: 1_795_000_000_011 },
    lost: { reason: 'TOPIC_RECREATED', since: 1_795_000_000_001, cut: { origin: 'abcdef', offset: 3 } },
  } as const;
  expect(reachedIn(7, metadataOf(newest))).toEqual(newest);
  // As a relay of a former version has it.
  const { told: _, lost: __, ...former } = newest;
  expect(reachedIn(7, JSON.stringify(former))).toEqual({ ...newest, told: null, lost: null });
});

test('nothing said, or said by somebody else, is nothing', () => {
  for (const words of [
    metadataOf(null),
    null,
    undefined,
    'x',
    '{}',
    '{"timestamp":"1"}',
    '{"timestamp":1.5}',
    '{"timestamp":1,"arrivals":[{"offset":1}]}',
    '[]',
  ])
    expect(reachedIn(7, words)).toBeNull();
});

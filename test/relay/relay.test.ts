import { expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import type { Append } from '../../src/log/channel-log.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { noRelayMetrics } from '../../src/observe/metrics.js';
import { createLocalFeed } from '../../src/relay/feed.js';
import { createRelay } from '../../src/relay/relay.js';
import { extractorOf, heardLogger, planOf, schemaOf } from '../support/relay/relay-world.js';

test('a relay brings the topics of its cluster, and what it writes names that cluster as the schema does', async () => {
  const memory = createMemoryLog();
  const appends: Append[] = [];
  const relay = createRelay({
    schema: schemaOf(
      planOf('cards', extractorOf('here', { all: () => '*' })),
      { ...planOf('cards', extractorOf('eu', { all: () => '*' })), cluster: 'eu' },
      planOf('notes', extractorOf('notes', { all: () => '*' })),
    ),
    log: {
      ...memory,
      append(append) {
        appends.push(append);
        return memory.append(append);
      },
    },
    cluster: 'the id that Kafka gave it',
    clusterName: 'eu',
    metrics: noRelayMetrics,
    logger: heardLogger().logger,
  });
  expect(relay.topics).toEqual(['cards']);
  await createLocalFeed(relay, 'cards').push([{ key: null, value: Buffer.from('1') }]);
  const { publications } = await memory.newest('eu:all:*' as Channel, 0, 10);
  expect(publications.map(({ source }) => source.record)).toMatchObject([{ cluster: 'eu', topic: 'cards', offset: 0 }]);
  expect(appends.map(({ source }) => source)).toContainEqual(
    expect.objectContaining({ clusterName: 'eu', topic: 'cards' }),
  );
  expect((await memory.newest('here:all:*' as Channel, 0, 10)).publications).toEqual([]);
});

import { expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import { LogUnavailable } from '../../src/log/channel-log.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { noRelayMetrics } from '../../src/observe/metrics.js';
import { createLocalFeed } from '../../src/relay/feed.js';
import { createRelay } from '../../src/relay/relay.js';
import { extractorOf, heardLogger, planOf, schemaOf } from '../support/relay/relay-world.js';

const made = (...values: unknown[]) =>
  values.map((value) => ({ key: null, value: Buffer.from(JSON.stringify(value)) }));

function world(failing = 0) {
  const memory = createMemoryLog();
  let left = failing;
  const relay = createRelay({
    schema: schemaOf(planOf('t', extractorOf('s', { all: () => '*' }))),
    log: {
      ...memory,
      append: async (append) => {
        if (left-- > 0) throw new LogUnavailable('not now');
        return memory.append(append);
      },
    },
    cluster: 'local',
    metrics: noRelayMetrics,
    logger: heardLogger().logger,
    delay: () => 1,
  });
  const held = async () =>
    (await memory.newest('s:all:*' as Channel, 0, 1_000)).publications.map(({ source, refilled }) => [
      source.record.offset,
      source.event,
      refilled,
    ]);
  return { feed: createLocalFeed(relay, 't'), held };
}

test('records made in the process take the way of Kafka’s records, in the order of the calls', async () => {
  const { feed, held } = world();
  await Promise.all([feed.push(made('a', 'b')), feed.push(made('c')), feed.push([])]);
  await feed.push([{ key: null, value: Buffer.from('{') }, ...made('d')]);
  expect(await held()).toEqual([
    [0, 'a', false],
    [1, 'b', false],
    [2, 'c', false],
    [4, 'd', false],
  ]);
});

test('a push tells the offset of its first record', async () => {
  const { feed } = world();
  expect(
    await Promise.all([feed.push(made('a', 'b')), feed.push(made('c')), feed.push([]), feed.push(made('d'))]),
  ).toEqual([0, 2, 3, 3]);
});

test('while the log refuses, a push waits; then nothing is missing', async () => {
  const { feed, held } = world(5);
  await Promise.all([feed.push(made(1, 2)), feed.push(made(3))]);
  expect((await held()).map(([, event]) => event)).toEqual([1, 2, 3]);
});

test('closing ends a push that waits', async () => {
  const { feed } = world(Number.POSITIVE_INFINITY);
  const waiting = feed.push(made(1));
  feed.close();
  await expect(waiting).rejects.toThrow(/abort/);
});

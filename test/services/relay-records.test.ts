import { describe, expect, test } from 'vitest';
import { createMemoryLog } from '../../src/log/memory-log.js';
import {
  jsonOf,
  numbersOf,
  produce,
  read,
  type TestRelay,
  testRelay,
  upTo,
  withProducer,
} from '../support/relay/relay-kafka.js';
import {
  eventually,
  freshPrefix,
  freshTopic,
  kafka39Brokers,
  kafkaBrokers,
  withAdmin,
} from '../support/servers/services.js';

describe.each([
  ['4.3.1', kafkaBrokers()],
  ['3.9.1', kafka39Brokers()],
])('what Kafka %s may hold', (_, brokers) => {
  test.each(['gzip', 'snappy', 'lz4', 'zstd'])('batches that the broker compressed with %s are read', async (type) => {
    await using topic = await freshTopic(type, 1, { 'compression.type': type }, brokers);
    await using relay = testRelay([topic.name], { kafka: { brokers } });
    // Repeating and random content: codecs write blocks of more than one kind.
    const random = () => Array.from({ length: 1_000 }, () => Math.random().toString(36)).join('');
    const messages = upTo(30).map((n) => ({ value: JSON.stringify({ n, random: random(), same: 'x'.repeat(9_000) }) }));
    for (let n = 0; n < 30; n += 10) await produce(topic.name, messages.slice(n, n + 10), brokers);
    await eventually('all records', async () => (await relay.held(topic.name)).length === 30);
    const held = await relay.held(topic.name);
    expect(held.map(({ event }) => JSON.stringify(event))).toEqual(messages.map(({ value }) => value));
  });

  test('a record of 900 KB arrives whole, and so does what follows it', async () => {
    await using topic = await freshTopic('large', 1, {}, brokers);
    await using relay = testRelay([topic.name], { kafka: { brokers } });
    await produce(topic.name, [{ value: JSON.stringify({ n: 0, text: 'é'.repeat(450_000) }) }], brokers);
    await produce(topic.name, jsonOf(1, 3), brokers);
    await eventually('all records', async () => (await relay.held(topic.name)).length === 3);
    const [large] = await relay.held(topic.name);
    expect(large?.event).toEqual({ n: 0, text: 'é'.repeat(450_000) });
  });

  test('committed transactions are read, aborted ones never, and the lag comes to nothing', async () => {
    await using topic = await freshTopic('transactions', 1, {}, brokers);
    await using relay = testRelay([topic.name], { kafka: { brokers } });
    const transact = (messages: { value: string | Buffer | null }[], end: 'commit' | 'abort', id: string) =>
      withProducer(
        async (producer) => {
          const transaction = await producer.transaction();
          await transaction.send({ topic: topic.name, messages: messages.map(({ value }) => ({ value })) });
          await transaction[end]();
        },
        brokers,
        id,
      );
    const id = freshPrefix('writer');
    const values = (from: number, to: number) => jsonOf(from, to).map(({ value }) => ({ value }));
    await transact(values(0, 3), 'commit', id);
    await transact(values(100, 103), 'abort', id);
    await eventually('the first transaction', async () => (await relay.held(topic.name)).length === 3);
    await transact(values(3, 6), 'commit', id);
    await transact(values(103, 106), 'abort', id);
    await transact(values(106, 109), 'abort', id);
    await transact(values(6, 9), 'commit', id);
    await eventually('nine records', async () => (await relay.held(topic.name)).length === 9);
    await transact(values(109, 112), 'abort', id);
    const lag = () => relay.heard.filter((what) => what.startsWith(`lag ${topic.name}`)).at(-1);
    await eventually('no lag', () => lag() === `lag ${topic.name} 0 0`);
    expect(numbersOf(await relay.held(topic.name))).toEqual(upTo(9));
    expect(relay.heard.filter((what) => what.startsWith('refused') || what.startsWith('gap'))).toEqual([]);
  });

  test('holes that compaction left lose nothing, at the first start and after a restart', async () => {
    const compacted = {
      'cleanup.policy': 'compact',
      'segment.ms': '50',
      'max.compaction.lag.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
    };
    await using topic = await freshTopic('compacted', 1, compacted, brokers);
    const fill = async () => {
      const values = upTo(20).map((n) => JSON.stringify({ n }));
      for (const keys of [1, 2, 3, 4, 5, 6]) {
        await produce(
          topic.name,
          values.map((value, n) => ({ key: `k${n % keys}`, value })),
          brokers,
        );
      }
    };
    const remaining = () =>
      eventually('compaction', async () => {
        // Each record closes the segment before it, so that the cleaner may take it.
        await produce(topic.name, [{ key: 'last', value: '{"n":0}' }], brokers);
        const [offsets] = await withAdmin(brokers, (admin) => admin.fetchTopicOffsets(topic.name));
        const end = Number(offsets?.high);
        const found = await read(topic.name, (records) => records.at(-1)?.offset === end - 1, brokers);
        return found.length < end / 2 ? found.map(({ offset }) => offset) : null;
      });
    const memory = createMemoryLog();
    const groupId = freshPrefix('group');
    const offsetsHeld = async (relay: TestRelay) => (await relay.held(topic.name)).map(({ offset }) => offset);
    await fill();
    const first = await remaining();
    {
      await using relay = testRelay([topic.name], { kafka: { brokers }, memory, groupId });
      await eventually('the newest record', async () => (await offsetsHeld(relay)).at(-1) === first.at(-1));
      // The cleaner may have taken more since: never less than it left at last.
      expect(first).toEqual(expect.arrayContaining(await offsetsHeld(relay)));
    }
    const before = first.at(-1) ?? 0;
    await fill();
    const second = (await remaining()).filter((offset) => offset > before);
    await using relay = testRelay([topic.name], { kafka: { brokers }, memory, groupId });
    await eventually('the newest record', async () => (await offsetsHeld(relay)).at(-1) === second.at(-1));
    const later = (await offsetsHeld(relay)).filter((offset) => offset > before);
    expect(second).toEqual(expect.arrayContaining(later));
    expect(later).toEqual([...new Set(later)].sort((a, b) => a - b));
    expect(relay.heard.filter((what) => what.startsWith('refused') || what.startsWith('gap'))).toEqual([]);
  });

  test('tombstones are counted and not delivered; an empty value is a dead letter', async () => {
    await using topic = await freshTopic('tombstones', 1, {}, brokers);
    await using relay = testRelay([topic.name], { kafka: { brokers } });
    await produce(
      topic.name,
      [{ value: '{"n":0}' }, { key: 'k', value: null }, { value: '' }, { value: '{"n":1}' }],
      brokers,
    );
    await eventually('both events', async () => (await relay.held(topic.name)).length === 2);
    expect(relay.heard).toContain(`tombstone ${topic.name}`);
    expect(relay.heard).toContain(`deadLettered ${topic.name} empty-value`);
    expect((await relay.held(topic.name)).map(({ offset }) => offset)).toEqual([0, 3]);
  });
});

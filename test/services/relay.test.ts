import type { IHeaders } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { LogUnavailable } from '../../src/log/channel-log.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { committedOf, jsonOf, produce, testRelay, withProducer } from '../support/relay-kafka.js';
import {
  eventually,
  freshPrefix,
  freshTopic,
  kafkaBrokers,
  kafkaClient,
  startKafka,
  withAdmin,
} from '../support/services.js';

const numbersOf = (held: readonly { event: unknown }[]) => held.map(({ event }) => (event as { n: number }).n);
const upTo = (end: number, from = 0) => Array.from({ length: end - from }, (_, i) => from + i);

interface Found {
  offset: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: IHeaders;
}

/** The records of partition 0 from its beginning, by a consumer of its own, until there are enough. */
async function read(topic: string, enough: (found: readonly Found[]) => boolean): Promise<Found[]> {
  const consumer = kafkaClient().consumer({ groupId: freshPrefix('reader'), maxWaitTimeInMs: 100 });
  const found: Found[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message: { offset, key, value, headers = {} } }) => {
      found.push({ offset: Number(offset), key, value, headers });
    },
  });
  await eventually(`records of ${topic}`, () => enough(found)).finally(() => consumer.disconnect());
  return found;
}

describe('what Kafka may hold', () => {
  test.each(['gzip', 'snappy', 'lz4', 'zstd'])('batches that the broker compressed with %s are read', async (type) => {
    await using topic = await freshTopic(type, 1, { 'compression.type': type });
    await using relay = testRelay([topic.name]);
    // Repeating and random content: codecs write blocks of more than one kind.
    const random = () => Array.from({ length: 1_000 }, () => Math.random().toString(36)).join('');
    const messages = upTo(30).map((n) => ({ value: JSON.stringify({ n, random: random(), same: 'x'.repeat(9_000) }) }));
    for (let n = 0; n < 30; n += 10) await produce(topic.name, messages.slice(n, n + 10));
    await eventually('all records', async () => (await relay.held(topic.name)).length === 30);
    const held = await relay.held(topic.name);
    expect(held.map(({ event }) => JSON.stringify(event))).toEqual(messages.map(({ value }) => value));
  });

  test('a record of 900 KB arrives whole, and so does what follows it', async () => {
    await using topic = await freshTopic('large');
    await using relay = testRelay([topic.name]);
    await produce(topic.name, [{ value: JSON.stringify({ n: 0, text: 'é'.repeat(450_000) }) }]);
    await produce(topic.name, jsonOf(1, 3));
    await eventually('all records', async () => (await relay.held(topic.name)).length === 3);
    const [large] = await relay.held(topic.name);
    expect(large?.event).toEqual({ n: 0, text: 'é'.repeat(450_000) });
  });

  test('committed transactions are read, aborted ones never, and the lag comes to nothing', async () => {
    await using topic = await freshTopic('transactions');
    await using relay = testRelay([topic.name]);
    const transact = (messages: { value: string | Buffer | null }[], end: 'commit' | 'abort', id: string) =>
      withProducer(
        async (producer) => {
          const transaction = await producer.transaction();
          await transaction.send({ topic: topic.name, messages: messages.map(({ value }) => ({ value })) });
          await transaction[end]();
        },
        kafkaBrokers(),
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

  test('holes that compaction left lose nothing, for a running relay and for a new one', async () => {
    const compacted = {
      'cleanup.policy': 'compact',
      'segment.ms': '50',
      'max.compaction.lag.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
    };
    await using topic = await freshTopic('compacted', 1, compacted);
    const rounds = upTo(6);
    for (const round of rounds) {
      await produce(
        topic.name,
        upTo(20).map((n) => ({ key: `k${n % (round + 1)}`, value: JSON.stringify({ n: round * 20 + n }) })),
      );
    }
    await eventually(
      'compaction',
      async () => {
        // Each record closes the segment before it, so that the cleaner may take it.
        await produce(topic.name, [{ key: 'last', value: '{"n":0}' }]);
        const [offsets] = await withAdmin(kafkaBrokers(), (admin) => admin.fetchTopicOffsets(topic.name));
        const end = Number(offsets?.high);
        const found = await read(topic.name, (records) => records.at(-1)?.offset === end - 1);
        return found.length < end - 30;
      },
      { within: 60_000 },
    );
    await using relay = testRelay([topic.name]);
    await relay.joined();
    await produce(topic.name, [{ key: 'newest', value: '{"n":-1}' }]);
    await eventually('the newest record', async () => numbersOf(await relay.held(topic.name)).includes(-1));
    const held = await relay.held(topic.name);
    const offsets = held.map(({ offset }) => offset);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    expect(new Set(offsets).size).toBe(offsets.length);
    expect(offsets.length).toBeLessThan((offsets.at(-1) ?? 0) - 30);
    expect(relay.heard.filter((what) => what.startsWith('refused') || what.startsWith('gap'))).toEqual([]);
  });

  test('tombstones are counted and not delivered; an empty value is a dead letter', async () => {
    await using topic = await freshTopic('tombstones');
    await using relay = testRelay([topic.name]);
    await produce(topic.name, [{ value: '{"n":0}' }, { key: 'k', value: null }, { value: '' }, { value: '{"n":1}' }]);
    await eventually('both events', async () => (await relay.held(topic.name)).length === 2);
    expect(relay.heard).toContain(`tombstone ${topic.name}`);
    expect(relay.heard).toContain(`deadLettered ${topic.name} empty-value`);
    expect((await relay.held(topic.name)).map(({ offset }) => offset)).toEqual([0, 3]);
  });
});

describe('dead letters', () => {
  test('go to <group>.dlq with Kafka Connect’s headers, as they were written, and the stream goes on', async () => {
    await using topic = await freshTopic('letters');
    await using relay = testRelay([topic.name]);
    const binary = Buffer.from([0, 255, 1]);
    await produce(topic.name, [
      { value: '{"n":0}' },
      { key: binary, value: '{no', headers: { trace: ['a', binary] } },
      { value: '{"n":1}' },
    ]);
    await eventually('the stream to go on', async () => (await relay.held(topic.name)).length === 2);
    const [letter, ...others] = await read(`${relay.groupId}.dlq`, ({ length }) => length === 1);
    expect(others).toEqual([]);
    expect(letter?.key).toEqual(binary);
    expect(letter?.value?.toString()).toBe('{no');
    expect(letter?.headers.trace).toEqual([Buffer.from('a'), binary]);
    const texts = Object.fromEntries(
      Object.entries(letter?.headers ?? {}).map(([name, value]) => [
        name.replace('__connect.errors.', ''),
        String(value),
      ]),
    );
    expect(texts).toMatchObject({
      topic: topic.name,
      partition: '0',
      offset: '1',
      'connector.name': relay.groupId,
      stage: 'VALUE_CONVERTER',
      'class.name': 'tailrace.decode',
      'exception.class.name': 'SyntaxError',
    });
    expect(texts['exception.message']).toMatch(/JSON/);
    expect(texts['exception.stacktrace']).toMatch(/SyntaxError/);
    expect(relay.lines).toContainEqual({
      line: 'error A record cannot be read: it is a dead letter',
      fields: expect.objectContaining({ topic: topic.name, partition: 0, offset: 1 }),
    });
    await withAdmin(kafkaBrokers(), (admin) => admin.deleteTopics({ topics: [`${relay.groupId}.dlq`] }));
  });

  test('too large for their topic keep their headers and lose their value, instead of holding the partition for ever', async () => {
    await using topic = await freshTopic('large-letters');
    await using letters = await freshTopic('small-dlq', 1, { 'max.message.bytes': '20000' });
    await using relay = testRelay([topic.name], { deadLetter: { topic: letters.name } });
    await produce(topic.name, [{ value: 'x'.repeat(30_000) }, { value: '{small' }, { value: '{"n":1}' }]);
    await eventually('the stream to go on', async () => (await relay.held(topic.name)).length === 1);
    const found = await read(letters.name, ({ length }) => length === 2);
    expect(found.map(({ value }) => value?.toString() ?? null)).toEqual([null, '{small']);
    expect(found[0]?.headers['__connect.errors.offset']?.toString()).toBe('0');
  });

  test('that cannot be written hold their partition and no other; skipped, if so configured', async () => {
    await using bad = await freshTopic('bad');
    await using good = await freshTopic('good');
    // No such name can be made.
    const deadLetter = { topic: 'not a topic' };
    await using waiting = testRelay([bad.name, good.name], { deadLetter });
    await using skipping = testRelay([bad.name], { deadLetter: { ...deadLetter, unwritable: 'skip' } });
    await produce(bad.name, [{ value: '{"n":0}' }, { value: '{' }, { value: '{"n":1}' }]);
    await produce(good.name, jsonOf(0, 3));
    await eventually('the other relay to skip', async () => (await skipping.held(bad.name)).length === 2);
    await eventually('the other topic', async () => (await waiting.held(good.name)).length === 3);
    await eventually('a few attempts', () => waiting.lines.some(({ line }) => line === 'warn The partition waits'));
    await produce(good.name, jsonOf(3, 6));
    await eventually('the other topic', async () => (await waiting.held(good.name)).length === 6);
    expect(numbersOf(await waiting.held(bad.name))).toEqual([0]);
    expect(skipping.lines.map(({ line }) => line)).toContain('error Dead letters could not be written and are skipped');
  });
});

describe('topics that come and go', () => {
  test('a topic that is missing at the start is reported once and read when it appears; others flow meanwhile', async () => {
    await using present = await freshTopic('present');
    const late = freshPrefix('late');
    await using relay = testRelay([present.name, late]);
    await produce(present.name, jsonOf(0, 2));
    await eventually('the present topic', async () => (await relay.held(present.name)).length === 2);
    expect(relay.ready()).toBeNull();
    const reports = () =>
      relay.lines.filter(
        ({ line, fields }) => line.includes('does not exist') && 'topic' in fields && fields.topic === late,
      );
    expect(reports()).toHaveLength(1);
    await withAdmin(kafkaBrokers(), (admin) => admin.createTopics({ topics: [{ topic: late }], waitForLeaders: true }));
    await produce(late, jsonOf(0, 3));
    await produce(present.name, jsonOf(2, 4));
    await eventually('the late topic', async () => (await relay.held(late)).length === 3);
    await eventually('the present topic', async () => (await relay.held(present.name)).length === 4);
    expect((await relay.held(late)).map(({ refilled }) => refilled)).toEqual([false, false, false]);
    expect(reports()).toHaveLength(1);
    await withAdmin(kafkaBrokers(), (admin) => admin.deleteTopics({ topics: [late] }));
  });

  const recreate = async (topic: string) => {
    await withAdmin(kafkaBrokers(), async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
      await eventually('the topic is gone', async () => !(await admin.listTopics()).includes(topic));
      await eventually('the topic is made', () => admin.createTopics({ topics: [{ topic }], waitForLeaders: true }));
    });
  };

  test('a topic deleted and made again under a running relay begins anew, with a gap mark, and loses nothing', async () => {
    await using topic = await freshTopic('again');
    await using other = await freshTopic('other');
    await using relay = testRelay([topic.name, other.name]);
    await produce(topic.name, jsonOf(0, 50));
    await eventually('the first life', async () => (await relay.held(topic.name)).length === 50);
    await recreate(topic.name);
    await produce(topic.name, jsonOf(100, 110));
    await produce(other.name, jsonOf(0, 5));
    await eventually('the second life', async () => numbersOf(await relay.held(topic.name)).includes(109), {
      within: 60_000,
    });
    await produce(topic.name, jsonOf(110, 120));
    await eventually('what follows', async () => numbersOf(await relay.held(topic.name)).includes(119));
    await eventually('the other topic', async () => (await relay.held(other.name)).length === 5);
    expect(numbersOf(await relay.held(topic.name))).toEqual([...upTo(50), ...upTo(120, 100)]);
    expect((await relay.log.gaps(0)).map(({ reason, source }) => [reason, source.topic])).toEqual([
      ['TOPIC_RECREATED', topic.name],
    ]);
  });

  test('a topic made again while no relay ran is noticed, though it has grown past the old one', async () => {
    await using topic = await freshTopic('grown');
    const memory = createMemoryLog();
    const groupId = freshPrefix('group');
    {
      await using relay = testRelay([topic.name], { memory, groupId });
      await produce(topic.name, jsonOf(0, 20));
      await eventually('the first life', async () => (await relay.held(topic.name)).length === 20);
    }
    expect(await committedOf(groupId, topic.name)).toBe(20);
    await recreate(topic.name);
    await produce(topic.name, jsonOf(100, 140));
    await using relay = testRelay([topic.name], { memory, groupId });
    await eventually('the second life', async () => numbersOf(await relay.held(topic.name)).includes(139));
    expect(numbersOf(await relay.held(topic.name))).toEqual([...upTo(20), ...upTo(140, 100)]);
    expect((await memory.gaps(0)).map(({ reason }) => reason)).toEqual(['TOPIC_RECREATED']);
  });

  test('records that Kafka deleted before they were read are told with their number', async () => {
    await using topic = await freshTopic('deleted');
    const memory = createMemoryLog();
    const groupId = freshPrefix('group');
    {
      await using relay = testRelay([topic.name], { memory, groupId });
      await produce(topic.name, jsonOf(0, 10));
      await eventually('ten records', async () => (await relay.held(topic.name)).length === 10);
    }
    await produce(topic.name, jsonOf(10, 30));
    await withAdmin(kafkaBrokers(), async (admin) => {
      // Loads the metadata that the next call needs.
      await admin.fetchTopicOffsets(topic.name);
      await admin.deleteTopicRecords({ topic: topic.name, partitions: [{ partition: 0, offset: '25' }] });
    });
    await using relay = testRelay([topic.name], { memory, groupId });
    await eventually('the rest', async () => (await relay.held(topic.name)).length === 15);
    expect(numbersOf(await relay.held(topic.name))).toEqual([...upTo(10), ...upTo(30, 25)]);
    expect((await memory.gaps(0)).map(({ reason, missed }) => [reason, missed])).toEqual([['SOURCE_LOST', 15]]);
  });

  test('Kafka that is not there at the start is waited for, with a line each time, and readiness says no', async () => {
    await using kafka = await startKafka();
    const brokers = kafka.brokers;
    const topic = freshPrefix('waited');
    await withAdmin(brokers, (admin) => admin.createTopics({ topics: [{ topic }], waitForLeaders: true }));
    await kafka.stop();
    await using relay = testRelay([topic], { kafka: { brokers } });
    await eventually('two attempts', () => relay.lines.filter(({ line }) => line.includes('trying again')).length >= 2);
    expect(relay.ready()).toMatch(/Kafka/);
    await kafka.start();
    await produce(topic, jsonOf(0, 3), brokers);
    await eventually('the records', async () => (await relay.held(topic)).length === 3, { within: 60_000 });
    expect(relay.ready()).toBeNull();
    await kafka.kill();
    await eventually('readiness says no', () => relay.ready() !== null, { within: 60_000 });
    await kafka.start();
    await produce(topic, jsonOf(3, 6), brokers);
    await eventually('the records', async () => (await relay.held(topic)).length === 6, { within: 60_000 });
    expect(numbersOf(await relay.held(topic))).toEqual(upTo(6));
  });
});

describe('several relays, and a log that fails', () => {
  test('a first start takes what is there as refilled, and what comes after as new', async () => {
    await using topic = await freshTopic('first');
    await produce(topic.name, jsonOf(0, 5));
    await using relay = testRelay([topic.name]);
    await eventually('what was there', async () => (await relay.held(topic.name)).length === 5);
    await produce(topic.name, jsonOf(5, 8));
    await eventually('what came', async () => (await relay.held(topic.name)).length === 8);
    expect((await relay.held(topic.name)).map(({ refilled }) => refilled)).toEqual([
      ...upTo(5).map(() => true),
      false,
      false,
      false,
    ]);
  });

  test('relays that come and go while records flow: every record once, in the order of its partition', async () => {
    await using topic = await freshTopic('rolling', 4);
    const memory = createMemoryLog();
    const groupId = freshPrefix('group');
    const total = 4_000;
    const relays = [testRelay([topic.name], { memory, groupId })];
    await withProducer(async (producer) => {
      for (let n = 0; n < total; n += 100) {
        await producer.send({
          topic: topic.name,
          messages: jsonOf(n, n + 100).map((message, i) => ({ ...message, partition: i % 4 })),
        });
        if (n === 800 || n === 1_600) relays.push(testRelay([topic.name], { memory, groupId }));
        if (n === 2_400) await relays[0]?.stop();
      }
    });
    await relays[1]?.stop();
    const held = async () => (await relays[0]?.held(topic.name)) ?? [];
    await eventually('all records', async () => (await held()).length >= total, { within: 60_000 });
    await relays[2]?.stop();
    for (const partition of upTo(4)) {
      const offsets = (await held()).filter((record) => record.partition === partition).map(({ offset }) => offset);
      expect(offsets).toEqual(upTo(total / 4));
    }
    const appended = relays.flatMap(({ heard }) => heard).filter((what) => what.startsWith('appended'));
    expect(appended.reduce((sum, what) => sum + Number(what.split(' ').at(-1)), 0)).toBe(total);
    expect(relays.flatMap(({ heard }) => heard).filter((what) => what.startsWith('gap'))).toEqual([]);
  });

  test('a log that is out of memory pauses the relay; with memory again, nothing is missing or doubled', async () => {
    await using topic = await freshTopic('full');
    let full = false;
    await using relay = testRelay([topic.name], {
      writer: (memory) => ({
        ...memory,
        append: async (append) => {
          if (full) throw new LogUnavailable('out of memory', true);
          return memory.append(append);
        },
      }),
    });
    await produce(topic.name, jsonOf(0, 5));
    await eventually('five records', async () => (await relay.held(topic.name)).length === 5);
    full = true;
    await produce(topic.name, jsonOf(5, 400));
    await eventually(
      'a few refusals',
      () => relay.heard.filter((what) => what === `refused ${topic.name} full`).length >= 3,
    );
    full = false;
    await eventually('all records', async () => (await relay.held(topic.name)).length === 400);
    expect(numbersOf(await relay.held(topic.name))).toEqual(upTo(400));
  });

  test('a stopped relay has committed all it appended and has left its group', async () => {
    await using topic = await freshTopic('stopped');
    const relay = testRelay([topic.name]);
    await produce(topic.name, jsonOf(0, 500));
    await eventually('all records', async () => (await relay.held(topic.name)).length === 500);
    await Promise.all([relay.stop(), relay.stop()]);
    expect(await committedOf(relay.groupId, topic.name)).toBe(500);
    const { groups } = await withAdmin(kafkaBrokers(), (admin) => admin.describeGroups([relay.groupId]));
    expect(groups[0]?.members).toEqual([]);
    expect(relay.ready()).toMatch(/stopped/);
  });
});

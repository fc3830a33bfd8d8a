import { CompressionTypes } from 'kafkajs';
import { expect, test } from 'vitest';
import { jsonOf, numbersOf, produce, read, testRelay, upTo, withProducer } from '../support/relay/relay-kafka.js';
import { eventually, freshTopic, kafkaBrokers, withAdmin } from '../support/servers/services.js';

test('dead letters go to <group>.dlq with Kafka Connect’s headers, as they were written, and the stream goes on', async () => {
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

test('dead letters too large for their topic keep their headers and lose their value, instead of holding the partition for ever', async () => {
  await using topic = await freshTopic('large-letters');
  await using letters = await freshTopic('small-dlq', 1, { 'max.message.bytes': '20000' });
  await using relay = testRelay([topic.name], { deadLetter: { topic: letters.name } });
  await produce(topic.name, [{ value: 'x'.repeat(30_000) }, { value: '{small' }, { value: '{"n":1}' }]);
  await eventually('the stream to go on', async () => (await relay.held(topic.name)).length === 1);
  const found = await read(letters.name, ({ length }) => length === 2);
  expect(found.map(({ value }) => value?.toString() ?? null)).toEqual([null, '{small']);
  expect(found[0]?.headers['__connect.errors.offset']?.toString()).toBe('0');
});

test('dead letters of records whose headers or key alone are too large keep what is said of them', async () => {
  await using topic = await freshTopic('large-headers');
  await using letters = await freshTopic('small-dlq', 1, { 'max.message.bytes': '20000' });
  await using relay = testRelay([topic.name], { deadLetter: { topic: letters.name } });
  await produce(topic.name, [
    { value: '{', headers: { trace: 'x'.repeat(30_000) } },
    { value: '{', key: Buffer.alloc(30_000), partition: 0 },
    { value: '{"n":1}' },
  ]);
  await eventually('the stream to go on', async () => (await relay.held(topic.name)).length === 1);
  const found = await read(letters.name, ({ length }) => length === 2);
  const said = found.map(({ key, value, headers }) => [key, value, String(headers['__connect.errors.offset'])]);
  expect(said).toEqual([
    [null, null, '0'],
    [null, null, '1'],
  ]);
});

test('a flood of records that cannot be read passes: its letters are written many at a time, and never all at once', async () => {
  await using topic = await freshTopic('flood');
  await using letters = await freshTopic('flood-dlq');
  await using relay = testRelay([topic.name], { deadLetter: { topic: letters.name } });
  const flood = 30_000;
  await withProducer(async (producer) => {
    const messages = Array.from({ length: flood / 6 }, () => ({ value: '' }));
    for (let i = 0; i < 6; i++)
      await producer.send({ topic: topic.name, messages, compression: CompressionTypes.GZIP });
  });
  await produce(topic.name, [{ value: '{"n":1}' }]);
  await eventually('the stream to go on', async () => (await relay.held(topic.name)).length === 1, { within: 25_000 });
  const [end] = await withAdmin(kafkaBrokers(), (admin) => admin.fetchTopicOffsets(letters.name));
  expect(Number(end?.high)).toBe(flood);
}, 60_000);

test('records that cannot be read and others in turn: every letter and every event in order, though more at once than the topic takes', async () => {
  await using topic = await freshTopic('in-turn');
  await using letters = await freshTopic('in-turn-dlq', 1, { 'max.message.bytes': '20000' });
  await using relay = testRelay([topic.name], { deadLetter: { topic: letters.name } });
  const bad = (n: number) => ({ value: n === 301 ? 'x'.repeat(30_000) : '{' });
  const messages = upTo(600).flatMap((n) => (n % 2 === 0 ? jsonOf(n, n + 1) : [bad(n)]));
  await withProducer((producer) => producer.send({ topic: topic.name, messages, compression: CompressionTypes.GZIP }));
  await eventually('the stream to go on', async () => (await relay.held(topic.name)).length === 300);
  expect(numbersOf(await relay.held(topic.name))).toEqual(upTo(600).filter((n) => n % 2 === 0));
  const found = await read(letters.name, ({ length }) => length >= 300);
  const offsets = found.map(({ headers }) => Number(headers['__connect.errors.offset']));
  expect(offsets).toEqual(upTo(600).filter((n) => n % 2 === 1));
  expect(found.filter(({ value }) => value === null)).toHaveLength(1);
  const told = relay.lines.filter(({ line }) => line === 'error A record cannot be read: it is a dead letter');
  expect(told.length).toBeLessThan(60);
});

test('dead letters that cannot be written hold their partition and no other; skipped, if so configured', async () => {
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

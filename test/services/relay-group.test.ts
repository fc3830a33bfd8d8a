import { expect, test } from 'vitest';
import { LogUnavailable } from '../../src/log/channel-log.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import {
  committedOf,
  jsonOf,
  numbersOf,
  produce,
  testRelay,
  upTo,
  withProducer,
} from '../support/relay/relay-kafka.js';
import { eventually, freshPrefix, freshTopic, kafkaBrokers, withAdmin } from '../support/servers/services.js';

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

test('a relay that is stopped while it joins stops, and the next one gets the partitions', async () => {
  await using topic = await freshTopic('joining');
  await using member = testRelay([topic.name]);
  await member.joined();
  for (const at of ['once', 'once', 'the join', 'the join']) {
    const relay = testRelay([topic.name], { memory: member.log, groupId: member.groupId });
    if (at === 'the join') await eventually('it joins', () => /has not joined/.test(relay.ready() ?? ''));
    await relay.stop();
  }
  await produce(topic.name, jsonOf(0, 10));
  await eventually('all records', async () => (await member.held(topic.name)).length === 10, { within: 60_000 });
});

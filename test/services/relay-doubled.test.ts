import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ChannelLogWriter } from '../../src/log/channel-log.js';
import { jsonOf, produce, upTo } from '../support/relay/relay-kafka.js';
import { relayInto } from '../support/relay/relay-redis.js';
import { balancer } from '../support/servers/balancer.js';
import { eventually, freshPrefix, freshTopic, kafkaBrokers, redisUrl, withAdmin } from '../support/servers/services.js';

/**
 * A gate in front of the log's appends: closed, they wait there, like those of a process that stands still. `slow` is
 * how many milliseconds each takes longer.
 */
function gate({ slow = 0 } = {}) {
  let open = true;
  const waiting: (() => void)[] = [];
  return {
    close() {
      open = false;
    },
    /** Whether an append stands before it. */
    holds: () => waiting.length > 0,
    open() {
      open = true;
      for (const go of waiting) go();
    },
    between: (writer: ChannelLogWriter): ChannelLogWriter => ({
      ...writer,
      async append(append) {
        if (!open) await new Promise<void>((go) => waiting.push(go));
        if (slow > 0) await wait(slow);
        return writer.append(append);
      },
    }),
  };
}

const membersOf = (groupId: string) =>
  withAdmin(kafkaBrokers(), async (admin) => (await admin.describeGroups([groupId])).groups[0]?.members.length ?? 0);

test('a relay that stood still until another had its partitions brings nothing when its append goes on', async () => {
  await using topic = await freshTopic('slept');
  const [groupId, prefix, slow] = [freshPrefix('group'), freshPrefix(), gate()];
  await using sleeper = await relayInto(redisUrl(), topic.name, { groupId, prefix, between: slow.between });
  await produce(topic.name, jsonOf(0, 100));
  await eventually('the first records', async () => (await sleeper.held()).length === 100);
  slow.close();
  await produce(topic.name, jsonOf(100, 200));
  await eventually('an append stands still', slow.holds);
  await using other = await relayInto(redisUrl(), topic.name, { groupId, prefix });
  // The group waits for the sleeper as long as a rebalance may take, then goes on without it.
  await eventually('the other relay has them', async () => (await other.held()).length === 200, { within: 90_000 });
  await produce(topic.name, jsonOf(200, 300));
  await eventually('and what followed', async () => (await other.held()).length === 300, { within: 60_000 });
  slow.open();
  await eventually('the sleeper is back in the group', async () => (await membersOf(groupId)) === 2, {
    within: 60_000,
  });
  await produce(topic.name, jsonOf(300, 400));
  await eventually('what is new', async () => (await other.numbers()).includes(399), { within: 60_000 });
  expect(await other.numbers()).toEqual(upTo(400));
});

test('a rebalance in the middle of a batch: whoever goes on, every record is there once, in order', async () => {
  await using topic = await freshTopic('midway', 2);
  // So slow that the relay hears of the rebalance before it is through.
  const [groupId, prefix, slow] = [freshPrefix('group'), freshPrefix(), gate({ slow: 300 })];
  await using first = await relayInto(redisUrl(), topic.name, { groupId, prefix, between: slow.between });
  await eventually('the first relay is there', () => first.relay.ready() === null);
  slow.close();
  const total = 6_000;
  const messages = jsonOf(0, total).map((message, i) => ({ ...message, partition: i % 2 }));
  await produce(topic.name, messages);
  await eventually('an append stands still', slow.holds);
  await using second = await relayInto(redisUrl(), topic.name, { groupId, prefix });
  const state = async () =>
    withAdmin(kafkaBrokers(), async (admin) => (await admin.describeGroups([groupId])).groups[0]?.state);
  await eventually('the group rebalances', async () => (await state()) === 'PreparingRebalance');
  slow.open();
  await eventually('all records', async () => (await second.held()).length >= total, { within: 60_000 });
  expect(second.relay.heard.filter((what) => what.startsWith('appended'))).not.toEqual([]);
  const held = await second.held();
  for (const partition of [0, 1]) {
    const offsets = held.filter((record) => record.partition === partition).map(({ offset }) => offset);
    expect(offsets).toEqual(upTo(total / 2));
  }
});

test('two relays that both have every partition: every record once, in order', async () => {
  await using topic = await freshTopic('doubled', 2);
  const prefix = freshPrefix();
  // Of two groups, so that Kafka gives all partitions to each.
  await using one = await relayInto(redisUrl(), topic.name, { prefix });
  await using other = await relayInto(redisUrl(), topic.name, { prefix });
  await Promise.all([one.relay.joined(), other.relay.joined()]);
  const total = 4_000;
  for (let n = 0; n < total; n += 100) {
    await produce(
      topic.name,
      jsonOf(n, n + 100).map((message, i) => ({ ...message, partition: i % 2 })),
    );
  }
  await eventually('all records', async () => (await one.held()).length >= total, { within: 60_000 });
  // Whatever one of them still brings was there already.
  await one.relay.stop();
  await other.relay.stop();
  const held = await one.held();
  for (const partition of [0, 1]) {
    const offsets = held.filter((record) => record.partition === partition).map(({ offset }) => offset);
    expect(offsets).toEqual(upTo(total / 2));
  }
});

test('an append whose answer was lost is sent again, and is there once', async () => {
  await using topic = await freshTopic('unanswered');
  await using line = await balancer([Number(new URL(redisUrl()).port)]);
  const way = `redis://127.0.0.1:${line.port}`;
  await using river = await relayInto(redisUrl(), topic.name, { prefix: freshPrefix(), way });
  await produce(topic.name, jsonOf(0, 100));
  /** How many events the appends had whose answer has come: the log has them before the relay hears so. */
  const answered = () =>
    river.relay.heard
      .filter((what) => what.startsWith('appended'))
      .reduce((sum, what) => sum + Number(what.split(' ').at(-1)), 0);
  await eventually('the first records', () => answered() === 100);
  line.mute();
  await produce(topic.name, jsonOf(100, 150));
  await eventually('the log has them', async () => (await river.held()).length === 150);
  expect(answered()).toBe(100);
  line.cut();
  await produce(topic.name, jsonOf(150, 200));
  await eventually('what is new', async () => (await river.numbers()).includes(199), { within: 60_000 });
  expect(await river.numbers()).toEqual(upTo(200));
  expect(river.relay.heard).toContain(`refused ${topic.name} unavailable`);
});

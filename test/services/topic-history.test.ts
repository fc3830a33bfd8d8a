import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { historyBed, type RelayState } from '../support/relay/history-bed.js';
import { upTo } from '../support/relay/relay-kafka.js';
import { type KafkaCluster, startKafkaCluster, type TopicShape } from '../support/servers/kafka-cluster.js';
import { eventually, freshPrefix } from '../support/servers/services.js';
import {
  atOnce,
  byTransactions,
  cutBehind,
  cutOff,
  deleteRecords,
  type Filling,
  fill,
  makeAgain,
  makeAgainCompacted,
  numbersIn,
} from '../support/servers/topic-lives.js';

/**
 * A topic that was deleted and made again, or whose end was cut off by a leader that did not have it, is another history
 * under the same offsets. However it was filled, and whatever its relays did meanwhile: the log gets all of the new
 * history once and nothing of the old one again, and everybody is told.
 */

let cluster: KafkaCluster;
beforeAll(async () => {
  cluster = await startKafkaCluster();
});
afterEach(() => {
  for (const node of cluster.nodes.values()) node.resume();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

/** A topic of so many records, all of them in the log: one client was shown them, another went away after the tenth. */
async function lived(count: number, shape: TopicShape = {}, relays = 1) {
  const topic = freshPrefix('lived');
  await cluster.makeTopic(topic, shape);
  const bed = await historyBed(cluster, topic, relays);
  const [live, away] = [await bed.client(), await bed.client()];
  await fill(cluster, topic, atOnce(count, 0, shape.partitions));
  const first = () => [live, away].every((client) => client.numbers().length === count);
  await eventually('both clients have the first records', first);
  away.close();
  const [seen, cursor] = [away.numbers().slice(0, 10), away.cursor(10)];
  return { topic, bed, live, seen, back: () => bed.client(cursor) };
}

type Lived = Awaited<ReturnType<typeof lived>>;

/** Waits until the log has all of these; then it has nothing else, and so do both clients. */
async function expectOnce({ bed, live, seen, back }: Lived, numbers: readonly number[], inOrder = true) {
  const order = inOrder ? (all: readonly number[]) => [...all] : sorted;
  // Of two partitions, one each.
  const newest = sorted(numbers).slice(-2);
  const arrived = async () => {
    const held = await bed.held();
    return newest.every((n) => held.includes(n));
  };
  await eventually('the log has the newest', arrived, { within: 40_000 });
  expect(order(await bed.held())).toEqual(order(numbers));
  await eventually('the live client has all', () => live.numbers().length >= numbers.length);
  expect(order(live.numbers())).toEqual(order(numbers));
  const away = await back();
  await eventually('the other one has all', () => seen.length + away.numbers().length >= numbers.length);
  expect(order([...seen, ...away.numbers()])).toEqual(order(numbers));
  for (const client of [live, away]) expect(client.gaps()).toEqual(['TOPIC_RECREATED']);
}

/** A marker lies where the newest record lay. */
const past = byTransactions([49, 30, 30]);

describe('a topic made again', () => {
  test.each<[RelayState, string, Filling]>([
    ['running', 'one batch', atOnce(109)],
    ['running', 'transactions', past],
    ['stopped', 'transactions', past],
    ['killed', 'transactions', past],
    ['paused', 'transactions', past],
  ])('while its relay is %s, and filled past the old place by %s, is there in full', async (...[state, , filling]) => {
    const one = await lived(50);
    await using bed = one.bed;
    await bed.meanwhile(state, () => makeAgain(cluster, one.topic, filling));
    await expectOnce(one, [...upTo(50), ...upTo(1_109, 1_000)]);
    expect(await bed.told()).toMatchObject([{ reason: 'TOPIC_RECREATED', partition: 0 }]);
  });

  test.each<RelayState>(['stopped', 'paused'])(
    'as a compacted one, while its relay is %s, is there in full',
    async (state) => {
      const one = await lived(50);
      await using bed = one.bed;
      await bed.meanwhile(state, () => makeAgainCompacted(cluster, one.topic, 49));
      await expectOnce(one, [...upTo(50), ...(await numbersIn(cluster, one.topic))]);
      expect(await bed.told()).toMatchObject([{ reason: 'TOPIC_RECREATED', partition: 0 }]);
    },
  );

  test.each<RelayState>(['stopped', 'paused'])(
    'and begun beyond the old place, while its relay is %s, is told as another topic',
    async (state) => {
      const one = await lived(50);
      await using bed = one.bed;
      await bed.meanwhile(state, async () => {
        await makeAgain(cluster, one.topic, atOnce(109));
        await deleteRecords(cluster, one.topic, 80);
      });
      await expectOnce(one, [...upTo(50), ...upTo(1_109, 1_080)]);
      expect(await bed.told()).toMatchObject([{ reason: 'TOPIC_RECREATED', partition: 0 }]);
    },
  );

  test('under two relays is there once, and told once for each partition', async () => {
    const shape = { partitions: 2 };
    const one = await lived(48, shape, 2);
    await using bed = one.bed;
    await makeAgain(cluster, one.topic, byTransactions([46, 30, 30], 1_000, 2), shape);
    await expectOnce(one, [...upTo(48), ...upTo(1_106, 1_000)], false);
    const told = (await bed.told()).sort((a, b) => a.partition - b.partition);
    expect(told.map(({ reason, partition }) => [reason, partition])).toEqual([
      ['TOPIC_RECREATED', 0],
      ['TOPIC_RECREATED', 1],
    ]);
  });
});

/** A topic of 60 records in the log, of which only the leader has the last 20. */
async function livedAlone(shape: TopicShape = {}, relays = 1) {
  const one = await lived(40, shape, relays);
  const cut = cutBehind(cluster, one.topic, (await cluster.stateOf(one.topic)).leader);
  await cut.alone();
  await fill(cluster, one.topic, atOnce(20, 40));
  await eventually('the live client has what will be lost', () => one.live.numbers().length === 60);
  return { ...one, cutOff: (filling: Filling) => cutOff(cluster, one.topic, cut, filling) };
}

/** A marker lies where the newest record lay. */
const over = byTransactions([19, 20, 21]);

describe('a topic that lost its end to a leader that did not have it', () => {
  const cut = [{ reason: 'TOPIC_RECREATED', partition: 0, cut: 40 }];

  test.each<[RelayState, string, number, Filling]>([
    ['running', 'one batch', 3, atOnce(60)],
    ['killed', 'one batch', 3, atOnce(60)],
    ['paused', 'one batch', 3, atOnce(60)],
    ['running', 'transactions', 3, over],
    ['stopped', 'transactions', 3, over],
    ['running', 'one batch', 2, atOnce(60)],
    ['paused', 'transactions', 2, over],
  ])('while its relay is %s, and given %s instead, is there from the cut on (%i brokers)', async (...row) => {
    const [state, , brokers, filling] = row;
    const one = await livedAlone({ replicas: [...cluster.nodes.keys()].slice(0, brokers) });
    await using bed = one.bed;
    await bed.meanwhile(state, () => one.cutOff(filling));
    await expectOnce(one, [...upTo(60), ...upTo(1_060, 1_000)]);
    expect(await bed.told()).toEqual(cut);
  });

  test('and its begin beyond the cut is there from its begin on', async () => {
    const one = await livedAlone();
    await using bed = one.bed;
    await bed.meanwhile('paused', async () => {
      await one.cutOff(over);
      await deleteRecords(cluster, one.topic, 50);
    });
    await expectOnce(one, [...upTo(60), ...upTo(1_060, 1_010)]);
    const [mark, ...more] = await bed.told();
    expect([mark?.reason, more]).toEqual(['TOPIC_RECREATED', []]);
    // Kafka does not say any more how far below its begin the cut lies.
    expect([40, 50]).toContain(mark?.cut);
  });

  test('under two relays is there once', async () => {
    const one = await livedAlone({}, 2);
    await using bed = one.bed;
    await one.cutOff(atOnce(60));
    await expectOnce(one, [...upTo(60), ...upTo(1_060, 1_000)]);
    expect(await bed.told()).toEqual(cut);
  });
});

describe('a log that came back empty, and with it what it had told', () => {
  const some = atOnce(5, 2_000);

  /** What is left in Kafka is there again; the live client, who was told, is told nothing more. */
  async function expectAgain({ bed, live, back }: Lived, left: readonly number[], told: string) {
    await eventually('the log has all of it', async () => (await bed.held()).length === left.length, {
      within: 40_000,
    });
    expect(await bed.held()).toEqual(left);
    const away = await back();
    await eventually('the other one has the newest', () => away.numbers().at(-1) === left.at(-1));
    expect(away.gaps()).toEqual([told]);
    await eventually('the live client has the newest', () => live.numbers().at(-1) === left.at(-1));
    expect(live.numbers()).toEqual([...new Set(live.numbers())]);
    return away.numbers();
  }

  test.each<RelayState>(['running', 'killed'])('after its topic was made again (relay %s)', async (state) => {
    const one = await lived(50);
    await using bed = one.bed;
    await makeAgain(cluster, one.topic, atOnce(30));
    await eventually('the live client has it', () => one.live.numbers().length === 80, { within: 40_000 });
    await bed.committed();
    await bed.meanwhile(state, bed.forget);
    await fill(cluster, one.topic, some);
    const left = [...upTo(1_030, 1_000), ...upTo(2_005, 2_000)];
    expect(await expectAgain(one, left, 'TOPIC_RECREATED')).toEqual(left);
    expect(one.live.gaps()).toEqual(['TOPIC_RECREATED']);
  });

  test.each<RelayState>(['running', 'killed'])('after its end was cut off (relay %s)', async (state) => {
    const one = await livedAlone();
    await using bed = one.bed;
    await one.cutOff(atOnce(30));
    await eventually('the live client has it', () => one.live.numbers().length === 90, { within: 40_000 });
    await bed.committed();
    await bed.meanwhile(state, bed.forget);
    await fill(cluster, one.topic, some);
    const left = [...upTo(40), ...upTo(1_030, 1_000), ...upTo(2_005, 2_000)];
    // Who was away had been shown what is cut off.
    const back = () => bed.client(one.live.cursor(60));
    expect(await expectAgain({ ...one, back }, left, 'TOPIC_RECREATED')).toEqual(left.slice(40));
    expect(one.live.gaps()).toEqual(['TOPIC_RECREATED']);
  });

  test.each<RelayState>(['running', 'killed'])(
    'after Kafka deleted a part of what it had (relay %s)',
    async (state) => {
      const one = await lived(50);
      await using bed = one.bed;
      await deleteRecords(cluster, one.topic, 30);
      await bed.committed();
      await bed.meanwhile(state, bed.forget);
      await fill(cluster, one.topic, some);
      const left = [...upTo(50, 30), ...upTo(2_005, 2_000)];
      expect(await expectAgain(one, left, 'LOG_LOST')).toEqual(left);
      expect(one.live.gaps()).toEqual([]);
    },
  );
});

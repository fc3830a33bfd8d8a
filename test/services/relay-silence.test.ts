import { expect, test } from 'vitest';
import { freePort } from '../../scripts/services/ports.mjs';
import { LogUnavailable } from '../../src/log/channel-log.js';
import { jsonOf, numbersOf, produce, testRelay, upTo } from '../support/relay/relay-kafka.js';
import { lateWay } from '../support/servers/late-way.js';
import { eventually, freshTopic, withAdmin } from '../support/servers/services.js';
import { startKafka } from '../support/servers/throw-away.js';

/** Longer than the relay gives Kafka. */
const within = 30_000;
const silent = /^Kafka has not answered in time for \d+ s$/;

/** A Kafka of the test's own, whose answers may be late, with a topic `events`. */
async function kafkaFarAway() {
  const port = await freePort();
  const way = await lateWay(port);
  const advertised = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${way.port}` };
  const kafka = await startKafka({ port, properties: advertised });
  const brokers = [`127.0.0.1:${way.port}`];
  await withAdmin(brokers, (admin) => admin.createTopics({ topics: [{ topic: 'events', numPartitions: 1 }] }));
  return {
    kafka,
    way,
    brokers,
    async [Symbol.asyncDispose]() {
      await kafka[Symbol.asyncDispose]();
      await way[Symbol.asyncDispose]();
    },
  };
}

test('a relay that Kafka leaves without an answer says so, and is ready again when records flow', async () => {
  await using far = await kafkaFarAway();
  const { kafka, brokers } = far;
  await using relay = testRelay(['events'], { kafka: { brokers } });
  await relay.joined();
  await produce('events', jsonOf(0, 3), brokers);
  await eventually('the first records', async () => (await relay.held('events')).length === 3);
  kafka.pause();
  await eventually('it says so', () => silent.test(relay.ready() ?? ''), { within });
  kafka.resume();
  await produce('events', jsonOf(3, 6), brokers);
  await eventually('all records', async () => (await relay.held('events')).length === 6, { within });
  await eventually('it is ready', () => relay.ready() === null, { within });
  expect(numbersOf(await relay.held('events'))).toEqual(upTo(6));
}, 120_000);

test('answers that are late one after the other leave it unready between them too, until it has caught up', async () => {
  await using far = await kafkaFarAway();
  const { way, brokers } = far;
  await using relay = testRelay(['events'], { kafka: { brokers } });
  await relay.joined();
  way.late = 6_000;
  await eventually('it says so', () => relay.ready() !== null, { within });
  const before = way.count();
  const said = new Set<string | null>();
  await eventually('more answers', () => said.add(relay.ready()) && way.count() > before + 3, { within });
  expect(said).not.toContain(null);
  way.late = 0;
  await produce('events', jsonOf(0, 3), brokers);
  await eventually('the records', async () => (await relay.held('events')).length === 3, { within });
  await eventually('it is ready', () => relay.ready() === null, { within });
}, 120_000);

test('a relay that waits for its log hears of Kafka all the time: it is not Kafka that is silent', async () => {
  await using topic = await freshTopic('waits');
  const said: (string | null)[] = [];
  await using relay = testRelay([topic.name], {
    // Its first append opens the partition.
    writer: (log) => ({
      ...log,
      async append(append) {
        if (append.entries.length === 0) return log.append(append);
        said.push(relay.ready());
        throw new LogUnavailable('a test');
      },
    }),
  });
  await relay.joined();
  await produce(topic.name, jsonOf(0, 3));
  // Waits double from 0.1 to 5 s.
  await eventually('it has waited for long', () => said.length >= 9, { within: 60_000 });
  expect(said.filter((reason) => reason !== null)).toEqual([]);
}, 120_000);

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-sse';
import { expect, test } from 'vitest';
import { run } from '../bin/process.js';
import { events } from '../support/clients/stream.js';
import { jsonOf, produce, read, upTo } from '../support/relay/relay-kafka.js';
import {
  eventually,
  freshPrefix,
  freshTopic,
  kafkaBrokers,
  kafkaClient,
  startKafka,
  withAdmin,
} from '../support/servers/services.js';

const schemaOf = (topic: string) => `
  type Subscription {
    note: Note! @kafka(topic: "${topic}") @public
    mine(user: ID!): Note! @kafka(topic: "${topic}") @where(rule: "event.user == args.user") @public
  }
  type Note { n: ID! user: ID }`;

/** A folder with the schema of a topic, and what runs in it. */
function place(topic: string, brokers = kafkaBrokers(), more: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-dev-kafka-'));
  writeFileSync(join(folder, 'schema.graphql'), schemaOf(topic));
  const groupId = freshPrefix('group');
  const kafka = { TAILRACE_KAFKA_BROKERS: brokers.join(','), TAILRACE_KAFKA_GROUP_ID: groupId };
  const env = { TAILRACE_PORT: '0', TAILRACE_ADMIN_PORT: '0', ...kafka, ...more };
  const send = async (args: readonly string[], input: string) => {
    const sending = run(['send', topic, ...args], env, folder);
    sending.child.stdin.on('error', () => {});
    sending.child.stdin.end(input);
    return sending.ended;
  };
  return { folder, groupId, env, send, dev: () => run(['dev'], env, folder) };
}

async function streams(dev: ReturnType<typeof run>) {
  const [, url = ''] = await dev.until(/SSE +(http:\S+)/);
  return url;
}
const answers = /Kafka at \S+ answers/;
const numbers = (results: readonly { data?: { note?: { n: string } } | null }[]) =>
  results.map(({ data }) => Number(data?.note?.n));

test('dev with a Kafka streams what is produced there, to curl and to graphql-sse, and its history by rewind', async () => {
  await using topic = await freshTopic('dev', 3);
  const messages = (from: number, to: number) => jsonOf(from, to).map((one, i) => ({ ...one, key: `k${i}` }));
  await produce(topic.name, messages(0, 20));
  const here = place(topic.name);
  await using dev = here.dev();
  const url = await streams(dev);
  await dev.until(answers);
  await using curl = await events(url, { query: 'subscription { note { n } }' });
  const heard: number[] = [];
  const client = createClient({ url });
  const leave = client.subscribe<{ note: { n: string } }>(
    { query: 'subscription { note { n } }' },
    { next: ({ data }) => void heard.push(Number(data?.note.n)), error() {}, complete() {} },
  );
  await eventually('the history is there', async () => {
    await using back = await events(url, { query: 'subscription @resume(rewind: 100) { note { n } }' });
    await eventually('all of it', () => back.results.length === 20, { within: 2_000 });
    expect(numbers(back.results).toSorted((a, b) => a - b)).toEqual(upTo(20));
  });
  await produce(topic.name, messages(20, 40));
  await eventually('what is new', () => heard.length === 20 && curl.results.length === 20);
  // A plain start shows what comes after it, and nothing of before.
  for (const shown of [heard, numbers(curl.results)]) expect(shown.toSorted((a, b) => a - b)).toEqual(upTo(40, 20));
  leave();

  // Of another developer with the same settings, and of the real relays, it takes nothing.
  await using other = here.dev();
  await using second = await events(await streams(other), {
    query: 'subscription @resume(rewind: 100) { note { n } }',
  });
  await other.until(answers);
  await produce(topic.name, messages(40, 50));
  await eventually('both have all', () => heard.length >= 20 && curl.results.length === 30);
  await eventually('the other one, too', () => second.results.length >= 10);
  const groups = () => withAdmin(kafkaBrokers(), (admin) => admin.listGroups());
  const ours = async () => (await groups()).groups.filter(({ groupId }) => groupId.startsWith(here.groupId));
  expect((await ours()).map(({ groupId }) => groupId)).toEqual([
    expect.stringMatching(`^${here.groupId}-dev-`),
    expect.stringMatching(`^${here.groupId}-dev-`),
  ]);
  for (const running of [dev, other]) running.child.kill('SIGTERM');
  expect(await dev.ended).toMatchObject({ code: 0 });
  expect(await other.ended).toMatchObject({ code: 0 });
  expect(await ours(), 'nothing of it is left in Kafka').toEqual([]);
});

test('send writes to Kafka with key and headers, byte for byte, and says where and by which routes', async () => {
  await using topic = await freshTopic('send', 4);
  const here = place(topic.name);
  const texts = ['{"n": 9007199254740993,"user":"ada"}', '{"n":2}', '{"n":3,  "user":"ada"}'];
  const { code, out, err } = await here.send(
    ['--key', 'k1', '--header', 'a=1', '--timestamp', '2026-11-30T12:00:00Z'],
    `\uFEFF${texts.join('\r\n\r\n')}\r\n`,
  );
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const lines = out.trim().split('\n');
  const [, partition = ''] = /partition (\d)/.exec(out) ?? [];
  expect(lines[0]).toMatch(
    new RegExp(`^line 1: partition ${partition}, offset 0 → everything \\(\\S+\\), event\\.user \\(\\S+:ada\\)$`),
  );
  expect(lines[1]).toMatch(new RegExp(`^line 3: partition ${partition}, offset 1 → everything \\(\\S+\\)$`));
  expect(lines.at(-1)).toBe(
    `3 records written to ${topic.name} in Kafka at ${here.env.TAILRACE_KAFKA_BROKERS}; by schema.graphql: 3 routed.`,
  );
  const found = await read(topic.name, (all) => all.length === 3);
  expect(found.map(({ value }) => String(value))).toEqual(texts);
  expect(found.map(({ key, headers, timestamp }) => [String(key), String(headers.a), timestamp])).toEqual(
    texts.map(() => ['k1', '1', Date.parse('2026-11-30T12:00:00Z')]),
  );
  // Without a key they stay in one partition, or they would lose their order.
  const many = await here.send(
    [],
    upTo(2_000)
      .map((n) => `{"n":${n}}`)
      .join('\n'),
  );
  expect(new Set([...many.out.matchAll(/partition (\d)/g)].map(([, at]) => at)).size).toBe(1);
  expect(many.out).toContain('2,000 records written');
});

test('send says what Kafka refuses: a topic that is not there, a record that is too large, nobody there', async () => {
  await using topic = await freshTopic('small', 1, { 'max.message.bytes': '1000' });
  const here = place(topic.name);
  const large = await here.send([], `{"n":1}\n{"n":2}\n"${'x'.repeat(2_000)}"\n{"n":4}\n`);
  expect(large.code).toBe(1);
  expect(large.out).toContain(`2 records written to ${topic.name}`);
  expect(large.err).toBe(
    `line 3 has 2,002 bytes, and ${topic.name} in Kafka takes no record as large (max.message.bytes). The 2 records before it were sent.\n`,
  );
  const many = await here.send(
    [],
    upTo(500)
      .map((n) => `{"n":${n}}`)
      .join('\n'),
  );
  expect({ code: many.code, err: many.err }).toEqual({ code: 0, err: '' });
  expect(
    (await read(topic.name, (all) => all.length === 502)).slice(2).map(({ value }) => JSON.parse(String(value)).n),
  ).toEqual(upTo(500));

  const absent = place(freshPrefix('absent'));
  expect(await absent.send([], '{}')).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(
      /^Kafka at \S+ has no topic absent-\S+ that this user may see: make it there first\.\n$/,
    ),
  });
  const nowhere = place(topic.name, ['127.0.0.1:1']);
  expect(await nowhere.send([], '{}')).toMatchObject({
    code: 1,
    err: expect.stringMatching(
      /^Kafka at 127\.0\.0\.1:1 does not take the records: .*ECONNREFUSED.* TAILRACE_KAFKA_BROKERS says where it is\.\n$/,
    ),
  });
});

test('a record that cannot be read is told and leaves nothing in Kafka; a dev that reads Kafka takes none itself', async () => {
  await using topic = await freshTopic('letters');
  const here = place(topic.name);
  await using dev = here.dev();
  await using stream = await events(await streams(dev), { query: 'subscription { note { n } }' });
  await dev.until(answers);
  await produce(topic.name, [{ value: '{' }, ...jsonOf(1, 2)]);
  await eventually('the next one comes', () => stream.results.length === 1);
  await dev.until(/"reason":"not-json".*A record cannot be read/);
  const [, admin = ''] = await dev.until(/metrics +http:\/\/127\.0\.0\.1:(\d+)/);
  const unset = { TAILRACE_ADMIN_PORT: admin };
  expect(await run(['send', topic.name], unset, here.folder).ended).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^this dev reads Kafka at \S+, and takes no records itself: set TAILRACE_KAFKA_BROKERS/),
  });
  const topics = await withAdmin(kafkaBrokers(), (a) => a.listTopics());
  expect(topics.filter((name) => name.startsWith(here.groupId))).toEqual([]);
});

test('a Kafka that is away is told in words, once; back again, nothing is missing and nothing comes twice', async () => {
  await using kafka = await startKafka();
  const topic = freshPrefix('away');
  const inKafka = kafkaClient(kafka.brokers);
  await withAdmin(inKafka, (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }));
  await kafka.stop();

  const here = place(topic, kafka.brokers);
  await using dev = here.dev();
  const url = await streams(dev);
  await dev.until(/Kafka at \S+: Kafka cannot be read: .*ECONNREFUSED.*\. Trying again\./);
  await using stream = await events(url, { query: 'subscription { note { n } }' });
  await kafka.start();
  await dev.until(answers);
  await produce(topic, jsonOf(0, 50), kafka.brokers);
  await eventually('the first come', () => stream.results.length === 50, { within: 30_000 });
  await kafka.kill();
  await eventually('it says so', () => dev.log().match(/Kafka cannot be read/g)?.length === 2, { within: 30_000 });
  const [, admin = ''] = await dev.until(/metrics +(http:\S+)\/metrics/);
  expect(await (await fetch(`${admin}/readyz`)).text()).toMatch(/^Kafka cannot be read/);
  await kafka.start();
  await eventually('it says that it is back', () => dev.log().match(/answers/g)?.length === 2, { within: 60_000 });
  await produce(topic, jsonOf(50, 100), kafka.brokers);
  await eventually('the rest comes', () => stream.results.length >= 100, { within: 30_000 });
  expect(numbers(stream.results).toSorted((a, b) => a - b)).toEqual(upTo(100));
});

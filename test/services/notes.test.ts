import { expect, test } from 'vitest';
import { ledgerOf, type Note } from '../support/chaos/ledger.js';
import { notesOn } from '../support/chaos/notes.js';
import { read } from '../support/relay/relay-kafka.js';
import { startKafkaCluster } from '../support/servers/kafka-cluster.js';
import { cutBehind, safe } from '../support/servers/topic-lives.js';

// A fault that does not happen would let the chaos pass whatever the product does.

test('what happens to the topic of notes really happens: it holds what the ledger says, and what is cut off is gone', async () => {
  await using cluster = await startKafkaCluster();
  await using notes = await notesOn(cluster, safe);
  const added: Note[] = [];
  const ledger = ledgerOf([]);
  let [begin, risky] = [0, 0];
  const told = {
    ...ledger,
    add: (note: Note) => void added.push(note),
    recreated() {
      begin = added.length;
    },
    risky() {
      risky = added.length;
    },
    cut: () => void added.splice(risky),
  };
  const ids = (some: readonly Note[]) => some.map(({ id }) => id).sort((a, b) => a - b);
  const heldAfter = async (what: () => Promise<unknown>) => {
    await what();
    const expected = added.slice(begin);
    const found = await read(notes.topic, (all) => all.length >= expected.length, cluster.brokers);
    const held = found.map(({ value }): Note => JSON.parse(String(value)));
    expect(ids(held)).toEqual(ids(expected));
    return { found, held };
  };

  await heldAfter(() => notes.produce(100, told));
  await heldAfter(() => notes.cutOff(told, (count) => cutBehind(cluster, notes.topic, 2, count)));
  // Those that took the place of 300.
  expect(added.length).toBe(700);
  await heldAfter(() => notes.recreate(told));
  expect(added.slice(begin)).toEqual([]);
  await heldAfter(() => notes.produce(400, told));
  await heldAfter(() => notes.recreateByTransactions(told));
  const { found } = await heldAfter(() => notes.grow(told, async () => {}));
  const [late, all] = [Date.now() - 3_000_000, found.map(({ timestamp }) => timestamp)];
  expect(all.filter((time) => time < late)).toHaveLength(200);
  await heldAfter(() => notes.cutOff(told, (count) => cutBehind(cluster, notes.topic, 3, count)));
  await heldAfter(() => notes.recreateByTransactions(told));
});

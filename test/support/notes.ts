import { makeTopics } from '../../src/relay/kafka-topics.js';
import type { Ledger, Note } from './ledger.js';
import { eventually, freshTopic, kafkaClient, withAdmin } from './services.js';

/** Names as users have them: none may break a key, a pattern or a channel. */
const users = Array.from({ length: 300 }, (_, n) => `user ${n}: "${n}"`);
const rooms = Array.from({ length: 100 }, (_, n) => `room|${n}`);
const partitions = 4;

/** A topic of notes, by all users in turn, to be read by whoever may. */
export async function notesOn(brokers: string[]) {
  const made = await freshTopic('world', partitions, {}, brokers);
  const topic = made.name;
  const sequences = new Map<string, number>();
  let next = 0;
  let producer = await connected();
  /** One after the other: order within a key is what is tested. */
  let busy: Promise<unknown> = Promise.resolve();

  async function connected() {
    // Idempotent, or a broker that dies between write and answer would get a batch twice from the test itself.
    const one = kafkaClient(brokers).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: { retries: 100, maxRetryTime: 1_000 },
    });
    await one.connect();
    return one;
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = busy.then(work);
    busy = result.catch(() => undefined);
    return result;
  }

  async function send(count: number, add: (note: Note) => void) {
    const notes = Array.from({ length: count }, (): Note => {
      const id = next++;
      const userId = users[id % users.length] as string;
      const sequence = (sequences.get(userId) ?? 0) + 1;
      sequences.set(userId, sequence);
      return { id, userId, room: rooms[(id * 31 + sequence) % rooms.length] as string, sequence };
    });
    for (const note of notes) add(note);
    const messages = notes.map((note) => ({ key: note.userId, value: JSON.stringify(note) }));
    // kafkajs gives up on a broker that is down, whatever its retries. Sent again by the same producer, a batch that was
    // written has the sequence it had, and the broker takes it once.
    await eventually('Kafka takes the notes', () => producer.send({ topic, messages }), { within: 90_000, every: 200 });
  }

  return {
    topic,
    users,
    rooms,
    /** Writes one note of each of the next `count` users; resolves when Kafka has them. */
    produce: (count: number, add: (note: Note) => void) => inTurn(() => send(count, add)),
    /** Deletes the topic behind notes that may not have been relayed yet, and makes it again. */
    recreate: ({ add, recreated }: Pick<Ledger, 'add' | 'recreated'>) =>
      inTurn(async () => {
        // Twice, for a relay's fetch that waits at the broker takes the first along, even if the relay sleeps.
        await send(300, add);
        await send(300, add);
        await withAdmin(brokers, async (admin) => {
          await admin.deleteTopics({ topics: [topic] });
          const gone = async () => !(await admin.listTopics()).includes(topic);
          await eventually('the topic is gone', gone, { within: 60_000 });
          recreated();
          const again = { topic, numPartitions: partitions, replicationFactor: 1 };
          const makes = () => makeTopics(admin, [again]);
          await eventually('the topic is made again', makes, { within: 60_000 });
        });
        // Its numbering belonged to the topic that is gone.
        await producer.disconnect();
        producer = await connected();
      }),
    async [Symbol.asyncDispose]() {
      await busy;
      await producer.disconnect();
      await made[Symbol.asyncDispose]();
    },
  };
}

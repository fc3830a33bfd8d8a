import { setTimeout as wait } from 'node:timers/promises';
import type { Message } from 'kafkajs';
import { maxOffsets } from '../../../src/event/place.js';
import { withProducer } from '../relay/relay-kafka.js';
import type { Topics } from '../servers/kafka-cluster.js';
import { eventually, freshPrefix, kafkaClient } from '../servers/services.js';
import type { Cut } from '../servers/topic-lives.js';
import type { Ledger, Note } from './ledger.js';

/** Names as users have them: none may break a key, a pattern or a channel. */
const users = Array.from({ length: 300 }, (_, n) => `user ${n}: "${n}"`);
const rooms = Array.from({ length: 100 }, (_, n) => `room|${n}`);

type Adds = Pick<Ledger, 'add'>;

/** A topic of notes, by all users in turn, to be read by whoever may. */
export async function notesOn(topics: Topics, config: Readonly<Record<string, string>> = {}) {
  const { brokers } = topics;
  const topic = freshPrefix('world');
  let partitions = 4;
  const make = () => topics.makeTopic(topic, { partitions, config });
  await make();
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

  /** What was numbered belonged to a topic that is gone, or lay where it was cut off. */
  async function renew() {
    await producer.disconnect();
    producer = await connected();
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = busy.then(work);
    busy = result.catch(() => undefined);
    return result;
  }

  /** All notes of a user go to one partition, until the topic grows. */
  const partitionOf = (user: number) => user % partitions;

  function messageOf(user: number, { add }: Adds, timestamp?: number): Message {
    const id = next++;
    const userId = users[user] as string;
    const sequence = (sequences.get(userId) ?? 0) + 1;
    sequences.set(userId, sequence);
    const note: Note = { id, userId, room: rooms[(id * 31 + sequence) % rooms.length] as string, sequence };
    add(note);
    const time = timestamp === undefined ? {} : { timestamp: String(timestamp) };
    return { key: userId, value: JSON.stringify(note), partition: partitionOf(user), ...time };
  }

  /** So many messages, of the users of some partitions in turn. */
  function messagesOf(count: number, ledger: Adds, among: (partition: number) => boolean, timestamp?: number) {
    const some = users.map((_, user) => user).filter((user) => among(partitionOf(user)));
    return Array.from({ length: count }, () => messageOf(some[next % some.length] as number, ledger, timestamp));
  }

  /**
   * For one partition after the other: of a batch for several, kafkajs takes for written what goes over to a broker that has
   * answered for others, and writes again what a broker has that it has connected to anew.
   */
  const byPartition = (messages: readonly Message[]): Message[][] =>
    Array.from({ length: partitions }, (_, partition) => {
      return messages.filter((message) => message.partition === partition);
    }).filter(({ length }) => length > 0);

  async function send(messages: readonly Message[]) {
    for (const own of byPartition(messages)) {
      // kafkajs gives up on a broker that is down, whatever its retries. Sent again by the same producer, a batch that was
      // written has the sequence it had, and the broker takes it once.
      const taken = () => producer.send({ topic, messages: own });
      await eventually('Kafka takes the notes', taken, { within: 90_000, every: 200 });
    }
  }

  const sendSome = (count: number, ledger: Adds) => send(messagesOf(count, ledger, () => true));

  return {
    topic,
    users,
    rooms,
    /** Writes one note of each of the next `count` users; resolves when Kafka has them. */
    produce: (count: number, ledger: Adds) => inTurn(() => sendSome(count, ledger)),
    /** Deletes the topic behind notes that may not have been relayed yet, and makes it again. */
    recreate: (ledger: Pick<Ledger, 'add' | 'recreated'>) =>
      inTurn(async () => {
        // Twice, for a relay's fetch that waits at the broker takes the first along, even if the relay sleeps.
        await sendSome(300, ledger);
        await sendSome(300, ledger);
        await topics.deleteTopic(topic);
        ledger.recreated();
        await eventually('the topic is made again', make, { within: 60_000 });
        await renew();
      }),

    /**
     * Deletes the topic and makes it again in an instant, and fills it by transactions: a marker lies where the newest
     * record of each partition lay, and more behind it.
     */
    recreateByTransactions: (ledger: Pick<Ledger, 'add' | 'recreated'>) =>
      inTurn(async () => {
        const before = await endsOf(topics, topic);
        const transactional = async (work: Parameters<typeof withProducer>[0]) =>
          withProducer(work, brokers, freshPrefix('writer'));
        await transactional(async (writer) => {
          await topics.deleteTopic(topic);
          ledger.recreated();
          await wait(80);
          await eventually('the topic is made again', make, { within: 60_000 });
          const upToTheMarker = before.flatMap((end, partition) =>
            messagesOf(Math.max(0, end - 1), ledger, (other) => other === partition),
          );
          for (const messages of [
            upToTheMarker,
            ...[1, 2].map(() => messagesOf(partitions * 30, ledger, () => true)),
          ]) {
            const transaction = await writer.transaction();
            for (const own of byPartition(messages)) await transaction.send({ topic, messages: own });
            await transaction.commit();
          }
        });
        const after = await endsOf(topics, topic);
        if (!after.every((end, partition) => end > (before[partition] ?? 0))) throw new Error('it is not filled');
        await renew();
      }),

    /** Takes notes, and lets the topic forget those of them that only its leader had. */
    cutOff: (ledger: Pick<Ledger, 'add' | 'risky' | 'cut'>, cutOf: (partitions: number) => Cut) =>
      inTurn(async () => {
        const cut = cutOf(partitions);
        await cut.alone();
        // kafkajs would wait half a minute for brokers that led before and stand still now.
        await renew();
        const before = await endsOf(topics, topic);
        ledger.risky();
        await sendSome(300, ledger);
        const risked = await endsOf(topics, topic);
        await cut.elect();
        ledger.cut();
        const after = await endsOf(topics, topic);
        if (!after.every((end, n) => end >= (before[n] ?? 0) && end < (risked[n] ?? 0)))
          throw new Error(`nothing is cut off: ${before}, ${risked}, ${after}`);
        await renew();
        await sendSome(600, ledger);
        await cut.mend();
      }),

    /**
     * Gives the topic two partitions more, and takes notes there at once that say of themselves that they are an hour old.
     * `calm` resolves when nothing is under way: users go to other partitions by it.
     */
    grow: (ledger: Adds, calm: () => Promise<unknown>) =>
      inTurn(async () => {
        await calm();
        const before = partitions;
        // Of more than a cursor has room for, what is written again may be shown again, and that is told: the ledger takes both for
        // faults.
        partitions = Math.min(before + 2, maxOffsets);
        if (partitions > before) await topics.growTopic(topic, partitions);
        await renew();
        const isNewest = (partition: number) => partition >= partitions - 2;
        await send(messagesOf(200, ledger, isNewest, Date.now() - 3_600_000));
        const ends = await endsOf(topics, topic);
        if (!ends.every((end, partition) => !isNewest(partition) || end > 0)) throw new Error('nothing is there');
      }),

    async [Symbol.asyncDispose]() {
      await busy;
      await producer.disconnect();
      await topics.deleteTopic(topic);
    },
  };
}

async function endsOf({ admin }: Topics, topic: string): Promise<number[]> {
  // Right after an election a broker may still be asked that leads no more.
  const found = await eventually('the ends', () => admin((one) => one.fetchTopicOffsets(topic)), { within: 60_000 });
  return found.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
}

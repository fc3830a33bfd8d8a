import { Fault } from '../../../src/event/faults.js';
import { connectRedis } from '../../../src/log/redis-connection.js';
import { createRedisLogWriter } from '../../../src/log/redis-writer.js';
import { silent } from '../../../src/observe/logger.js';
import { routingOf } from '../../../src/relay/route.js';
import { compileSchema } from '../../../src/schema/compile.js';
import { opened } from '../opened.js';
import { entriesOf } from '../relay/entries.js';
import { recordAt } from '../relay/relay-world.js';
import { listen, listenSse, type Result, tokenFor } from '../river.js';
import { eventually } from '../servers/services.js';

export const schema = `
  type Query { node: Node @public }
  type Node { id: ID node: Node nodes: [Node!] }
  type Subscription {
    mine: Note! @kafka(topic: "notes") @where(rule: "event.userId == claims.sub")
    all: Note! @kafka(topic: "notes") @public
    silent: Note! @kafka(topic: "silence") @public
  }
  type Note { id: ID! n: Int! userId: ID! text: String! }`;

const text = 'It is the same water that turned the wheel. '.repeat(10);

/** Writes notes of users in turn into the log of a real Redis, as a relay would. */
export async function notesInto(redisUrl: string, prefix: string) {
  const { schema: streams } = compileSchema(schema, { retention: { retain: 600_000, max: 1_000 } });
  const plan = streams?.topics.in('default').get('notes');
  if (!streams || !plan) throw new Error('the schema does not compile');
  const redis = connectRedis(redisUrl, 'notes', silent);
  await new Promise((resolve) => redis.once('ready', resolve));
  const writer = createRedisLogWriter(redis, { prefix });
  const source = { cluster: 'test', topic: 'notes', partition: 0 };
  const { epoch } = await writer.partition(source);
  let offset = 0;
  return {
    async append(notes: readonly object[]) {
      const base = offset;
      const timestamp = Date.now();
      const entries = notes.flatMap((note) => {
        const record = recordAt(offset++, { ...note, text }, { topic: 'notes', timestamp });
        return entriesOf(record, routingOf(plan, 'topicA'));
      });
      const last = { offset: offset - 1, timestamp };
      const { fingerprint } = streams;
      const first = base === 0;
      const answer = await writer.append({
        source,
        epoch,
        base,
        next: offset,
        first,
        last,
        entries,
        gap: null,
        routes: [],
        fingerprint,
      });
      if (answer.kind !== 'appended') throw new Error(`the log answers ${answer.kind}`);
    },
    [Symbol.asyncDispose]: () => writer.close(),
  };
}

/** How many milliseconds the slowest hundredth took at least. */
export const p99 = (latencies: readonly number[]): number =>
  latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? 0;

/**
 * People who only want their notes, half over WebSocket and half over server-sent events, none of whom ever reconnects.
 * Each note is theirs, numbered, and counted when it comes.
 */
export async function honestClients(url: string, count: number, append: (notes: readonly object[]) => Promise<void>) {
  const scope = opened();
  const people = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const sub = `user ${n}`;
      const options = { token: await tokenFor({ sub }) };
      const query = 'subscription { mine { n userId } }';
      const client = n % 2 ? listenSse(url, query, options) : listen(url.replace('http', 'ws'), query, options);
      scope.use(client);
      const person = { sub, sent: [] as number[], seen: 0, faults: [] as string[], latencies: [] as number[] };
      void client.ended.then((how) => person.faults.push(`ended: ${how instanceof Fault ? how.message : String(how)}`));
      client.results.push = (...results: Result[]) => {
        for (const { data, errors } of results) {
          const note = data?.mine;
          if (errors || note.userId !== sub || note.n !== person.seen)
            person.faults.push(`${JSON.stringify(errors ?? note)} where ${person.seen} of ${sub} was due`);
          person.seen = (note?.n ?? person.seen) + 1;
          person.latencies.push(performance.now() - (person.sent[note?.n] as number));
        }
        return 0;
      };
      return person;
    }),
  );
  let turn = 0;
  async function produce(size: number) {
    const notes = Array.from({ length: size }, () => {
      const person = people[turn++ % count] as (typeof people)[number];
      return {
        id: `${person.sub} ${person.sent.length}`,
        userId: person.sub,
        n: person.sent.push(performance.now()) - 1,
      };
    });
    await append(notes);
  }
  return {
    produce,
    /** Resolves when everybody has everything. */
    settled: () =>
      eventually('everybody has everything', () => people.every(({ sent, seen }) => seen >= sent.length), {
        within: 30_000,
      }).catch(() => undefined),
    /** A sentence for each thing that is not as it should be. */
    verdict: () =>
      people.flatMap(({ sub, sent, seen, faults }) => [
        ...faults.slice(0, 3).map((fault) => `${sub}: ${fault}`),
        ...(seen === sent.length ? [] : [`${sub} has ${seen} of ${sent.length}`]),
      ]),
    /** All that was measured since it was asked last. */
    latencies: () => people.flatMap(({ latencies }) => latencies.splice(0)),
    [Symbol.asyncDispose]: scope[Symbol.asyncDispose],
  };
}

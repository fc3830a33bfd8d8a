import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import type { KafkaRecord } from '../../src/event/source-event.js';
import { type Format, faultOf } from '../../src/format/format.js';
import { formatsOf } from '../../src/format/formats.js';
import { jsonFormat } from '../../src/format/json.js';
import { type Append, type ChannelLogWriter, LogUnavailable, type PartitionState } from '../../src/log/channel-log.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { noRelayMetrics } from '../../src/observe/metrics.js';
import type { DeadLetter } from '../../src/relay/dead-letter.js';
import type { PartitionRelay } from '../../src/relay/partition.js';
import { createRelay, type RelayCore } from '../../src/relay/relay.js';
import {
  eachOf,
  extractorOf,
  type FakePartition,
  fakePartition,
  field,
  heardLogger,
  planOf,
  recordAt,
  schemaOf,
} from '../support/relay/relay-world.js';

const users = ['a', 'b', 'c'] as const;
const routes = { user: field('user') };
const plan = planOf(
  't',
  extractorOf('own', routes),
  extractorOf(
    'each',
    routes,
    (meta, value) => (field('list')(value) === null ? [] : eachOf('list')(meta, value)),
    false,
  ),
);

/** A partition's records: events, lists, tombstones and broken ones, with holes before, between and after them. */
const records = fc
  .array(
    fc.tuple(
      fc.integer({ min: 0, max: 3 }),
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ user: fc.constantFrom(...users, null) }) },
        { weight: 2, arbitrary: fc.record({ list: fc.array(fc.record({ user: fc.constantFrom(...users) })) }) },
        fc.constantFrom(null, '{'),
      ),
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((steps) => {
    let offset = -1;
    return steps.map(([hole, value]) => {
      offset += hole + 1;
      return recordAt(offset, value);
    });
  });

/**
 * One thing that happens: a relay takes a batch of up to `limit`, crashes, the log misbehaves at the next append, the next
 * write of dead letters fails after some `letters`, or the format is `unprepared` so many times.
 */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ relay: fc.constantFrom(0, 1), limit: fc.integer({ min: 1, max: 12 }) }) },
    fc.record({ crash: fc.constantFrom(0, 1), commits: fc.boolean() }),
    fc.record({ look: fc.constantFrom<0 | 1>(0, 1) }),
    fc.record({ fault: fc.constantFrom('before', 'after', 'behind', 'ask', 'lose', 'lose all') }),
    fc.record({ letters: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ unprepared: fc.integer({ min: 1, max: 3 }) }),
  ),
  { maxLength: 60 },
);
type Fault = 'before' | 'after' | 'behind' | 'ask' | 'lose' | 'lose all';

/** What the log must hold for a user: every event once, in the order of offset and index, of each source. */
function expected(all: readonly KafkaRecord[], source: 'own' | 'each', user: string): string[] {
  return all.flatMap(({ offset, value }) => {
    if (value === null || value.toString() === '{') return [];
    const event: unknown = JSON.parse(value.toString());
    const list = source === 'own' ? [event] : (field('list')(event) ?? []);
    if (!Array.isArray(list)) return [];
    return list.flatMap((item, index) => (field('user')(item) === user ? [`${offset}.${index}`] : []));
  });
}

interface TestLog extends ChannelLogWriter {
  /** Met by the next append. */
  fault: Fault | null;
  held(channel: string): Promise<string[]>;
}

function faultyMemoryLog(): TestLog {
  const memory = createMemoryLog();
  const log: TestLog = {
    ...memory,
    fault: null,
    async append(append) {
      const { fault } = log;
      log.fault = null;
      if (fault === 'before') throw new LogUnavailable('nothing was written');
      if (fault === 'behind')
        return { kind: 'behind', watermark: (await memory.partition(append.source)).watermark ?? -1 };
      const answer = await memory.append(append);
      if (fault === 'after') throw new LogUnavailable('it was written, but the answer was lost');
      return answer;
    },
    async held(channel) {
      const { publications } = await memory.newest(channel as Channel, 0, 1000);
      return publications.map(({ source }) => `${source.record.offset}.${source.index}`);
    },
  };
  return log;
}

/** A log that can lose its newest appends, as a replica does that lagged behind the master it replaces. */
function lossyLog(): TestLog {
  const appends: { append: Append; from: number }[] = [];
  let epoch = 1;
  const state = (): PartitionState => {
    const newest = appends.at(-1)?.append;
    const last = appends.findLast(({ append }) => append.last !== null)?.append.last ?? null;
    const routes = newest?.routes ?? [];
    const feeder = { cluster: 'c', idle: 0 };
    const watermark = newest?.next ?? null;
    const head = { shard: 0, epoch: String(epoch), number: appends.length, time: appends.length };
    return {
      epoch: head.epoch,
      newLog: appends.length === 0,
      head,
      watermark,
      last,
      history: null,
      mark: null,
      routes,
      feeder,
    };
  };
  const log: TestLog = {
    fault: null,
    async partition() {
      if (log.fault === 'ask') {
        log.fault = null;
        throw new LogUnavailable('the log cannot be asked');
      }
      return state();
    },
    async append(append) {
      if (log.fault === 'lose' || log.fault === 'lose all') {
        appends.splice(log.fault === 'lose' ? Math.floor(appends.length / 2) : 0);
        epoch++;
        log.fault = null;
      }
      if (log.fault === 'before') {
        log.fault = null;
        throw new LogUnavailable('nothing was written');
      }
      const { watermark } = state();
      if (append.epoch !== String(epoch)) return { kind: 'other-epoch', epoch: String(epoch) };
      if (watermark === null ? !append.first : append.base > watermark)
        return { kind: 'behind', watermark: watermark ?? -1 };
      const from = watermark ?? append.base;
      if (append.next > from || watermark === null) appends.push({ append, from });
      return {
        kind: 'appended',
        position: { shard: 0, epoch: '', number: 0, time: 0 },
        appended: append.entries.length,
      };
    },
    renew: async () => {
      throw new Error('no topic was recreated');
    },
    topic: async (_, partitions) => ({ partitions, isNew: false }),
    close: async () => {},
    held: async (channel) =>
      appends.flatMap(({ append, from }) =>
        append.entries
          .filter(({ record, channels }) => record.offset >= from && channels.some((c) => c.channel === channel))
          .map(({ record, index }) => `${record.offset}.${index}`),
      ),
  };
  return log;
}

type Step =
  | { readonly relay: 0 | 1; readonly limit: number }
  | { readonly crash: 0 | 1; readonly commits: boolean }
  | { readonly look: 0 | 1 }
  | { readonly fault: Fault }
  | { readonly letters: number }
  | { readonly unprepared: number };

/** A relay as its edge drives it: fetches where it is told to, and knows nothing after a crash. */
interface Actor {
  relay: PartitionRelay;
  position: number | null;
  appended: number | null;
}

async function step(actor: Actor, kafka: FakePartition, limit: number): Promise<void> {
  const { position } = actor;
  const turn = position === null ? await actor.relay.start() : await actor.relay.take(kafka.fetch(position, limit));
  actor.appended = turn.appended;
  if (position !== null || turn.wait === 0) actor.position = turn.position;
}

async function look(actor: Actor): Promise<void> {
  const turn = await actor.relay.look();
  if (turn.wait === 0) actor.position = turn.position;
}

function crash(actor: Actor, kafka: FakePartition, core: RelayCore, commits: boolean) {
  if (commits && actor.appended !== null) kafka.committed = Math.max(kafka.committed ?? 0, actor.appended);
  Object.assign(actor, { relay: core.partition('t', 0, kafka), position: null, appended: null });
}

/** Two relays that both believe to own the partition, through all steps; then one of them to the end, in peace. */
async function play(log: TestLog, kafka: FakePartition, script: readonly Step[]): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  const broken = kafka.records.filter(isBroken).map(({ offset }) => offset);
  /** Letters that were not written when an append passed them. */
  const passed: number[] = [];
  let writable = Number.POSITIVE_INFINITY;
  let unprepared = 0;
  const prepared = new WeakSet<KafkaRecord>();
  const json = jsonFormat('value');
  /** Cannot read what it has not prepared. */
  const slow: Format = {
    ...json,
    async prepare(records) {
      if (unprepared-- > 0) throw new Error('the registry does not answer');
      for (const record of records) prepared.add(record);
    },
    decode(record) {
      return prepared.has(record) ? json.decode(record) : faultOf('registry-frame', new Error('not prepared'));
    },
  };
  const core = createRelay({
    schema: schemaOf(plan),
    formats: (plan) => ({ ...formatsOf(plan), value: slow }),
    log: {
      ...log,
      append(append) {
        const written = new Set(letters.map(({ record }) => record.offset));
        passed.push(...broken.filter((offset) => offset < append.next && !written.has(offset)));
        return log.append(append);
      },
    },
    cluster: 'c',
    metrics: noRelayMetrics,
    logger: heardLogger().logger,
    async deadLetters(some, kept) {
      const taken = some.slice(0, writable);
      letters.push(...taken);
      kept(taken);
      writable = Number.POSITIVE_INFINITY;
      if (taken.length < some.length) throw new Error('the dead-letter topic does not answer');
    },
    refillMax: 1e12,
    // Every record is within the retention of a first start.
    now: () => 1_000_000,
  });
  const newActor = (): Actor => ({ relay: core.partition('t', 0, kafka), position: null, appended: null });
  const actors = [newActor(), newActor()] as const;
  for (const happens of script) {
    if ('relay' in happens) await step(actors[happens.relay], kafka, happens.limit);
    else if ('crash' in happens) crash(actors[happens.crash], kafka, core, happens.commits);
    else if ('look' in happens) await look(actors[happens.look]);
    else if ('letters' in happens) writable = happens.letters;
    else if ('unprepared' in happens) unprepared = happens.unprepared;
    else log.fault = happens.fault;
  }
  log.fault = null;
  unprepared = 0;
  const last = actors[0];
  // What the log lost behind the back of a relay that is at its end is found when it looks.
  await look(last);
  for (let i = 0; last.position !== kafka.end; i++) {
    if (i > 500) throw new Error('the relay does not come to the end of its partition');
    await step(last, kafka, 7);
  }
  expect(passed).toEqual([]);
  return letters;
}

const isBroken = ({ value }: KafkaRecord) => value?.toString() === '{';

async function check(log: TestLog, all: readonly KafkaRecord[], script: readonly Step[], holesAtEnd: number) {
  const end = (all.at(-1)?.offset ?? 0) + 1 + holesAtEnd;
  const letters = await play(log, fakePartition([...all], { end }), script);
  for (const user of users) {
    for (const source of ['own', 'each'] as const) {
      expect(await log.held(`${source}:user:${user}`)).toEqual(expected(all, source, user));
    }
  }
  const broken = all.filter(isBroken).map(({ offset }) => offset);
  expect(new Set(letters.map(({ record }) => record.offset))).toEqual(new Set(broken));
}

const holesAtEnd = fc.integer({ min: 0, max: 3 });

test('crashed, doubled and refused relays change nothing: every event is in the log once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(records, steps, holesAtEnd, (all, script, holes) => {
      const kept = script.filter((step) => !('fault' in step && step.fault.startsWith('lose')));
      return check(faultyMemoryLog(), all, kept, holes);
    }),
    { numRuns: 500 },
  );
});

test('a log that lost its newest data, or all of it, is filled again: every event once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(records, steps, holesAtEnd, (all, script, holes) => {
      const kept = script.filter((step) => !('fault' in step && (step.fault === 'after' || step.fault === 'behind')));
      return check(lossyLog(), all, kept, holes);
    }),
    { numRuns: 500 },
  );
});

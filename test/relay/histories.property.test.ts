import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SourceGap } from '../../src/event/publication.js';
import { noRelayMetrics } from '../../src/observe/metrics.js';
import type { PartitionRelay } from '../../src/relay/partition.js';
import type { Reached } from '../../src/relay/record-batch.js';
import { createRelay } from '../../src/relay/relay.js';
import { type Heard, ModelLog } from '../support/log/model-log.js';
import {
  extractorOf,
  type FakePartition,
  fakePartition,
  heardLogger,
  planOf,
  recordAt,
  schemaOf,
} from '../support/relay/relay-world.js';
import { scheduleOf } from '../support/schedule.js';

/**
 * One partition on its worst days: leaders that lack what others had, a topic made again, records deleted; two relays that
 * both believe to have it, crash and commit; a log that loses its newest part, or all. In the end somebody who was there all the
 * time was shown every record that Kafka has, once and in order, and told of each history but the first; and who was away is shown
 * the rest of what that one was shown, or told that something is missing.
 */

const happens = scheduleOf<World>();
const few = fc.nat({ max: 5 });
const either = fc.constantFrom(0, 1);

const step = fc.oneof(
  happens(6, 'produce', [fc.integer({ min: 1, max: 6 })], (w, count) => w.produce(count)),
  happens(8, 'relay', [either, fc.integer({ min: 1, max: 6 })], (w, n, limit) => w.relay(n, limit)),
  happens(2, 'elect', [], (w) => w.elect()),
  happens(2, 'cut and produce', [fc.integer({ min: 1, max: 6 }), few], (w, lost, count) => w.cut(lost, count)),
  happens(1, 'make again and produce', [fc.nat({ max: 12 })], (w, count) => w.makeAgain(count)),
  happens(1, 'a marker', [], (w) => w.mark()),
  happens(2, 'crash', [either], (w, n) => w.crash(n)),
  happens(2, 'look', [either], (w, n) => w.look(n)),
  happens(2, 'lose', [fc.integer({ min: 1, max: 4 })], (w, count) => w.log.lose(count)),
  happens(1, 'forget', [either], (w, n) => w.forget(n)),
  happens(2, 'go away', [], (w) => w.goAway()),
  happens(1, 'fail', [fc.constantFrom('before' as const, 'after' as const)], (w, how) => {
    w.log.failing = how;
  }),
);

/** Goes by coordinates, as PROTOCOL says, and keeps all that it was shown. */
class Viewer {
  readonly shown: number[] = [];
  readonly told: SourceGap['reason'][] = [];

  constructor(
    /** By the log's clock, up to when it has been shown everything: all the time, for who is there. */
    private readonly until = Number.POSITIVE_INFINITY,
    readonly heard = new Map<string, number>(),
  ) {}

  hear({ gap, entries }: Heard) {
    if (gap !== null && (gap.since === undefined || this.until < gap.since)) {
      this.told.push(gap.reason);
      const { cut, changedAt } = gap;
      if (cut && (changedAt === undefined || this.until < changedAt))
        this.heard.set(cut.origin, Math.min(this.heard.get(cut.origin) ?? 0, cut.offset));
    }
    for (const { origin, record, payload } of entries) {
      if (record.offset < (this.heard.get(origin) ?? 0)) continue;
      this.heard.set(origin, record.offset + 1);
      this.shown.push((JSON.parse(payload) as { n: number }).n);
    }
  }
}

/** Who left when so much had been shown, and comes back at the end. */
interface Absence {
  readonly shown: number;
  readonly time: number;
  readonly heard: ReadonlyMap<string, number>;
}

interface Actor {
  relay: PartitionRelay;
  position: number | null;
  appended: number | null;
}

class World {
  readonly viewer = new Viewer();
  readonly log = new ModelLog((commit) => this.viewer.hear(commit));
  readonly kafka: FakePartition = fakePartition([], { topicId: 'T0', epochs: [[0, 0]] });
  #made = 0;
  #topics = 0;
  #elections = 0;
  /** Histories that a relay may have read from, beside the first. */
  others = 0;
  readonly actors: Actor[];
  readonly absences: Absence[] = [];
  readonly #core = createRelay({
    schema: schemaOf(planOf('t', extractorOf('all', { all: () => '*' }, undefined, true, 100_000))),
    log: this.log,
    cluster: 'c',
    metrics: noRelayMetrics,
    logger: heardLogger().logger,
    refillMax: 1e15,
    // All of the records are within the retention of a first start.
    now: () => 1_000_000,
    delay: () => 1,
  });

  constructor() {
    this.actors = [0, 1].map(() => this.#actor());
  }

  #actor(): Actor {
    return { relay: this.#core.partition('t', 0, this.kafka), position: null, appended: null };
  }

  produce(count: number) {
    for (let i = 0; i < count; i++) {
      const offset = this.kafka.end++;
      this.kafka.records.push(recordAt(offset, { n: this.#made++ }));
    }
  }

  /** Takes an offset, and is no record. */
  mark() {
    this.kafka.end++;
  }

  elect() {
    // A term in which nothing was written is overwritten by the next one at the same offset.
    const epochs = this.kafka.epochs.filter(([, first]) => first < this.kafka.end);
    this.kafka.epochs = [...epochs, [++this.#elections, this.kafka.end]];
  }

  goAway() {
    this.absences.push({ shown: this.viewer.shown.length, time: this.log.time, heard: new Map(this.viewer.heard) });
  }

  /**
   * The log comes back empty, and a relay finds it so. Not where nobody has said anything of the topic yet: of what only a relay
   * knew that is gone, and its log has lost, nobody knows.
   */
  async forget(n: number) {
    if (this.kafka.newest == null || this.log.failing !== null || !this.log.forget()) return;
    const actor = this.actors[n] as Actor;
    for (const _ of [1, 2]) if ((await actor.relay.start()).wait === 0) break;
    actor.position = null;
  }

  /** Whoever is elected lacks the newest. */
  cut(lost: number, count: number) {
    const { kafka } = this;
    const end = Math.max(kafka.begin, kafka.end - lost);
    if (end < kafka.end) this.others++;
    kafka.records = kafka.records.filter(({ offset }) => offset < end);
    kafka.epochs = kafka.epochs.filter(([, first]) => first < end);
    kafka.end = end;
    this.elect();
    this.produce(count);
  }

  makeAgain(count: number) {
    this.others++;
    this.#elections = 0;
    Object.assign(this.kafka, { topicId: `T${++this.#topics}`, epochs: [[0, 0]], records: [], begin: 0, end: 0 });
    // A broker that deletes a topic forgets what groups have committed of it.
    Object.assign(this.kafka, { committed: null, newest: null });
    this.produce(count);
  }

  /** A broker refuses a fetch that names another history: the relay finds its place anew. */
  #isRefused({ relay, position }: Actor): boolean {
    const { topicId, epochs, end } = this.kafka;
    const expected = relay.history();
    const isOther = expected?.topicId !== topicId || expected?.leaderEpoch !== epochs.at(-1)?.[0];
    return position === null || isOther || position > end;
  }

  async relay(n: number, limit: number) {
    const actor = this.actors[n] as Actor;
    const isRefused = this.#isRefused(actor);
    const turn = isRefused
      ? await actor.relay.start()
      : await actor.relay.take(this.kafka.fetch(actor.position as number, limit));
    actor.appended = turn.appended;
    actor.position = turn.wait > 0 && isRefused ? null : turn.position;
    this.#commit(actor);
  }

  async look(n: number) {
    const actor = this.actors[n] as Actor;
    if (actor.position === null) return;
    const turn = await actor.relay.look();
    actor.position = turn.wait > 0 ? null : turn.position;
  }

  crash(n: number) {
    this.actors[n] = this.#actor();
  }

  /** At once, and not within a second: what only a relay knows that dies, and a log that loses it, nobody knows any more. */
  #commit({ relay }: Actor) {
    const newest = relay.newest();
    if (newest === null || newest.history.topicId !== this.kafka.topicId) return;
    const before = this.kafka.newest ?? null;
    const term = ({ history }: Reached) => history.epochs.at(-1)?.[0] ?? -1;
    const isNewer = before === null || term(newest) > term(before) || newest.offset > before.offset;
    if (isNewer) Object.assign(this.kafka, { committed: newest.offset, newest });
  }

  get isDone(): boolean {
    const [actor] = this.actors as [Actor];
    const last = this.kafka.records.at(-1)?.offset ?? -1;
    return !this.#isRefused(actor) && actor.position === this.kafka.end && (actor.appended ?? 0) > last;
  }
}

test('a day on which nothing befalls it: all is shown, and nothing told', async () => {
  const world = new World();
  world.produce(20);
  while (!world.isDone) await world.relay(0, 7);
  expect(world.viewer.shown).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(world.viewer.told).toEqual([]);
});

test('whatever becomes of a partition: all that Kafka has is shown once, in order, and each other history is told', async () => {
  const counted = { shown: 0, told: 0, away: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 50, size: 'max' }), async (steps) => {
      const world = new World();
      for (const one of steps) await one.run(world);
      world.log.failing = null;
      world.produce(1);
      await world.look(0);
      for (let i = 0; !world.isDone; i++) {
        if (i > 300) throw new Error('the relay does not come to the end of its partition');
        await world.relay(0, 7);
      }
      const { shown, told } = world.viewer;
      const now = world.kafka.records.map(({ value }) => (JSON.parse(String(value)) as { n: number }).n);
      expect(new Set(shown).size, 'nothing is shown twice').toBe(shown.length);
      const kept = shown.filter((n) => now.includes(n));
      expect(kept, 'all that Kafka has, in its order').toEqual(now.filter((n) => n >= (kept[0] ?? 0)));
      // Older than a first start is nobody's but who asks for it.
      expect(now.filter((n) => !kept.includes(n)).length, 'from the first start on').toBe(0);
      if (world.others === 0) expect(told.filter((reason) => reason === 'TOPIC_RECREATED')).toEqual([]);
      for (const absence of world.absences) {
        const back = new Viewer(absence.time - 1, new Map(absence.heard));
        for (const commit of world.log.commits) if (commit.time > absence.time) back.hear(commit);
        const lacked = shown.slice(absence.shown).filter((n) => !back.shown.includes(n));
        if (back.told.length === 0) expect(lacked, 'who was away lacks nothing, or is told').toEqual([]);
        const before = shown.slice(0, absence.shown);
        expect(
          back.shown.filter((n) => before.includes(n)),
          'nor is it shown anything again',
        ).toEqual([]);
        counted.away += back.shown.length;
      }
      counted.shown += shown.length;
      counted.told += told.length;
    }),
    { numRuns: 1_000, ...(JSON.parse(process.env.HISTORIES ?? '{}') as object) },
  );
  expect(counted.shown).toBeGreaterThan(1_000);
  expect(counted.told).toBeGreaterThan(100);
  expect(counted.away).toBeGreaterThan(100);
}, 300_000);

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import type { Fault } from '../../src/event/faults.js';
import type { Position } from '../../src/event/position.js';
import type { Cut } from '../../src/event/publication.js';
import { defaultCluster } from '../../src/event/source-event.js';
import type { Engine } from '../../src/graphql/engine.js';
import type { Running } from '../../src/graphql/running/running.js';
import { compileSchema } from '../../src/schema/compile.js';
import { payloadOf } from '../../src/serve/connection/frames.js';
import { renewAll } from '../../src/serve/connection/renew.js';
import { eventually } from '../support/eventually.js';
import { HostileLog, type Lost, turns, type Written } from '../support/log/hostile-log.js';
import { metaAt } from '../support/meta.js';
import { cases } from '../support/properties.js';
import { openReplica } from '../support/replica.js';
import { scheduleOf } from '../support/schedule.js';
import { Stall } from '../support/stall.js';

/**
 * Two replicas over one log on its worst days, clients that come, go, stall and resume on either of them. In the end
 * every client has every event of its users since its start exactly once, in the order of each partition; or it was
 * told of a gap, and only what was trimmed is missing. Never an event of another user.
 */

const users = ['ada', 'grace', 'alan'] as const;
const partitions = 3;
/** Whose offsets there are. */
const origins = ['topicA', 'topicQ', 'topicg'] as const;
const sdl = `
  type Subscription { note(onlyEven: Boolean): Note! @kafka(topic: "notes")
    @where(rule: "event.user in claims.users && (args.onlyEven == null || event.even == true)") }
  type Note { id: ID! user: String! slow: Int! even: Boolean! }`;
const { schema, problems } = compileSchema(sdl, { retention: { retain: 600_000, max: 1000 } });
if (!schema) throw new Error(problems.map(({ message }) => message).join('\n'));
const streams = schema;
const [route] = streams.topics.in(defaultCluster).get('notes')?.extractors[0]?.routes ?? [];
/** Some events take their resolver a while. */
const resolvers = {
  Note: {
    slow: {
      claims: [],
      resolve: (note: { slow: number }) => (note.slow > 0 ? turns(note.slow).then(() => note.slow) : note.slow),
    },
  },
};

interface Note {
  readonly id: string;
  readonly user: string;
  readonly slow: number;
  readonly even: boolean;
}

const happens = scheduleOf<World>();

const few = fc.nat({ max: 4 });
const someone = fc.nat({ max: 7 });
const either = fc.nat({ max: 1 });
const notes = fc.array(
  fc.record({
    user: fc.constantFrom(...users),
    slow: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: few }),
  }),
  { minLength: 1, maxLength: 4 },
);

const step = fc.oneof(
  happens(9, 'append to', [fc.nat({ max: partitions - 1 }), notes], (w, partition, some) => w.append(partition, some)),
  happens(3, 'append one record to', [fc.nat({ max: partitions - 1 }), notes], (w, partition, some) =>
    w.append(partition, some, true),
  ),
  happens(4, 'turns', [few], (_, count) => turns(count)),
  happens(
    3,
    'join',
    [fc.uniqueArray(fc.constantFrom(...users), { minLength: 1 }), either, fc.boolean(), fc.option(few)],
    (w, who, at, even, rewind) => w.join(who, at, even, rewind),
  ),
  happens(2, 'leave', [someone], (w, n) => w.client(n)?.leave()),
  happens(4, 'resume', [someone, either], (w, n, at) => w.client(n)?.resume(at)),
  happens(2, 'stall', [someone], (w, n) => w.client(n)?.stall()),
  happens(2, 'drain', [someone], (w, n) => w.client(n)?.drain()),
  happens(3, 'renew the token of', [someone], (w, n) => w.client(n)?.renew()),
  happens(2, 'heartbeat', [someone], (w, n) => w.client(n)?.heartbeat()),
  happens(2, 'drop commits', [either, few], (w, at, count) => w.log.tails[at]?.drop(count)),
  happens(1, 'repeat a commit', [either], (w, at) => w.log.tails[at]?.repeat()),
  happens(2, 'interrupt the tail', [either], (w, at) => w.log.tails[at]?.interrupt()),
  happens(2, 'restore the tail', [either], (w, at) => w.log.tails[at]?.restore()),
  happens(2, 'stall the tail', [either], (w, at) => w.log.tails[at]?.stall()),
  happens(2, 'let the tail go on', [either], (w, at) => w.log.tails[at]?.go()),
  happens(2, 'answers take', [few], (w, count) => w.latency(count)),
  happens(2, 'answers have at most', [fc.integer({ min: 1, max: 5 })], (w, most) => w.paging(most)),
  happens(1, 'answers fail', [few], (w, count) => w.failing(count)),
  happens(1, 'new epoch', [either], (w, shard) => w.log.renew(shard)),
  happens(2, 'lose and refill', [either, fc.nat({ max: 8 }), few], (w, shard, count, after) =>
    w.lose(shard, count, after),
  ),
  happens(2, 'lose for a while', [either, fc.nat({ max: 8 })], (w, shard, count) => w.lose(shard, count, null)),
  happens(
    2,
    'lose, tell a part of it missing, and lose that as well, of',
    [fc.nat({ max: partitions - 1 }), fc.nat({ max: 8 }), few, few, few],
    (w, partition, numbers, gone, between, more) => w.loseTwice(partition, numbers, gone, between, more),
  ),
  happens(
    2,
    'go back under one epoch',
    [either, fc.nat({ max: 8 }), fc.option(few), fc.nat({ max: 9 }).map((n) => n === 0)],
    (w, shard, count, after, clock) => w.goBack(shard, count, after, clock),
  ),
  happens(1, 'a relay sees what was lost of', [either], (w, shard) => w.log.heed(shard)),
  happens(1, 'doubts are heeded after', [few], (w, count) => w.heeding(count)),
  happens(1, 'a replica that lags answers', [], (w) => w.log.lag()),
  happens(2, 'the replica catches up', [], (w) => w.log.catchUp()),
  happens(2, 'refill but the oldest of', [fc.nat({ max: partitions - 1 }), few], (w, partition, gone) =>
    w.refill(partition, gone),
  ),
  happens(1, 'recreate the topic', [fc.nat({ max: partitions - 1 })], (w, partition) => w.recreate(partition)),
  happens(
    2,
    'cut the partition',
    [fc.nat({ max: partitions - 1 }), fc.nat({ max: 6 }), fc.boolean()],
    (w, partition, back, refilled) => w.cut(partition, back, refilled),
  ),
  happens(
    2,
    'another cluster feeds the partition',
    [fc.nat({ max: partitions - 1 }), fc.nat({ max: origins.length - 1 })],
    (w, partition, origin) => w.feed(partition, origin),
  ),
  happens(1, 'trim', [either, fc.constantFrom(...users), few], (w, shard, user, count) => w.trim(shard, user, count)),
);

class World {
  clock = 1_000;
  readonly log = new HostileLog(2, () => this.clock);
  readonly clients: Client[] = [];
  /** Every event there ever was, in the order of its first append. */
  readonly events: { note: Note; partition: number; sequence: number }[] = [];
  /** True once a source told that its topic is another one. */
  recreated = false;
  readonly trimmed = new Set<string>();
  /** Appended under numbers and times that were given out before: nobody can know who did not hear it then. */
  readonly hidden = new Set<string>();
  /** What the log has lost and was not given again yet, in order. */
  readonly #owed: Lost[][] = Array.from({ length: partitions }, () => []);
  /** What each mark told missing, by the number that it says. */
  readonly #toldBy: (readonly Lost[])[] = [];
  /** What is missing for good, and has to be told again. */
  readonly #again: Lost[][] = Array.from({ length: partitions }, () => []);
  /** Per partition, where all had been told last that the log had lost of it. */
  readonly #told: (Position | undefined)[] = [];
  /** Per partition whose offsets it has, and where each of them goes on. */
  readonly #fed = Array.from({ length: partitions }, () => ({ by: 0, next: origins.map(() => 0) }));

  constructor(readonly engines: Engine[]) {}

  latency(count: number) {
    this.log.latency = count;
  }

  failing(count: number) {
    this.log.failing = count;
  }

  heeding(count: number) {
    this.log.heeding = count;
  }

  paging(most: number) {
    this.log.page = most;
  }

  append(partition: number, notes: readonly { user: string; slow: number }[], areOneRecord = false) {
    this.refill(partition, 0);
    this.clock++;
    const { origin, next: first } = this.#feedOf(partition);
    this.#goOn(partition, first + (areOneRecord ? 1 : notes.length));
    const written = notes.map(({ user, slow }, at): Written => {
      const [offset, index] = areOneRecord ? [first, at] : [first + at, 0];
      const note: Note = { id: `${partition}-${this.events.length}`, user, slow, even: (offset + index) % 2 === 0 };
      this.events.push({ note, partition, sequence: this.events.length });
      const record = metaAt('notes', offset, { partition, timestamp: this.clock });
      return { source: { origin, record, index, event: note }, channels: [route?.channel(note) as Channel] };
    });
    this.#append(written);
  }

  #append(written: readonly Written[], refilled = false) {
    for (const { source } of written) {
      if (!this.log.isHidden(this.log.shardOf(source.record))) continue;
      this.hidden.add((source.event as Note).id);
    }
    this.log.append(written, refilled);
  }

  /** Offsets begin again; the log keeps what the old topic had. */
  recreate(partition: number) {
    this.refill(partition, 0);
    this.#goOn(partition, 0);
    this.log.renew(this.log.shardOf({ topic: 'notes', partition }));
    this.#renewed(partition);
  }

  /**
   * The end of a partition is gone, and other records come with its offsets. What the log holds of it goes on being shown
   * to who has yet to come by; what the log has lost of it nobody can write again, and the mark tells so. What lies before
   * the cut is written again before the mark, or behind it.
   */
  cut(partition: number, back: number, refilled: boolean) {
    const { origin, next } = this.#feedOf(partition);
    const offset = Math.max(0, next - back);
    const owed = this.#owed[partition] as Lost[];
    const isGone = ({ source }: Lost) => source.origin === origin && source.record.offset >= offset;
    for (const { source } of owed.filter(isGone)) this.trimmed.add((source.event as Note).id);
    this.#owed[partition] = owed.filter((one) => !isGone(one));
    if (refilled) this.refill(partition, 0);
    this.#goOn(partition, offset);
    this.#renewed(partition, { origin, offset });
    this.refill(partition, 0);
  }

  /** From now on the partition is another cluster's, with offsets of its own. Relays tell so as they take it: they cannot else. */
  feed(partition: number, origin: number) {
    this.refill(partition, 0);
    (this.#fed[partition] as { by: number }).by = origin;
    this.#renewed(partition);
  }

  #renewed(partition: number, cut?: Cut) {
    this.clock++;
    this.recreated = true;
    const source = { cluster: 'c', topic: 'notes', partition };
    this.log.gap({ reason: 'TOPIC_RECREATED', missed: null, source, ...(cut && { cut }) });
  }

  #feedOf(partition: number) {
    const { by, next } = this.#fed[partition] as { by: number; next: number[] };
    return { origin: origins[by] as string, next: next[by] as number };
  }

  #goOn(partition: number, offset: number) {
    const { by, next } = this.#fed[partition] as { by: number; next: number[] };
    next[by] = offset;
  }

  /** The log loses its newest part, and after a while a relay writes it again; with null when it comes to that. */
  async lose(shard: number, numbers: number, after: number | null) {
    this.clock++;
    this.#owe(this.log.lose(shard, numbers));
    if (after === null) return;
    await turns(after);
    this.clock++;
    for (let at = 0; at < partitions; at++) this.refill(at, 0);
  }

  /** Again before all of it was written again, and with it the mark that told what cannot be. */
  async loseTwice(partition: number, numbers: number, gone: number, between: number, more: number) {
    const shard = this.log.shardOf({ topic: 'notes', partition });
    await this.lose(shard, numbers, null);
    await turns(between);
    this.clock++;
    this.refill(partition, gone);
    await turns(between);
    await this.lose(shard, numbers + more, null);
  }

  /**
   * It goes back under the same epoch. A relay that knows less goes on from where the log stands now, until one that knows
   * more opens another epoch: with null not before a gateway doubts.
   */
  async goBack(shard: number, numbers: number, after: number | null, clock: boolean) {
    // An older copy takes a while to come.
    this.clock += 10;
    this.#owe(this.log.goBack(shard, numbers, clock));
    if (after === null) return;
    await turns(after);
    this.log.heed(shard);
  }

  /** Lost again before all of it was back: the older part of it comes first. */
  #owe(lost: readonly Lost[]) {
    for (const [partition, owed] of this.#owed.entries()) {
      owed.unshift(...lost.filter(({ source }) => source.record.partition === partition));
    }
    for (const { missed, source } of this.log.lostMarks.splice(0).reverse()) {
      this.#again[source.partition]?.unshift(...(this.#toldBy[missed as number] ?? []));
    }
  }

  /** A relay writes again what was lost of a partition, in its order, and tells if the oldest are too old for that. */
  refill(partition: number, tooOld: number) {
    const owed = this.#owed[partition]?.splice(0) ?? [];
    const gone = [...(this.#again[partition]?.splice(0) ?? []), ...owed.splice(0, tooOld)];
    const since = Math.max(0, ...gone.map(({ time }) => time));
    for (const { source } of gone) this.trimmed.add((source.event as Note).id);
    const source = { cluster: 'c', topic: 'notes', partition };
    // Who knows that something is missing has opened another epoch.
    if (gone.length > 0) this.log.heed(this.log.shardOf(source));
    const told = this.#told[partition];
    if (gone.length > 0) {
      // By its number a mark is known again that the log has lost.
      const missed = this.#toldBy.push(gone) - 1;
      this.log.gap({ reason: 'LOG_LOST', missed, since, source, ...(told && { told }) });
    }
    this.#told[partition] = this.log.end(this.log.shardOf(source));
    for (const one of owed) this.#append([one], true);
  }

  trim(shard: number, user: string, count: number) {
    const gone = this.log.trim(shard, route?.channel({ user }) as Channel, count);
    for (const { event } of gone) this.trimmed.add((event as Note).id);
  }

  client(n: number): Client | undefined {
    return this.clients[n % Math.max(1, this.clients.length)];
  }

  async join(names: readonly string[], replica: number, even: boolean, rewind: number | null) {
    const client = new Client(this, names, even, rewind ?? 0);
    this.clients.push(client);
    await client.resume(replica);
  }
}

class Client {
  readonly received: { id: string; gap: unknown }[] = [];
  /** Events before this one are none of its business. */
  start = Number.POSITIVE_INFINITY;
  #cursor: string | null = null;
  #live: Running | null = null;
  #opening = false;
  #renewals = 0;
  readonly #stall = new Stall();
  readonly failures: string[] = [];

  constructor(
    private readonly world: World,
    readonly users: readonly string[],
    readonly even: boolean,
    readonly rewind: number,
  ) {}

  wants({ user, even }: Note) {
    return this.users.includes(user) && (!this.even || even);
  }

  async resume(replica: number) {
    if (this.#live || this.#opening) return;
    this.#opening = true;
    const opened = this.world.engines[replica]?.open({
      query: `subscription @resume(rewind: ${this.rewind}) { note${this.even ? '(onlyEven: true)' : ''} { id slow } }`,
      extensions: this.#cursor === null ? {} : { after: this.#cursor, onGap: 'CONTINUE' },
      viewer: { signedIn: true, claims: { users: this.users }, expiresAt: null },
    });
    // The world does not stand still while someone connects.
    void opened?.then((result) => {
      this.#opening = false;
      if (result.kind !== 'running') {
        const code = result.kind === 'errors' ? result.errors[0]?.extensions.code : result.kind;
        // A client tries again; here when the schedule, or the end of it, says so.
        if (code !== 'UNAVAILABLE') this.failures.push(String(code));
        return;
      }
      const mine = result.start({
        write: (frames) => {
          if (this.#live !== mine && this.#live !== null) this.failures.push('written after it was closed');
          for (const frame of frames) {
            const { data, errors, extensions } = JSON.parse(payloadOf(frame));
            if (errors) this.failures.push(JSON.stringify(errors));
            this.received.push({ id: data?.note?.id, gap: extensions.gap ?? null });
            this.#cursor = extensions.cursor;
          }
        },
        drained: () => this.#stall.drained(),
        end() {},
        fail: (fault) => this.failures.push(fault.message),
      });
      this.#live = mine;
      // Who was cut off before the first cursor begins anew.
      if (this.#cursor === null) this.start = this.world.events.length;
      this.heartbeat();
    });
    await turns(2);
  }

  /** A token that says the same in other words: another group, and nothing is to be seen of it. */
  async renew() {
    const live = this.#live;
    if (!live) return;
    const users = Array.from({ length: 1 + (++this.#renewals % 3) }, () => this.users).flat();
    const viewer = { signedIn: true, claims: { users }, expiresAt: null };
    // The world does not stand still while someone renews, and a log that cannot be read changes nothing.
    void renewAll({ viewer, operations: new Map([['', live]]) }, viewer).catch((error: Fault) => {
      if (error.code !== 'UNAVAILABLE') this.failures.push(error.message);
    });
    await turns(2);
  }

  heartbeat() {
    // A ping has none while a gap waits.
    if ((this.#live?.gap ?? null) === null) this.#cursor = this.#live?.cursor() ?? this.#cursor;
  }

  leave() {
    this.#live?.close();
    this.#live = null;
    this.drain();
  }

  stall() {
    this.#stall.begin();
  }

  drain() {
    this.#stall.end();
  }

  get isLive() {
    return this.#live !== null;
  }

  get gapTold() {
    return this.received.some(({ gap }) => gap !== null) || (this.#live?.gap ?? null) !== null;
  }

  /** What is wrong with what it was shown; empty when nothing is. */
  faults(): string[] {
    const { events, trimmed, hidden } = this.world;
    const faults = [...this.failures];
    const at = new Map(events.map(({ note }, i) => [note.id, i]));
    const newest = new Map<number, number>();
    const shown = new Set<string>();
    for (const { id } of this.received) {
      const event = events[at.get(id) ?? -1];
      if (!event) faults.push(`${id} never was`);
      else {
        if (!this.wants(event.note)) faults.push(`${id} is foreign`);
        if (shown.has(id)) faults.push(`${id} twice`);
        else if (event.sequence <= (newest.get(event.partition) ?? -1)) faults.push(`${id} out of order`);
        newest.set(event.partition, event.sequence);
        shown.add(id);
      }
    }
    for (const { note } of events.slice(this.start)) {
      if (!this.wants(note) || shown.has(note.id) || hidden.has(note.id)) continue;
      if (!trimmed.has(note.id)) faults.push(`${note.id} lost`);
      else if (!this.gapTold) faults.push(`${note.id} trimmed, and nobody said so`);
    }
    if (this.gapTold && trimmed.size === 0 && !this.world.recreated) faults.push('a gap where none was');
    return faults;
  }
}

const replica = (world: World, tailBytes = 1_000_000, log = world.log.reader()) =>
  openReplica({ log, streams, resolvers: resolvers as never, now: () => world.clock, tailBytes });

/** `HOSTILE='{"seed":1,"path":"2","numRuns":9}'` replays a failure, or looks for more. */
const given = JSON.parse(process.env.HOSTILE ?? '{}') as object;

test('whatever befalls the log: every event once, in order, to whom it concerns, or a gap that is told', async () => {
  const counted = { shown: 0, gaps: 0, doubts: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), async (steps) => {
      const world = new World([]);
      // One remembers all it hears, the other next to nothing.
      const replicas = [await replica(world), await replica(world, 3_000)];
      world.engines.push(...replicas.map(({ engine }) => engine));
      for (const one of steps) {
        world.clock++;
        await one.run(world);
      }
      // The day ends: everything works again, and everybody comes back.
      world.latency(0);
      world.failing(0);
      world.log.catchUp();
      for (const tail of world.log.tails) {
        tail.interrupt();
        tail.restore();
      }
      for (let at = 0; at < partitions; at++)
        world.append(at, [
          { user: 'ada', slow: 0 },
          { user: 'grace', slow: 0 },
          { user: 'alan', slow: 0 },
        ]);
      try {
        await eventually(
          'everybody has everything',
          async () => {
            for (const client of world.clients) {
              client.drain();
              if (!client.isLive) await client.resume(0);
            }
            expect(world.clients.filter(({ isLive }) => !isLive)).toEqual([]);
            expect(world.clients.map((client) => client.faults())).toEqual(world.clients.map(() => []));
          },
          { within: 1_500, every: 2 },
        );
        // No epoch is opened for a replica that lags, or for nothing.
        expect(world.log.doubts.filter(({ isTrue }) => !isTrue)).toEqual([]);
        counted.doubts += world.log.doubts.length;
        counted.shown += world.clients.reduce((sum, { received }) => sum + received.length, 0);
        counted.gaps += world.clients.filter(({ gapTold }) => gapTold).length;
      } finally {
        for (const client of world.clients) client.leave();
        await Promise.all(replicas.map(({ hub }) => hub.close()));
      }
    }),
    { numRuns: cases(300), ...given },
  );
  // A property about nothing holds too.
  expect(counted.shown).toBeGreaterThan(cases(1_000));
  expect(counted.gaps).toBeGreaterThan(0);
  expect(counted.doubts).toBeGreaterThan(0);
}, 300_000);

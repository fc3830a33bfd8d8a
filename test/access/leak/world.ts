import { defaultCluster, type KafkaRecord } from '../../../src/event/source-event.js';
import type { Engine } from '../../../src/graphql/engine.js';
import type { Frame } from '../../../src/hub/frame.js';
import { routingOf } from '../../../src/relay/route.js';
import { compileSchema } from '../../../src/schema/compile.js';
import type { StreamSchema } from '../../../src/schema/stream-schema.js';
import { HostileLog, turns } from '../../support/log/hostile-log.js';
import { entriesOf } from '../../support/relay/entries.js';
import { openReplica } from '../../support/replica.js';
import { type Ask, type Case, type Draft, type Field, type Note, type Rights, resolversWith, sdlOf } from './case.js';
import { Person } from './person.js';
import type { Facts } from './rules.js';

/** An event that was produced, and where. */
export interface Produced {
  readonly note: Note;
  readonly topic: string;
  readonly partition: number;
  readonly record: Facts['record'];
}

/** Two replicas over one log, everything that was ever produced, and everybody who asks for it. */
export class World {
  clock = 1_000;
  readonly log = new HostileLog(2, () => this.clock);
  readonly produced: Produced[] = [];
  readonly people: Person[] = [];
  readonly engines: Engine[] = [];
  readonly #streams: StreamSchema;
  readonly #offsets = new Map<string, number>();
  readonly #handed = new WeakSet<Frame>();
  #shared = 0;
  readonly #closing: (() => Promise<void>)[] = [];

  private constructor(readonly given: Case) {
    const { schema, problems } = compileSchema(sdlOf(given), { retention: { retain: 600_000, max: 1_000 } });
    if (!schema) throw new Error(`${problems.map(({ message }) => message).join('; ')}\n${sdlOf(given)}`);
    this.#streams = schema;
  }

  static async of(given: Case): Promise<World> {
    const world = new World(given);
    // One replica remembers all it hears, the other next to nothing.
    for (const tailBytes of [1_000_000, 0]) await world.#replica(tailBytes);
    return world;
  }

  async #replica(tailBytes: number) {
    const { hub, engine } = await openReplica({
      log: this.log.reader(),
      streams: this.#streams,
      resolvers: resolversWith(turns) as never,
      now: () => this.clock,
      tailBytes,
    });
    this.#closing.push(() => hub.close());
    this.engines.push(engine);
  }

  /** Decoded and routed as a relay does it. */
  produce(topic: string, partition: number, events: readonly (readonly [Draft, Facts['record']])[]) {
    const plan = this.#streams.topics.in(defaultCluster).get(topic);
    const source = `${topic} ${partition}`;
    for (const [one, { key, headers }] of events) {
      this.clock++;
      const offset = this.#offsets.get(source) ?? 0;
      this.#offsets.set(source, offset + 1);
      const note = JSON.parse(
        JSON.stringify({ ...one, key: one.key + 2 * partition, seq: this.produced.length }),
      ) as Note;
      this.produced.push({ note, topic, partition: partition, record: { key, headers } });
      const value = Buffer.from(JSON.stringify(note));
      const record: KafkaRecord = {
        topic,
        partition: partition,
        offset,
        timestamp: this.clock,
        key: key === null ? null : Buffer.from(key),
        headers,
        value,
      };
      if (!plan) continue;
      const entries = entriesOf(record, routingOf(plan, 'topicA'));
      const written = entries.map(({ origin, record: meta, index, payload, channels }) => ({
        source: { origin, record: meta, index, event: JSON.parse(payload) as unknown },
        channels: channels.map(({ channel }) => channel),
      }));
      this.log.append(written);
    }
  }

  async join(rights: Rights, field: string, ask: Ask, replica: number) {
    const person = new Person(this, rights);
    this.people.push(person);
    await person.ask(this.field(field), ask, replica);
  }

  /** The same question by somebody else: so frames come to be shared. */
  async joinLike(n: number, rights: Rights) {
    const reader = this.reader(n, 0);
    if (reader) await this.join(rights, reader.field.name, reader.ask, n % this.engines.length);
  }

  /**
   * What somebody else's cursor is good for: on another field nothing, on the same one a place to begin, where whoever
   * comes is judged anew.
   */
  async borrow(whose: readonly [number, number], of: readonly [number, number], replica: number) {
    const [reader, lender] = [this.reader(...whose), this.reader(...of)];
    if (!reader || !lender?.cursor) return;
    if (reader.field === lender.field) await reader.person.ask(reader.field, reader.ask, replica, lender.cursor);
    else await reader.tryWith(lender.cursor, replica);
  }

  field(name: string): Field {
    return this.given.fields.find((field) => field.name === name) as Field;
  }

  person(n: number): Person | undefined {
    return this.people[n % Math.max(1, this.people.length)];
  }

  reader(n: number, m: number) {
    return this.person(n)?.reader(m);
  }

  async everybodyBack() {
    for (const reader of this.people.flatMap(({ readers }) => readers)) {
      reader.drain();
      await reader.connect(0);
    }
  }

  seen() {
    const readers = this.people.flatMap((person) => person.readers);
    const shown = readers.reduce((sum, reader) => sum + reader.shown.length, 0);
    return { shown, shared: this.#shared, hidden: readers.length * this.produced.length - shown };
  }

  /** To be told of every frame that somebody is handed. */
  handed(frame: Frame) {
    if (this.#handed.has(frame)) this.#shared++;
    this.#handed.add(frame);
  }

  latency(count: number) {
    this.log.latency = count;
  }

  failing(count: number) {
    this.log.failing = count;
  }

  /** What went wrong, of everybody; empty when nothing did. */
  faults(whole: boolean): string[] {
    return this.people.flatMap((person, n) => person.faults(whole).map((fault) => `person ${n}: ${fault}`));
  }

  async close() {
    for (const person of this.people) person.revoke();
    await Promise.all(this.#closing.map((close) => close()));
  }
}

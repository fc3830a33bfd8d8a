import type { Running } from '../../../src/graphql/running/running.js';
import type { Frame } from '../../../src/hub/frame.js';
import { payloadOf } from '../../../src/serve/connection/frames.js';
import { turns } from '../../support/log/hostile-log.js';
import { Stall } from '../../support/stall.js';
import { type Ask, contentFor, type Field, mayAsk, maySee, queryOf, type Rights } from './case.js';
import type { Person } from './person.js';
import type { Produced } from './world.js';

/** One operation of one person, over all its reconnects, and what is wrong with what it was shown. */
export class Reader {
  /** Numbers of the events shown, in their order. */
  readonly shown: number[] = [];
  live: Running | null = null;
  /** Whatever was produced before it had begun need not come. */
  start = Number.POSITIVE_INFINITY;
  #opening = false;
  readonly #stall = new Stall();
  readonly #failures: string[] = [];

  constructor(
    readonly person: Person,
    readonly field: Field,
    readonly ask: Ask,
    /** Somebody else's, at first: it is good for a beginning. */
    public cursor: string | null,
  ) {}

  toString(): string {
    return `${this.field.name} ${JSON.stringify(this.ask)}`;
  }

  /** Comes, or comes back, on one of the replicas; stands still only for a moment, as the world does not. */
  async connect(replica: number) {
    if (this.live || this.#opening || !this.person.welcome) return;
    this.#opening = true;
    void this.#open(replica).finally(() => {
      this.#opening = false;
    });
    await turns(2);
  }

  async #open(replica: number): Promise<void> {
    const { world, viewer } = this.person;
    const opened = await world.engines[replica]?.open({
      ...queryOf(world.given, this.field, this.ask),
      extensions: this.cursor === null ? {} : { after: this.cursor, onGap: 'CONTINUE' },
      viewer,
    });
    const allowed = mayAsk(this.field, this.ask, viewer.signedIn ? viewer.claims : null);
    if (opened?.kind === 'errors') {
      const code = String(opened.errors[0]?.extensions.code);
      if (allowed ? code !== 'UNAVAILABLE' : !['FORBIDDEN', 'UNAUTHENTICATED'].includes(code)) {
        this.#failures.push(`refused with ${code}: ${opened.errors[0]?.message}`);
      }
      return;
    }
    if (opened?.kind !== 'running') return void this.#failures.push(`answered with ${JSON.stringify(opened)}`);
    if (!allowed) this.#failures.push('may not ask, and was let in');
    // As a session does it: what was opened by other rights, or for one who was expelled since, is not begun.
    if (viewer !== this.person.viewer || !this.person.welcome) {
      opened.close();
      return this.person.welcome ? this.#open(replica) : undefined;
    }
    const mine: Running = opened;
    this.live = mine;
    mine.start({
      write: (frames) => {
        if (this.live !== mine)
          this.#failures.push(`written after it was closed: ${frames[0] && payloadOf(frames[0])}`);
        // Who leaves in the middle of what came at once does not look at the rest.
        for (const frame of frames) if (this.live === mine) this.#hear(frame);
      },
      drained: () => this.#stall.drained(),
      end() {},
      fail: (fault) => {
        this.live = null;
        if (fault.code !== 'FORBIDDEN' || mayAsk(this.field, this.ask, this.person.rights))
          this.#failures.push(`ended with ${fault.code}: ${fault.message}`);
      },
    });
    // Who was cut off before the first cursor begins anew.
    this.start = this.cursor === null ? world.produced.length : Math.min(this.start, world.produced.length);
    this.heartbeat();
  }

  /** A cursor of another field opens nothing. */
  async tryWith(cursor: string, replica: number) {
    const { world, viewer, rights } = this.person;
    const opened = await world.engines[replica]?.open({
      ...queryOf(world.given, this.field, this.ask),
      extensions: { after: cursor },
      viewer,
    });
    const code = opened?.kind === 'errors' ? opened.errors[0]?.extensions.code : opened?.kind;
    if (mayAsk(this.field, this.ask, rights) && code !== 'CURSOR_INVALID')
      this.#failures.push(`a cursor of another field was answered with ${code}`);
    if (opened?.kind === 'running') opened.close();
  }

  heartbeat() {
    this.cursor = this.live?.cursor() ?? this.cursor;
  }

  leave() {
    this.live?.close();
    this.live = null;
    this.drain();
  }

  stall() {
    this.#stall.begin();
  }

  drain() {
    this.#stall.end();
  }

  /** The one place where something can leak: judged by the rights of this very moment. */
  #hear(frame: Frame) {
    const payload = payloadOf(frame);
    this.person.world.handed(frame);
    const { world, rights, welcome } = this.person;
    const { data, extensions } = JSON.parse(payload);
    this.cursor = extensions.cursor;
    const found = data?.[this.ask.alias];
    const event = world.produced[found?.seq];
    if (!event) return void this.#failures.push(`shown what never was: ${payload}`);
    this.shown.push(found.seq);
    if (extensions.gap) this.#failures.push(`told a gap: ${payload}`);
    if (!welcome || !this.#sees(event, rights))
      this.#failures.push(`LEAK of ${JSON.stringify(event)} to ${JSON.stringify(rights)}`);
    for (const [name, content] of Object.entries(contentFor(this.ask, rights))) {
      if (found[name] !== content)
        this.#failures.push(`LEAK of ${name} ${JSON.stringify(found[name])} to ${JSON.stringify(rights)}: ${payload}`);
    }
  }

  #sees({ note, topic, record }: Produced, rights: Rights): boolean {
    const { world } = this.person;
    return topic === this.field.topic && maySee(world.given, this.field, this.ask, rights, note, record);
  }

  /** What is wrong; `whole` once it has everything that it will ever get. */
  faults(whole: boolean): string[] {
    const { produced } = this.person.world;
    const faults = [...this.#failures];
    const newest = new Map<number, number>();
    for (const [at, seq] of this.shown.entries()) {
      const { partition } = produced[seq] as Produced;
      if (this.shown.indexOf(seq) < at) faults.push(`${seq} twice`);
      else if (seq < (newest.get(partition) ?? -1)) faults.push(`${seq} out of order`);
      newest.set(partition, seq);
    }
    if (whole && this.person.welcome) faults.push(...this.#missing().map((seq) => `${seq} never came`));
    return faults.map((fault) => `${this}: ${fault}`);
  }

  /** What was allowed by all rights by which it may have been judged must have come; of a conflated key, the latest. */
  #missing(): readonly number[] {
    const due = (one: Produced) => this.person.rightsSince(one.note.seq).every((rights) => this.#sees(one, rights));
    const since = this.person.world.produced.slice(this.start);
    const latest = (one: Produced) => !this.field.conflated || !since.some((other) => this.#replaces(other, one));
    return since
      .filter((one) => due(one) && latest(one))
      .map(({ note }) => note.seq)
      .filter((seq) => !this.shown.includes(seq));
  }

  /** May `other` have been shown in the place of `one`? */
  #replaces(other: Produced, one: Produced): boolean {
    if (other.note.seq <= one.note.seq || other.note.key !== one.note.key) return false;
    return this.person.rightsSince(other.note.seq).some((rights) => this.#sees(other, rights));
  }
}

import { randomUUID } from 'node:crypto';
import { eventually } from '../../support/eventually.js';
import { tokenFor } from '../../support/river.js';
import {
  type Ask,
  type Case,
  contentFor,
  type Field,
  mayAsk,
  maySee,
  type Note,
  queryOf,
  type Rights,
} from './case.js';
import type { Facts } from './rules.js';
import type { Connect, Heard, Wire } from './wire.js';

/** Everything that was ever produced, with what a rule may see of its record. */
export type History = readonly { readonly note: Note; readonly topic: string; readonly record: Facts['record'] }[];

/** Rights somebody had, on one connection. */
interface Had {
  readonly rights: Rights;
  readonly leg: Leg;
  /** The first event that can have been judged by them alone. */
  readonly since: number;
  /** What was heard from here on may have been judged by them; */
  readonly from: number;
  /** from here on no more, nor any event from that number on: the next ones were acknowledged. */
  until: number;
  untilEvent: number;
}

/** From a connection to its end. */
interface Leg {
  readonly wire: Wire;
  readonly jti: string;
}

/** An operation over all its connections. */
interface Asked {
  readonly field: Field;
  readonly ask: Ask;
  /** Whatever was produced before it had begun need not come. */
  start: number;
  /** The first connection of what has come since: without a cursor it begins anew. */
  since: Leg;
  over: boolean;
}

const never = Number.POSITIVE_INFINITY;
const tokenOf = async (rights: Rights, jti: string) => (rights === null ? null : tokenFor({ ...rights, jti }));

/** Somebody who asks over real sockets, comes back elsewhere as somebody else, and remembers all that came. */
export class Line {
  readonly #had: Had[] = [];
  readonly #legs: Leg[] = [];
  readonly #asked = new Map<string, Asked>();
  readonly #failures: string[] = [];

  constructor(
    readonly given: Case,
    readonly history: History,
    readonly connect: Connect,
    readonly gateways: readonly { readonly url: string; readonly wsUrl: string }[],
  ) {}

  get #leg(): Leg {
    return this.#legs.at(-1) as Leg;
  }
  get #rights(): Rights {
    return (this.#had.at(-1) as Had).rights;
  }

  isClosed = () => this.#leg.wire.isClosed();

  async #arrive(at: number, rights: Rights, since: number) {
    const jti = randomUUID();
    const [here, there] = [this.gateways[at], this.gateways[1 - at]];
    const urls = { url: here?.url ?? '', wsUrl: here?.wsUrl ?? '', other: there?.url ?? '' };
    const leg: Leg = { jti, wire: await this.connect(urls, await tokenOf(rights, jti)) };
    this.#legs.push(leg);
    this.#had.push({ rights, leg, since, from: 0, until: never, untilEvent: never });
  }

  join = (at: number, rights: Rights) => this.#arrive(at, rights, 0);

  async ask(field: Field, ask: Ask) {
    const id = String(this.#asked.size);
    this.#asked.set(id, { field, ask, start: never, since: this.#leg, over: false });
    await this.#open(id, null);
  }

  async #open(id: string, cursor: string | null) {
    const asked = this.#asked.get(id) as Asked;
    const { field, ask } = asked;
    const { wire } = this.#leg;
    const allowed = mayAsk(field, ask, this.#rights);
    await wire.open({ id, ...queryOf(this.given, field, ask), cursor, allowed });
    const refused = wire.heard.find((one) => one.kind === 'over' && one.id === id);
    if (allowed === Boolean(refused))
      this.#failures.push(
        `${refused ? 'refused' : 'let in'}: ${JSON.stringify([this.#rights, field.access, ask, refused])}`,
      );
    if (refused) asked.over = true;
    else if (cursor === null) Object.assign(asked, { start: this.history.length, since: this.#leg });
  }

  /** Is cut off, and comes back on the other gateway or the same, with other rights, to go on with all that ran. */
  async comeBack(at: number, rights: Rights, meanwhile: () => Promise<void>, joint: () => Promise<void>) {
    const { wire } = this.#leg;
    const running = [...this.#asked].filter(([id, asked]) => !asked.over && !this.#isOver(id));
    const revoked = wire.isClosed() ? [...this.#asked].filter(([, { over }]) => !over) : running;
    await wire[Symbol.asyncDispose]();
    const cursors = revoked.map(([id]) => [id, wire.cursor(id)] as const);
    for (const [id, asked] of this.#asked) asked.over = !cursors.some(([one]) => one === id);
    const since = this.history.length;
    await meanwhile();
    const opening = async () => {
      await this.#arrive(at, rights, since);
      for (const [id, cursor] of cursors) await this.#open(id, cursor);
    };
    await Promise.all([opening(), joint()]);
  }

  /** Refused in a renewal, or ended otherwise. */
  #isOver = (id: string) => this.#leg.wire.heard.some((one) => one.kind === 'over' && one.id === id);

  async renew(rights: Rights) {
    const before = this.#had.at(-1) as Had;
    if (this.isClosed() || rights === null || before.rights === null) return;
    const { wire, jti } = this.#leg;
    const now = { ...rights, sub: before.rights.sub };
    const from = wire.heard.length;
    const had = { rights: now, leg: this.#leg, since: never, from, until: never, untilEvent: never };
    this.#had.push(had);
    const refused = await wire.renew((await tokenOf(now, jti)) as string);
    if (refused !== null) this.#failures.push(`not renewed: ${refused}`);
    if (wire.ordered) before.until = wire.heard.findLastIndex(({ kind }) => kind === 'renewed');
    before.untilEvent = this.history.length;
    this.#had[this.#had.length - 1] = { ...had, since: this.history.length };
  }

  async revoke(by: (claims: Record<string, string>) => Promise<unknown>) {
    if (this.#rights === null || this.isClosed() || this.#asked.size === 0) return;
    await by({ jti: this.#leg.jti });
    await eventually('its end', this.isClosed, { within: 1_000, every: 2 }).catch(() =>
      this.#failures.push('not ended'),
    );
  }

  #events() {
    return this.#legs.flatMap((leg) =>
      leg.wire.heard.flatMap((one, at) => (one.kind === 'event' ? { ...one, leg, at } : [])),
    );
  }
  shown = () => this.#events().length;

  #faultOf({ id, payload, leg, at }: Extract<Heard, { kind: 'event' }> & { leg: Leg; at: number }): string | [] {
    const { field, ask } = this.#asked.get(id) as Asked;
    const found = payload.data?.[ask.alias];
    const event = this.history[found?.seq];
    if (!event) return `shown what never was: ${JSON.stringify(payload)}`;
    const possible = this.#had.filter(
      (had) => had.leg === leg && had.from <= at && at <= had.until && found.seq < had.untilEvent,
    );
    const right = possible.some(
      ({ rights }) =>
        event.topic === field.topic &&
        maySee(this.given, field, ask, rights, event.note, event.record) &&
        Object.entries(contentFor(ask, rights)).every(([name, content]) => found[name] === content),
    );
    if (right) return [];
    const whom = JSON.stringify(possible.map(({ rights }) => rights));
    return `LEAK over ${this.connect.name} to ${whom} who asked ${JSON.stringify(ask)}: ${JSON.stringify(payload)}`;
  }

  /** The numbers of what an operation has been shown since it began. */
  #seqs(id: string, { ask, since }: Asked): readonly number[] {
    const legs = this.#legs.slice(this.#legs.indexOf(since));
    return this.#events().flatMap((one) =>
      one.id === id && legs.includes(one.leg) ? (one.payload.data[ask.alias].seq as number) : [],
    );
  }

  faults(): string[] {
    const repeats = [...this.#asked].flatMap(([id, asked]) => {
      const seqs = this.#seqs(id, asked);
      return seqs
        .filter((seq, n) => seqs.indexOf(seq) < n)
        .map((seq) => `${seq} twice to ${JSON.stringify(asked.ask)}`);
    });
    return [...this.#failures, ...this.#events().flatMap((one) => this.#faultOf(one)), ...repeats];
  }

  /** Events that must have come and did not. */
  missing(): readonly number[] {
    if (this.isClosed()) return [];
    return [...this.#asked].flatMap(([id, asked]) => {
      const { field, ask, start, over } = asked;
      if (field.conflated || over || this.#isOver(id)) return [];
      const seqs = this.#seqs(id, asked);
      return this.history.slice(start).flatMap(({ note, topic, record }) => {
        const begun = this.#had.findLastIndex(({ since }) => since <= note.seq);
        const judges = this.#had.slice(begun);
        const due = judges.every(({ rights }) => maySee(this.given, field, ask, rights, note, record));
        return topic === field.topic && due && !seqs.includes(note.seq) ? [note.seq] : [];
      });
    });
  }

  async [Symbol.asyncDispose]() {
    await Promise.all(this.#legs.map(({ wire }) => wire[Symbol.asyncDispose]()));
  }
}

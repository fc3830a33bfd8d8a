import type { Gap } from '../../../src/client/index.js';
import { type Row, type Stretch, stretchesOf } from './stretches.js';

export interface Note {
  readonly id: number;
  readonly userId: string;
  readonly room: string;
  /** Counts per user, whose notes all lie in one partition. */
  readonly sequence: number;
}

/** Somebody who listens, and what they may see, in words that owe nothing to the product. */
export interface Viewer {
  readonly name: string;
  sees(note: Note): boolean;
}

/** What one viewer still waits for, and how far it has come. */
interface Account {
  readonly viewer: Viewer;
  readonly pending: Map<number, Note>;
  /** Per user, the newest sequence heard. */
  readonly heard: Map<string, number>;
  /** Gap notices, with the topic's life in which they came, what was broken then, and whether there was a reason for them. */
  readonly gaps: {
    readonly at: string;
    readonly reason: Gap['reason'];
    readonly life: number;
    readonly during: string;
    readonly founded: boolean;
  }[];
  readonly faults: string[];
  hears: boolean;
}

/**
 * Compares what everybody gets with what was produced, as it comes. What was produced before `open` is not promised to
 * anybody: subscriptions may not have started.
 */
export function ledgerOf(viewers: readonly Viewer[], now: () => number = () => performance.now()) {
  const accounts = viewers.map((viewer): Account => {
    return { viewer, pending: new Map(), heard: new Map(), gaps: [], faults: [], hears: false };
  });
  const stretches = stretchesOf(viewers.length, now);
  /** `<life> <user>` → the newest sequence that anybody heard. */
  const reached = new Map<string, number>();
  const clock = () => new Date().toISOString().slice(11, 23);
  /** The first note of each life of the topic, when it began, and whether what nobody had read of it is gone. */
  const lives: { readonly from: number; readonly at: string; gone: 'recreated' | 'cut' | null }[] = [
    { from: 0, at: clock(), gone: null },
  ];
  function nextLife(): void {
    lives.push({ from: produced, at: clock(), gone: null });
  }
  let begin = Number.POSITIVE_INFINITY;
  let produced = 0;

  const account = (n: number) => accounts[n] as Account;
  const lifeOf = ({ id }: Note) => lives.findLastIndex(({ from }) => from <= id);

  /**
   * The topic was deleted and made again, or lost its end. What its relay had not read by then is gone, and only that:
   * then nobody has it, nor anything behind it in its partition, and everybody who misses it was told. Of an end that Kafka
   * lost before anybody had read it, nobody can know.
   */
  function isTold({ gaps }: Account, note: Note): boolean {
    const life = lifeOf(note);
    return (
      lives[life]?.gone != null &&
      note.sequence > (reached.get(`${life} ${note.userId}`) ?? 0) &&
      (lives[life]?.gone === 'cut' || gaps.some((gap) => gap.reason === 'TOPIC_RECREATED' && gap.life > life))
    );
  }
  const lostOf = (one: Account) => [...one.pending.values()].filter((note) => !isTold(one, note));
  const toldOf = (one: Account) => [...one.pending.values()].filter((note) => isTold(one, note));

  return {
    /** From now on everybody is promised everything. */
    open(): Stretch {
      for (const { pending } of accounts) pending.clear();
      begin = produced;
      return stretches.mark('none');
    },
    mark: stretches.mark,
    breaks: stretches.breaks,
    waiting: stretches.waiting,

    /** To be called before the note is sent. */
    add(note: Note) {
      produced = note.id + 1;
      stretches.produced(note.id);
      for (const { viewer, pending } of accounts) if (viewer.sees(note)) pending.set(note.id, note);
    },
    /** The topic is made again; what is produced from now on belongs to its next life. */
    recreated() {
      for (const life of lives) life.gone = 'recreated';
      nextLife();
    },
    /** What is produced from now on may be cut off. */
    risky: nextLife,
    /** What was produced since it became risky is no part of the topic any more. */
    cut() {
      const life = lives.at(-1);
      if (life) life.gone = 'cut';
      nextLife();
    },

    heard(n: number, note: Note) {
      const one = account(n);
      one.hears = true;
      stretches.heard(n, note.id);
      if (note.id < begin) return;
      if (!one.viewer.sees(note)) return void one.faults.push(`foreign: ${JSON.stringify(note)}`);
      if (!one.pending.delete(note.id)) {
        stretches.twice(note.id);
        return void one.faults.push(`twice: ${note.id}`);
      }
      const { userId, sequence } = note;
      const before = one.heard.get(userId) ?? 0;
      if (sequence < before) one.faults.push(`out of order: ${note.id}, ${userId}'s ${sequence} after their ${before}`);
      one.heard.set(userId, Math.max(before, sequence));
      const key = `${lifeOf(note)} ${userId}`;
      reached.set(key, Math.max(reached.get(key) ?? 0, sequence));
    },
    gap(n: number, reason: Gap['reason']) {
      // No absence here outlasts history, and no loss the bound of a refill.
      const founded = reason === 'TOPIC_RECREATED' && lives.some(({ gone }) => gone !== null);
      account(n).gaps.push({ at: clock(), reason, life: lives.length - 1, during: stretches.newest(), founded });
    },
    failed: (n: number, how: unknown) => void account(n).faults.push(`its operation ended: ${String(how)}`),

    /** How many were produced since `open`. */
    size: () => produced - begin,
    /** The id of the next note. */
    end: () => produced,
    /** How many deliveries of notes before that one are still to come. */
    owed: (end: number) => accounts.reduce((sum, one) => sum + lostOf(one).filter(({ id }) => id < end).length, 0),
    /** Whether everybody has had something, ever. */
    everybodyHears: () => accounts.every(({ hears }) => hears),

    /** A sentence for each thing that is not as promised. */
    verdict(): string[] {
      return accounts.flatMap((one) => {
        const lost = lostOf(one);
        const range = lost.length > 0 ? [`${lost.length} lost, from ${lost[0]?.id} to ${lost.at(-1)?.id}`] : [];
        const unfounded = one.gaps
          .filter(({ founded }) => !founded)
          .map(({ reason, during }) => `was told ${reason} without a reason, during: ${during}`);
        const faults = one.faults.length > 5 ? [...one.faults.slice(0, 5), `${one.faults.length} in all`] : one.faults;
        return [...range, ...faults, ...unfounded].map((what) => `${one.viewer.name}: ${what}`);
      });
    },
    /** To find out why: the lives of the topic, notes that are lost, and what those who lack them were told. */
    details() {
      const lacking = accounts.map((one) => ({ one, ids: new Set(lostOf(one).map(({ id }) => id)) }));
      const notes = new Map(accounts.flatMap((one) => lostOf(one).map((note) => [note.id, note])));
      const lost = [...notes.values()].slice(0, 40).map((note) => {
        const seers = lacking.filter(({ one }) => one.viewer.sees(note));
        const names = (lacks: boolean) =>
          seers.filter(({ ids }) => ids.has(note.id) === lacks).map(({ one }) => one.viewer.name);
        return { ...note, life: lifeOf(note), heardBy: names(false), lackedBy: names(true) };
      });
      const told = lacking
        .filter(({ one, ids }) => ids.size > 0 || one.gaps.some(({ founded }) => !founded))
        .map(({ one: { viewer, gaps } }) => ({ name: viewer.name, gaps: gaps.slice(-30) }));
      return { lives, lost, told };
    },
    rows(): Row[] {
      const idsOf = (of: (one: Account) => Note[]) => accounts.flatMap((one) => of(one).map(({ id }) => id));
      return stretches.rows(idsOf(lostOf), idsOf(toldOf));
    },
  };
}

export type Ledger = ReturnType<typeof ledgerOf>;

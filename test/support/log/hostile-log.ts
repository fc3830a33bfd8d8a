import type { Channel } from '../../../src/event/channel.js';
import type { Position } from '../../../src/event/position.js';
import type { Commit, Publication } from '../../../src/event/publication.js';
import type { SourceEvent } from '../../../src/event/source-event.js';
import {
  type ChannelLogReader,
  type LoggedGap,
  type LogTail,
  LogUnavailable,
  maxMarks,
  type TailListener,
} from '../../../src/log/channel-log.js';
import { shardOf } from '../../../src/log/entry.js';

/** One event as a relay routes it. */
export interface Written {
  readonly source: SourceEvent;
  readonly channels: readonly Channel[];
}

/** One that the log has lost, and when it had come there last. */
export interface Lost extends Written {
  readonly time: number;
}

interface Shard {
  epoch: string;
  number: number;
  time: number;
  /** The log never goes back behind what was trimmed or told missing: what it lost then, nobody could know. */
  floor: number;
  channels: Map<Channel, Publication[]>;
  gaps: LoggedGap[];
  /** Where the epoch began, and where its appends ended: an older copy of the log stands at one of them. */
  ends: { readonly number: number; readonly time: number }[];
  /** It went back: what it appends until an epoch is opened has numbers that were given out before. */
  twice: boolean;
  /** Milliseconds that its clock went back then. */
  slow: number;
}

/** A tail whose connection the test holds in its hands. */
export interface HostileTail {
  /** The next commits never arrive, and nothing tells so. */
  drop(commits: number): void;
  /** The next commit arrives twice. */
  repeat(): void;
  /** What is on the wire is lost, and nothing arrives until `restore`. */
  interrupt(): void;
  restore(): void;
  /** Commits stay on the wire until `go`. */
  stall(): void;
  go(): void;
}

/**
 * The log of a bad day. It keeps every promise of `channel-log.ts`, and does whatever that allows: loses commits on the
 * way, loses its newest part and gets it again under new numbers, trims, begins new epochs, answers late or not at all.
 * Two promises it breaks, as an operator can make Redis break them: it goes back to an older copy under the same epoch,
 * until a relay opens another, by itself or for a doubt; and it lets a replica that lags answer.
 */
export class HostileLog {
  readonly #shards: Shard[];
  readonly #listening = new Set<(commit: Commit) => void>();
  #epochs = 0;
  /** Turns of the event loop that each answer takes. */
  latency = 0;
  /** This many of the next questions fail. */
  failing = 0;
  /** The most entries that an answer has: who asks for more has to ask again. */
  page = Number.POSITIVE_INFINITY;
  readonly tails: HostileTail[] = [];
  /** Turns until a relay looks at a doubt. */
  heeding = 0;
  /** Marks that it has lost, in order, until their relay takes them to tell them again. */
  lostMarks: LoggedGap[] = [];
  /** What gateways told it that it must have lost. */
  readonly doubts: { readonly known: Position; readonly certain: boolean; readonly isTrue: boolean }[] = [];
  /** What is read, while a replica that lags answers. */
  #older: readonly Shard[] | null = null;

  constructor(
    readonly shards: number,
    private readonly now: () => number,
  ) {
    this.#shards = Array.from({ length: shards }, () => ({
      epoch: this.#newEpoch(),
      number: 0,
      time: 0,
      floor: 0,
      channels: new Map(),
      gaps: [],
      ends: [{ number: 0, time: 0 }],
      twice: false,
      slow: 0,
    }));
  }

  shardOf({ topic, partition }: { readonly topic: string; readonly partition: number }): number {
    return shardOf(topic, partition, this.shards);
  }

  /** One atomic append; all events are of one shard. */
  append(written: readonly Written[], refilled = false): void {
    const [first] = written;
    if (!first) return;
    const at = this.shardOf(first.source.record);
    const shard = this.#shards[at] as Shard;
    const from = shard.number;
    shard.time = this.#clockOf(shard);
    const publications: Publication[] = [];
    for (const { source, channels } of written) {
      shard.number++;
      for (const channel of channels) {
        const kept = shard.channels.get(channel) ?? [];
        shard.channels.set(channel, kept);
        const newest = kept.at(-1);
        const previous = newest?.position.epoch === shard.epoch ? newest.position.number : 0;
        const position = this.#head(at);
        const entry = { channel, position, previous, refilled, fingerprint: 'fp', bytes: 100, source };
        const publication: Publication = { ...entry, kept: () => publication };
        kept.push(publication);
        publications.push(publication);
      }
    }
    shard.ends.push({ number: shard.number, time: shard.time });
    this.#tell({ position: this.#head(at), from, publications, gap: null });
  }

  /** A source tells that something is missing. */
  gap(gap: Omit<LoggedGap, 'position'>): void {
    const at = this.shardOf(gap.source);
    const shard = this.#shards[at] as Shard;
    const from = shard.number++;
    shard.time = this.#clockOf(shard);
    shard.gaps.push({ ...gap, position: this.#head(at) });
    shard.gaps.splice(0, shard.gaps.length - maxMarks);
    // What a mark tells of a loss is known to the relay that told it, and is told again.
    if (gap.reason !== 'LOG_LOST') shard.floor = shard.number;
    shard.ends.push({ number: shard.number, time: shard.time });
    this.#tell({ position: this.#head(at), from, publications: [], gap });
  }

  /** The log goes back to an older state of itself, in a new epoch; returns what it lost, to be written again. */
  lose(at: number, numbers: number): Lost[] {
    const shard = this.#shards[at] as Shard;
    const lost = this.#cut(shard, Math.max(shard.floor, shard.number - numbers));
    this.renew(at);
    return lost;
  }

  /**
   * The same, but under the same epoch: the next appends get numbers that were given out before. With `clock`, its clock goes
   * on from where it was then, until whoever opens another epoch sets it right.
   */
  goBack(at: number, numbers: number, clock = false): Lost[] {
    const shard = this.#shards[at] as Shard;
    const copies = shard.ends.filter(({ number }) => number >= shard.floor);
    const copy = copies.findLast(({ number }) => number <= shard.number - numbers) ?? copies[0];
    if (!copy || copy.number === shard.number) return [];
    const lost = this.#cut(shard, copy.number);
    shard.ends = shard.ends.filter(({ number }) => number <= copy.number);
    shard.twice = true;
    if (clock) shard.slow = this.now() - copy.time;
    shard.time = copy.time;
    return lost;
  }

  /** A relay that knows what was lost opens another epoch. */
  heed(at: number): void {
    if (this.#shards[at]?.twice) this.renew(at);
  }

  /** From now on a replica answers that gets nothing any more, until `catchUp`; what is appended is heard all the same. */
  lag(): void {
    this.#older ??= this.#shards.map((shard) => ({
      ...shard,
      channels: new Map([...shard.channels].map(([channel, kept]) => [channel, [...kept]])),
      gaps: [...shard.gaps],
    }));
  }

  catchUp(): void {
    this.#older = null;
  }

  #cut(shard: Shard, end: number): Lost[] {
    while ((shard.gaps.at(-1)?.position.number ?? 0) > end) this.lostMarks.unshift(shard.gaps.pop() as LoggedGap);
    const lost = new Map<number, Lost & { channels: Channel[] }>();
    for (const [channel, kept] of shard.channels) {
      while (kept.length > 0 && (kept.at(-1) as Publication).position.number > end) {
        const { position, source } = kept.pop() as Publication;
        const known = lost.get(position.number) ?? { source, channels: [], time: position.time };
        known.channels.push(channel);
        lost.set(position.number, known);
      }
    }
    shard.number = end;
    return [...lost].sort(([a], [b]) => a - b).map(([, written]) => written);
  }

  /** Another epoch; nothing is lost, and nobody is told before the next append. */
  renew(at: number): void {
    const shard = this.#shards[at] as Shard;
    shard.epoch = this.#newEpoch();
    shard.slow = 0;
    shard.time = this.#clockOf(shard);
    shard.ends = [{ number: shard.number, time: shard.time }];
    shard.twice = false;
  }

  /** The oldest entries of a channel go, as if there were too many. Returns their events. */
  trim(at: number, channel: Channel, count: number): SourceEvent[] {
    const kept = this.#shards[at]?.channels.get(channel) ?? [];
    let most = Math.min(count, kept.length - 1);
    // What is trimmed just up to where an epoch begins leaves no trace: the one thing that cannot be told.
    while (most > 0 && kept[most]?.previous === 0) most--;
    if (most <= 0) return [];
    const gone = kept.splice(0, most);
    const shard = this.#shards[at] as Shard;
    shard.floor = Math.max(shard.floor, kept[0]?.position.number ?? 0);
    return gone.map(({ source }) => source);
  }

  /** Nobody has written to the channel for so long that nothing is left of it. */
  expire(at: number, channel: Channel): void {
    this.#shards[at]?.channels.delete(channel);
  }

  reader(): ChannelLogReader {
    return {
      shards: this.shards,
      tail: (listener) => this.#tail(listener),
      read: (channel, at, after, limit, since = Number.POSITIVE_INFINITY) =>
        this.#answer(() => {
          const { epoch } = this.#read(at);
          const all = this.#kept(at, channel);
          const isLater = ({ number, time }: Position) => number > (after as number) || time > since;
          const later = after === null ? all : all.filter(({ position: p }) => p.epoch === epoch && isLater(p));
          const most = after === null ? limit : Math.min(limit, this.page);
          return this.#history(at, channel, later.slice(0, most), later.length > most);
        }),
      newest: (channel, at, limit) =>
        this.#answer(() => {
          const all = this.#kept(at, channel);
          return this.#history(at, channel, all.slice(-limit), all.length > limit);
        }),
      heads: () =>
        this.#answer(() => {
          const now = this.#asked();
          return { heads: this.heads(), now: this.#shards.map(() => now) };
        }),
      gaps: (at) => this.#answer(() => [...this.#read(at).gaps]),
      doubt: (known, certain) => this.#doubt(known, certain),
      unready: async () => null,
      close: async () => {},
    };
  }

  /** As they are read. */
  heads(): readonly Position[] {
    return this.#shards.map((_, at) => this.#head(at, this.#read(at)));
  }

  /** Where it stands, whoever answers. */
  end(at: number): Position {
    return this.#head(at);
  }

  /** A replica may lack what came after its newest entry. */
  #asked(): number {
    if (this.#older) return Math.max(...this.#older.map(({ time }) => time));
    return this.now() - Math.max(...this.#shards.map(({ slow }) => slow));
  }

  async #doubt(known: Position, certain: boolean): Promise<void> {
    const shard = this.#shards[known.shard] as Shard;
    const isHeeded = () => shard.epoch === known.epoch && (certain || shard.number < known.number);
    this.doubts.push({ known, certain, isTrue: shard.twice || !isHeeded() });
    await turns(this.heeding);
    if (isHeeded()) this.renew(known.shard);
  }

  #clockOf({ time, slow }: Shard): number {
    return Math.max(time, this.now() - slow);
  }

  /** What is appended there has a number and a time that were given out before: only who hears it can know. */
  isHidden(at: number): boolean {
    const shard = this.#shards[at] as Shard;
    return shard.twice && shard.slow > 0;
  }

  #read(at: number): Shard {
    return (this.#older ?? this.#shards)[at] as Shard;
  }

  #kept(at: number, channel: Channel): readonly Publication[] {
    return this.#read(at).channels.get(channel) ?? [];
  }

  #history(at: number, channel: Channel, publications: readonly Publication[], more: boolean) {
    const [oldest] = this.#kept(at, channel);
    const trimmedTo = oldest?.position.epoch === this.#read(at).epoch ? (oldest?.previous ?? 0) : 0;
    return { publications: [...publications], head: this.#head(at, this.#read(at)), now: this.now(), trimmedTo, more };
  }

  async #answer<T>(answer: () => T): Promise<T> {
    await turns(this.latency);
    if (this.failing > 0) {
      this.failing--;
      throw new LogUnavailable('not now');
    }
    const answered = answer();
    await turns(this.latency);
    return answered;
  }

  #head(at: number, shard = this.#shards[at] as Shard): Position {
    const { epoch, number, time } = shard;
    return { shard: at, epoch, number, time };
  }

  #newEpoch(): string {
    return Buffer.from([0, 0, 0, 0, ++this.#epochs >> 8, this.#epochs & 255]).toString('base64url');
  }

  #tell(commit: Commit): void {
    for (const hear of this.#listening) hear(commit);
  }

  async #tail(listener: TailListener): Promise<LogTail> {
    const channels = new Set<Channel>();
    const confirmed = new Set<Channel>();
    type Message = { commit: Commit } | { confirm: () => void };
    let wire: Message[] = [];
    let heads = this.heads();
    let down = false;
    let stalled = false;
    let dropping = 0;
    let doubling = 0;
    let running = false;

    const hear = (commit: Commit) => {
      if (down) return;
      const publications = commit.publications.filter(({ channel }) => channels.has(channel));
      wire.push({ commit: { ...commit, publications } });
      run();
    };
    this.#listening.add(hear);

    function run() {
      if (running) return;
      running = true;
      setImmediate(() => {
        running = false;
        while (wire.length > 0 && !stalled && !down) arrive(wire.shift() as Message);
      });
    }

    function arrive(message: Message) {
      if ('confirm' in message) return message.confirm();
      if (dropping > 0) return void dropping--;
      const { commit } = message;
      heads = heads.with(commit.position.shard, commit.position);
      listener.commit(commit);
      if (doubling > 0) {
        doubling--;
        listener.commit(commit);
      }
    }

    this.tails.push({
      drop(commits) {
        dropping += commits;
      },
      repeat() {
        doubling++;
      },
      interrupt() {
        if (down) return;
        down = true;
        wire = wire.filter((message) => 'confirm' in message);
        listener.interrupted();
      },
      restore: () => {
        stalled = false;
        if (!down) return;
        down = false;
        dropping = 0;
        heads = this.heads();
        listener.restored(heads);
        run();
      },
      stall() {
        stalled = true;
      },
      go() {
        stalled = false;
        run();
      },
    });

    return {
      listen(wanted) {
        if (wanted.every((channel) => confirmed.has(channel))) return Promise.resolve();
        for (const channel of wanted) channels.add(channel);
        return new Promise((resolve) => {
          const confirm = () => {
            for (const channel of wanted) confirmed.add(channel);
            resolve();
          };
          wire.push({ confirm });
          run();
        });
      },
      leave: (left) => {
        for (const channel of left) {
          channels.delete(channel);
          confirmed.delete(channel);
        }
      },
      heads: () => heads,
      renew() {
        dropping = 0;
      },
      close: async () => void this.#listening.delete(hear),
    };
  }
}

/** Lets the event loop turn: what was due comes, as it would over a network. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

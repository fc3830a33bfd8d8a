import type { SourceGap } from '../../../src/event/publication.js';
import type { SourceHistory } from '../../../src/event/source-history.js';
import {
  type Append,
  type AppendAnswer,
  type AppendEntry,
  type ChannelLogWriter,
  LogUnavailable,
  type PartitionState,
  type Renewal,
} from '../../../src/log/channel-log.js';

type Kept = Pick<PartitionState, 'watermark' | 'last' | 'history' | 'routes'>;

/** What one append or renewal brought, and how the partition stood after it. */
interface Commit {
  /** By the log's clock, which never goes back. */
  readonly time: number;
  readonly gap: SourceGap | null;
  readonly entries: readonly AppendEntry[];
  readonly after: Kept;
}

/** What a listener is told of a commit. */
export type Heard = Pick<Commit, 'time' | 'gap' | 'entries'>;

const nothing: Kept = { watermark: null, last: null, history: null, routes: [] };

/**
 * The log of one partition, as its promises say and not as it is built: a list of commits. It can lose its newest ones, as a
 * replica does that takes its master's place, and refuse.
 */
export class ModelLog implements ChannelLogWriter {
  readonly #commits: Commit[] = [];
  #epoch = 1;
  /** How many there were when an answer was lost; 0 once somebody knows how far the log is. */
  #untold = 0;
  #time = 1;
  /** This many of the next writes are done, and their answers lost; or not done at all. */
  failing: 'before' | 'after' | null = null;

  /** `hear` is told what each write brought, in the order of the log. */
  constructor(private readonly hear: (commit: Heard) => void) {}

  get commits(): readonly Heard[] {
    return this.#commits;
  }

  get time(): number {
    return this.#time;
  }

  /**
   * Another epoch is open then, as the real ones open it. What another history began with stays: told again, whoever had been
   * shown what came after it would be shown that again (PROTOCOL.md says so). So does what nobody was told that it is there.
   */
  lose(count: number): void {
    // All of it only by `forget`.
    const floor = Math.max(1, this.#untold, this.#commits.findLastIndex(({ gap }) => gap !== null) + 1);
    this.#commits.splice(Math.max(floor, this.#commits.length - count));
    this.#epoch++;
  }

  /** All of it, with every mark; not what nobody was told that it is there. False where there is such a thing. */
  forget(): boolean {
    if (this.#untold > 0) return false;
    this.#commits.length = 0;
    this.#epoch++;
    return true;
  }

  get #now(): Kept {
    return this.#commits.at(-1)?.after ?? nothing;
  }

  async partition(): Promise<PartitionState> {
    const newLog = this.#commits.length === 0;
    const epoch = String(this.#epoch);
    const head = { shard: 0, epoch, number: this.#commits.length, time: this.#time };
    const told = this.#commits.findLast(({ gap }) => gap !== null);
    const source = { cluster: 'c', topic: 't', partition: 0 };
    const mark = told?.gap ? { ...told.gap, source, position: { ...head, time: told.time } } : null;
    return { ...this.#now, epoch, newLog, head, mark, feeder: { cluster: 'c', idle: 0 } };
  }

  async append(append: Append): Promise<AppendAnswer> {
    const { base, next, first, last, entries, gap, routes, history } = append;
    const { watermark, ...known } = this.#now;
    if (append.epoch !== String(this.#epoch)) return { kind: 'other-epoch', epoch: String(this.#epoch) };
    if (watermark === null ? !first : base > watermark) return { kind: 'behind', watermark: watermark ?? -1 };
    const isBehind = watermark !== null && base < watermark;
    const teaches = !isBehind || next > watermark;
    const named: SourceHistory | null = (teaches ? history : null) ?? known.history;
    const commit = {
      gap: isBehind ? null : gap,
      entries: entries.filter(({ record }) => watermark === null || record.offset >= watermark),
      after: { watermark: Math.max(next, watermark ?? 0), last: last ?? known.last, history: named, routes },
    };
    return this.#write(commit, next);
  }

  async renew({ epoch, watermark, next, history, gap }: Renewal): Promise<AppendAnswer> {
    if (epoch !== String(this.#epoch)) return { kind: 'other-epoch', epoch: String(this.#epoch) };
    if (watermark !== this.#now.watermark) return { kind: 'behind', watermark: this.#now.watermark ?? -1 };
    const after = { watermark: next, last: null, history, routes: this.#now.routes };
    return this.#write({ gap, entries: [], after }, next, () => this.#epoch++);
  }

  topic = async (_: unknown, partitions: number) => ({ partitions, isNew: true });
  close = async () => {};

  /** `next` is how far its writer knows the log to be then. */
  #write(brought: Omit<Commit, 'time'>, next: number, then = () => {}): AppendAnswer {
    const commit = { ...brought, time: ++this.#time };
    const { failing } = this;
    this.failing = null;
    if (failing === 'before') throw new LogUnavailable('nothing was written');
    then();
    this.#commits.push(commit);
    this.hear(commit);
    if (failing === 'after') this.#untold = this.#commits.length;
    else if (next >= (commit.after.watermark ?? 0)) this.#untold = 0;
    if (failing === 'after') throw new LogUnavailable('it was written, and the answer lost');
    const position = { shard: 0, epoch: String(this.#epoch), number: this.#commits.length, time: this.#time };
    return { kind: 'appended', position, appended: commit.entries.length };
  }
}

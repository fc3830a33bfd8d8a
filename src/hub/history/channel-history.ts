import type { Channel } from '../../event/channel.js';
import { isAfter, lastly, type Moment, type Position } from '../../event/position.js';
import type { Publication } from '../../event/publication.js';
import { type ChannelLogReader, LogUnavailable } from '../../log/channel-log.js';

/** A limit that no channel reaches: all that it keeps. */
const everything = 1_000_000_000;

export interface Page {
  readonly publications: readonly Publication[];
  /** Why entries between the page before and this one are lost; null when none are. */
  readonly gone: 'TRIMMED' | 'EXPIRED' | null;
}

/** The log is another one than the one that was to be read: it has begun an epoch, or lost what it had. */
export class LogMoved extends LogUnavailable {
  override name = 'LogMoved';
  constructor() {
    super('the log lost data, or began another epoch, while it was read');
  }
}

/** The log, or what stands for it. */
export interface Readable extends Pick<ChannelLogReader, 'read'> {
  /**
   * Called with an entry whose number was given out before in its epoch. Throws LogMoved where it is not to be read by
   * numbers then; where that is left out, such entries are read like all that came later.
   */
  twice?(position: Position): void;
}

/** Throws LogMoved when a log that stands at `head` cannot have all that lies before `upTo`. */
function expectWhole(head: Position, upTo: Position): void {
  if (head.epoch !== upTo.epoch || head.number < upTo.number) throw new LogMoved();
}

/**
 * Reads what a channel carried on one shard after `from` and up to `upTo`, oldest first, page by page.
 *
 * A log is asked by numbers of its current epoch. When `from` is of another, all that is kept is read and told apart by
 * `isAfter`: asked by a number of another epoch, the log would answer as if there were nothing.
 */
export class ChannelHistory {
  /** The log's clock at the last page. */
  now = 0;
  #from: Moment;
  #more = true;
  /** A page was read, and after its last entry there was another one. */
  #goesOn = false;

  constructor(
    private readonly log: Readable,
    private readonly channel: Channel,
    private readonly upTo: Position,
    from: Moment,
    private readonly pageSize: number,
  ) {
    this.#from = from;
  }

  /** Null after the last page. Throws LogUnavailable, and LogMoved, which is one. */
  async next(): Promise<Page | null> {
    if (!this.#more) return null;
    const { upTo } = this;
    const from = this.#from;
    const numbered = from.epoch === upTo.epoch;
    const read = numbered
      ? await this.log.read(this.channel, upTo.shard, from.number, this.pageSize, lastly(from))
      : await this.log.read(this.channel, upTo.shard, null, everything);
    expectWhole(read.head, upTo);
    this.now = read.now;
    const [oldest] = read.publications;
    if (numbered && oldest && oldest.position.number <= from.number) this.log.twice?.(oldest.position);

    const later = read.publications.filter(({ position }) => isAfter(position, from, upTo.epoch));
    const publications = later.filter(({ position }) => !isAfter(position, upTo, upTo.epoch));
    const last = later.at(-1);
    // The first entry of a page is the channel's oldest where nothing is left before it.
    const isOldest = !numbered || oldest?.previous === read.trimmedTo;
    const trimmed = (numbered && read.trimmedTo > from.number) || (isOldest && isCut(oldest, from, upTo.epoch));
    // A channel that has expired is gone without a trace, in the midst of a reader that is slower than its retention.
    const expired = this.#goesOn && !read.heard && oldest?.previous !== from.number;
    this.#more = numbered && read.more && publications.length === later.length && last !== undefined;
    this.#goesOn = this.#more;
    this.#from = last?.position ?? from;
    return { publications, gone: trimmed ? 'TRIMMED' : expired ? 'EXPIRED' : null };
  }
}

/** The oldest entry kept comes after `from`, and names one before it that came after `from` too. */
function isCut(oldest: Publication | undefined, from: Moment, current: string): boolean {
  if (!oldest || !isAfter(oldest.position, from, current)) return false;
  const isNumbered = oldest.position.epoch === from.epoch && oldest.position.number > from.number;
  return oldest.previous > (isNumbered ? from.number : 0);
}

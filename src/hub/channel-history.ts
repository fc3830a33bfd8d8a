import type { Channel } from '../event/channel.js';
import { isAfter, type Moment, type Position } from '../event/position.js';
import type { Publication } from '../event/publication.js';
import type { ChannelLogReader } from '../log/channel-log.js';

/** More than any channel keeps. */
const everything = 1_000_000_000;

export interface Page {
  readonly publications: readonly Publication[];
  /** True when entries between the page before and this one were trimmed: they are lost. */
  readonly trimmed: boolean;
}

/**
 * Reads what a channel carried on one shard after `from` and up to `upTo`, oldest first, page by page.
 *
 * A log is asked by numbers of its current epoch. When that is not the epoch of `from`, or changes between two pages,
 * all that is kept is read and told apart by `isAfter`: asked by a number of another epoch, the log would answer as if
 * there were nothing.
 */
export class ChannelHistory {
  /** The log's clock at the last page. */
  now = 0;
  /** The log has not, or no more, what the positions speak of: it lost data, or was begun anew. */
  crossed = false;
  #from: Moment;
  #more = true;

  constructor(
    private readonly log: ChannelLogReader,
    private readonly channel: Channel,
    private readonly upTo: Position,
    from: Moment,
    private readonly pageSize: number,
  ) {
    this.#from = from;
  }

  /** Null after the last page. Throws LogUnavailable. */
  async next(): Promise<Page | null> {
    if (!this.#more) return null;
    const from = this.#from;
    let whole = from.epoch !== this.upTo.epoch;
    let read = await this.#read(whole ? null : from.number);
    if (!whole && read.head.epoch !== from.epoch) {
      whole = true;
      read = await this.#read(null);
    }
    const { epoch, number } = read.head;
    this.now = read.now;
    if (epoch !== from.epoch || (epoch === this.upTo.epoch && number < this.upTo.number)) this.crossed = true;

    const later = whole
      ? read.publications.filter(({ position }) => isAfter(position, from, epoch))
      : read.publications;
    const publications = later.filter(({ position }) => !isAfter(position, this.upTo, epoch));
    const last = later.at(-1);
    this.#more = !whole && read.more && publications.length === later.length && last !== undefined;
    this.#from = last?.position ?? from;
    return { publications, trimmed: whole ? isCut(read.publications[0], from, epoch) : read.trimmedTo > from.number };
  }

  #read(after: number | null) {
    return this.log.read(this.channel, this.upTo.shard, after, after === null ? everything : this.pageSize);
  }
}

/** The oldest entry kept comes after `from`, and names one before it that came after `from` too. */
function isCut(oldest: Publication | undefined, from: Moment, current: string): boolean {
  if (!oldest || !isAfter(oldest.position, from, current)) return false;
  return oldest.previous > (oldest.position.epoch === from.epoch ? from.number : 0);
}

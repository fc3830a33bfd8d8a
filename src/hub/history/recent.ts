import type { Channel } from '../../event/channel.js';
import type { Position } from '../../event/position.js';
import type { Publication } from '../../event/publication.js';

/** Bytes that a publication takes beside its text: its position, its places in lists. */
const overhead = 300;
/** Places that the queue may hold of what is gone before it is copied without them. */
const slack = 1_000;

/** One channel on one shard. */
interface Kept {
  /** From `first` on, everything its channel carried in their epoch after `floor`. What was before is gone. */
  publications: (Publication | undefined)[];
  first: number;
  floor: number;
  /** True when nobody listens to the channel any more. */
  gone: boolean;
}

/**
 * What was heard lately, of all channels of this replica together at most `maxBytes`; the oldest go first. It answers
 * only where it surely has everything: each publication names the one before it, so a hole, a new epoch, or entries that
 * were trimmed before they were heard make a channel begin anew.
 */
export class Recent {
  readonly #channels = new Map<Channel, (Kept | undefined)[]>();
  /** Whose oldest publication goes next, in the order they came. */
  #queue: Kept[] = [];
  #next = 0;
  #count = 0;
  #bytes = 0;

  /** `maxBytes` 0 keeps nothing. */
  constructor(private readonly maxBytes: number) {}

  /** An estimate of what is held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** To be called for every publication of a channel, in the order of its shard. */
  keep(publication: Publication): void {
    if (this.maxBytes === 0) return;
    const { channel, position, previous } = publication;
    let shards = this.#channels.get(channel);
    if (!shards) {
      shards = [];
      this.#channels.set(channel, shards);
    }
    const before = shards[position.shard];
    const newest = before?.publications.at(-1)?.position;
    const follows = newest !== undefined && newest.epoch === position.epoch && newest.number === previous;
    let kept = before;
    if (!kept || !follows) {
      if (before) this.#abandon(before);
      // An expired channel has forgotten what was before: nothing is known behind what was heard of it.
      const floor = newest?.epoch === position.epoch ? Math.max(previous, newest.number) : previous;
      kept = { publications: [], first: 0, floor, gone: false };
      shards[position.shard] = kept;
    }
    kept.publications.push(publication.kept());
    this.#queue.push(kept);
    this.#count++;
    this.#bytes += sizeOf(publication);
    while (this.#bytes > this.maxBytes) this.#dropOldest();
    // Channels that were left keep their places in the queue: under churn alone it would grow for ever.
    if (this.#queue.length > 2 * this.#count + slack) {
      this.#queue = this.#queue.slice(this.#next).filter(({ gone }) => !gone);
      this.#next = 0;
    }
  }

  /**
   * What the channel carried on the head's shard after `after`, a number of the head's epoch, and of it the first `limit`; null
   * when not all is here. What one reader parses others find, and the collector may take it: it is not counted.
   */
  after(
    channel: Channel,
    head: Position,
    after: number,
    limit = Number.POSITIVE_INFINITY,
  ): readonly Publication[] | null {
    const kept = this.#channels.get(channel)?.[head.shard];
    if (!kept || kept.publications.at(-1)?.position.epoch !== head.epoch || after < kept.floor) return null;
    let low = kept.first;
    for (let high = kept.publications.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((kept.publications[middle] as Publication).position.number > after) high = middle;
      else low = middle + 1;
    }
    return kept.publications.slice(low, low + limit) as readonly Publication[];
  }

  /** To be called when the channel is not heard any more. */
  forget(channel: Channel): void {
    for (const kept of this.#channels.get(channel) ?? []) if (kept) this.#abandon(kept);
    this.#channels.delete(channel);
  }

  #abandon(kept: Kept): void {
    for (const publication of kept.publications) if (publication) this.#subtract(publication);
    kept.publications = [];
    kept.first = 0;
    kept.gone = true;
  }

  #dropOldest(): void {
    const kept = this.#queue[this.#next++] as Kept;
    if (kept.gone) return;
    // `shift` would move all the others: where one channel fills the memory, a quarter of a MiB each time.
    const oldest = kept.publications[kept.first] as Publication;
    kept.publications[kept.first++] = undefined;
    kept.floor = oldest.position.number;
    this.#subtract(oldest);
    if (kept.first === kept.publications.length) this.#discard(kept, oldest);
    else if (2 * kept.first > kept.publications.length + slack) {
      kept.publications = kept.publications.slice(kept.first);
      kept.first = 0;
    }
  }

  /** Forgets a channel whose last publication went: kept, every channel that was ever heard would stay in memory. */
  #discard(kept: Kept, { channel, position }: Publication): void {
    kept.gone = true;
    const shards = this.#channels.get(channel) as (Kept | undefined)[];
    shards[position.shard] = undefined;
    if (shards.every((one) => one === undefined)) this.#channels.delete(channel);
  }

  #subtract(publication: Publication): void {
    this.#count--;
    this.#bytes -= sizeOf(publication);
  }
}

const sizeOf = ({ bytes }: Publication) => overhead + 2 * bytes;

import type { Channel } from '../event/channel.js';
import type { Gap, Position } from '../event/position.js';
import { type Commit, type GapMark, isOn, type Publication, voidedBy } from '../event/publication.js';
import type { Logger } from '../observe/logger.js';
import type { LeftEpochs } from './healing/left-epochs.js';
import type { HubHistory } from './history/hub-history.js';
import type { ChannelListener, Reach, TailedChannel } from './listener.js';

/** The channels of a commit's publications, looked up once; undefined where nobody listens any more. */
export type Tailed = readonly (TailedChannel | undefined)[];

/** Hands what the log carried to those who listen, in its order. */
export class Offering {
  readonly #listeners = new Set<ChannelListener>();

  constructor(
    private readonly channels: ReadonlyMap<Channel, TailedChannel>,
    private readonly history: HubHistory,
    private readonly left: LeftEpochs,
    private readonly logger: Logger,
  ) {}

  enter(listener: ChannelListener): void {
    this.#listeners.add(listener);
  }

  leave(listener: ChannelListener): void {
    this.#listeners.delete(listener);
  }

  tailedBy({ publications }: Commit): Tailed {
    return publications.map(({ channel }) => this.channels.get(channel));
  }

  /** The gap of a commit, then its publications, each once per listener. `heads` are those before it. */
  offer(commit: Commit, heads: readonly Position[], tailed = this.tailedBy(commit)): void {
    const { position, gap } = commit;
    const head = heads[position.shard] as Position;
    if (gap) this.#tell(gap, head);
    const after = heads.with(position.shard, position);
    for (const [listener, publications] of this.#listed(commit, head, tailed)) {
      try {
        listener.heard(publications, after);
      } catch (error) {
        // An entry that cannot be read must not take the others' events with it.
        const told = error instanceof Error ? error.stack : String(error);
        this.logger.error({ error: told }, 'a publication cannot be offered');
        listener.lost({ reason: 'LOG_LOST', missed: null }, null);
      }
    }
  }

  #tell(mark: GapMark, head: Position): void {
    this.history.marked(head.shard);
    const { source, reason, missed } = mark;
    const gap: Gap = { reason, missed };
    for (const listener of this.#listeners) {
      if (listener.topic === source.topic && isOn(mark, listener.channels))
        listener.lost(gap, voidedBy(mark), this.#reachOf(mark, head, listener.retain));
    }
  }

  /** What is new of a commit, by listener. */
  #listed({ publications }: Commit, head: Position, tailed: Tailed): ReadonlyMap<ChannelListener, Publication[]> {
    const lists = new Map<ChannelListener, Publication[]>();
    for (const [i, publication] of publications.entries()) {
      const channel = tailed[i];
      if (!channel?.last) continue;
      const { number, epoch } = publication.position;
      if (epoch === head.epoch && number <= (channel.last[head.shard] as number)) continue;
      channel.last[head.shard] = number;
      this.history.keep(publication);
      for (const listener of channel.listeners) {
        const list = lists.get(listener);
        if (!list) lists.set(listener, [publication]);
        else if (list.at(-1)?.position.number !== number) list.push(publication);
      }
    }
    return lists;
  }

  #reachOf({ since, told, changedAt }: GapMark, head: Position, retain: number): Reach | undefined {
    if (since === undefined && changedAt === undefined) return undefined;
    const stayed = told ? this.left.stay(told, head) : null;
    // A loss before `told` that was lost again before all was told of it: by the head, who is live would have been there.
    const before = told && !stayed ? this.left.before(head.shard, retain) : [];
    return { since, heard: head.time, stayed, before };
  }
}

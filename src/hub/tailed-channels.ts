import type { Channel } from '../event/channel.js';
import type { LogTail } from '../log/channel-log.js';
import { together } from './history/shared-reads.js';
import type { ChannelListener, TailedChannel } from './listener.js';

export interface TailedChannelsOptions {
  readonly tail: Pick<LogTail, 'listen' | 'leave'>;
  /** Milliseconds. */
  readonly leaveDelay: number;
  readonly changed: (count: number) => void;
  /** To be called when the channel is not heard any more. */
  readonly left: (channel: Channel) => void;
}

/** Who listens to what on this replica. The tail is told of all that comes and goes in one turn at once. */
export class TailedChannels extends Map<Channel, TailedChannel> {
  #wanted: Channel[] = [];
  #given: Channel[] = [];
  readonly #once = together();

  constructor(private readonly options: TailedChannelsOptions) {
    super();
  }

  /** Resolves when the tail hears all of the listener's channels. Throws LogUnavailable; the listener is then in them all the same. */
  enter(listener: ChannelListener): Promise<void> {
    for (const name of listener.channels) {
      const channel = this.get(name) ?? { listeners: new Set(), last: null, leaving: null };
      this.set(name, channel);
      if (channel.leaving) clearTimeout(channel.leaving);
      channel.leaving = null;
      channel.listeners.add(listener);
      this.#wanted.push(name);
    }
    this.options.changed(this.size);
    return this.#once('listen', () => {
      const names = [...new Set(this.#wanted)];
      this.#wanted = [];
      return this.options.tail.listen(names);
    });
  }

  leave(listener: ChannelListener): void {
    for (const name of listener.channels) {
      const channel = this.get(name);
      if (!channel?.listeners.delete(listener) || channel.listeners.size > 0 || channel.leaving) continue;
      channel.leaving = setTimeout(() => this.#giveUp(name), this.options.leaveDelay);
      channel.leaving.unref();
    }
  }

  /** Gives up no channel any more. */
  close(): void {
    for (const { leaving } of this.values()) if (leaving) clearTimeout(leaving);
  }

  #giveUp(name: Channel): void {
    this.delete(name);
    this.options.left(name);
    this.options.changed(this.size);
    this.#given.push(name);
    void this.#once('leave', async () => {
      // Somebody may have come for a channel since: the tail hears it still, and must not drop it now.
      this.options.tail.leave(this.#given.filter((given) => !this.has(given)));
      this.#given = [];
    });
  }
}

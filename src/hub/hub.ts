import type { Progress } from '../event/place.js';
import type { Position } from '../event/position.js';
import type { ChannelLogReader } from '../log/channel-log.js';
import type { Observers } from '../observe/observers.js';
import type { Reads } from './history/shared-reads.js';
import type { ChannelListener } from './listener.js';

export interface HubOptions {
  readonly log: ChannelLogReader;
  readonly observers: Pick<Observers, 'metrics' | 'logger'>;
  /** Milliseconds that a channel is kept after its last listener left, so that a page reload costs nothing. Default 2000. */
  readonly leaveDelay?: number;
  /** Milliseconds between two comparisons with the log itself. Default 12000. */
  readonly probeEvery?: number;
  /** Milliseconds that `join` and `refresh` wait for what was missed. Default 5000. */
  readonly patience?: number;
  /** Milliseconds that `refresh` waits for what is on its way before it reads it. Default 50. */
  readonly grace?: number;
  /** Bytes of what was heard lately that are kept for those who come back; the oldest go first. Default 32 MiB, 0 keeps none. */
  readonly tailBytes?: number;
  /** From 0 to 1. Default Math.random. */
  readonly random?: () => number;
}

/**
 * Also reads history as the log's own reader does, and as far as `heads()` at least: from memory where all that is asked
 * was heard lately, else from the log, where the same questions of many are asked once.
 */
export interface Hub extends Omit<Reads, 'heads'> {
  /**
   * Resolves when the listener's channels are confirmed and nothing is missing: it hears everything after `heads()` at
   * that moment. May be called again, by each who wants to be as sure. Throws LogUnavailable; then, too, `leave` undoes it.
   */
  join(listener: ChannelListener): Promise<void>;
  leave(listener: ChannelListener): void;
  /**
   * Resolves when `heads()` has come as far as the log itself at the time of the call, and as what somebody was `shown` in
   * the same epoch. Throws LogUnavailable.
   */
  refresh(shown?: Progress): Promise<void>;
  /** An entry was read whose number was given out before in its epoch: by numbers, it is not to be read. Throws LogMoved. */
  twice(position: Position): void;
  /** Per shard: up to here everything was offered, and at its `time`, by the log's clock, nothing newer was there. */
  heads(): readonly Position[];
  close(): Promise<void>;
}

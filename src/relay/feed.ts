import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaRecord } from '../event/source-event.js';
import type { PartitionRelay } from './partition.js';
import type { PartitionFeed, Turn } from './record-batch.js';
import type { RelayCore } from './relay.js';

export type MadeRecord = Pick<KafkaRecord, 'key' | 'value'> & Partial<Pick<KafkaRecord, 'timestamp' | 'headers'>>;

export interface LocalFeed {
  /**
   * Resolves when the records are in the log, with the offset of the first. Calls may overlap: records go in the order of
   * the calls. While the log refuses, the call waits; it rejects only when the feed is closed.
   */
  push(records: readonly MadeRecord[]): Promise<number>;
  close(): void;
}

/** The partition has no history to tell: nobody makes it again while this process lives. */
const unnamed = { topicId: null, leaderEpoch: -1, partitions: 1, hasSiblings: false };

/**
 * Feeds one partition with records made in this process: `tailrace dev` brings its samples through the very relay that
 * Kafka's records take. Gives out the offsets, from 0; nothing is kept, so the log has to live as long as the feed.
 */
export function createLocalFeed(
  relay: RelayCore,
  topic: string,
  partition = 0,
  now: () => number = Date.now,
): LocalFeed {
  let end = 0;
  const feed: PartitionFeed = {
    bounds: async () => ({ begin: 0, end, committed: null, ...unnamed }),
    offsetAt: async () => 0,
    endOf: async () => null,
  };
  const closed = new AbortController();
  let target: PartitionRelay | null = null;
  let busy: Promise<unknown> = Promise.resolve();

  async function bring(made: readonly MadeRecord[]): Promise<number> {
    if (target === null) {
      const opened = relay.partition(topic, partition, feed);
      while ((await waited(opened.start())).wait > 0);
      target = opened;
    }
    const from = end;
    const to = from + made.length;
    const records = made.map(({ key, value, timestamp = now(), headers = {} }, i) => {
      return { topic, partition, offset: from + i, timestamp, key, headers, value };
    });
    end = to;
    let position = from;
    while (position < to) {
      const rest = records.filter(({ offset }) => offset >= position);
      ({ position } = await waited(target.take({ from: position, to, end: to, records: rest })));
    }
    return from;
  }

  async function waited(turn: Promise<Turn>): Promise<Turn> {
    const { wait, ...rest } = await turn;
    await sleep(wait, null, { signal: closed.signal });
    return { wait, ...rest };
  }

  return {
    push(records) {
      const result = busy.then(() => bring(records));
      busy = result.catch(() => {});
      return result;
    },
    close: () => closed.abort(),
  };
}

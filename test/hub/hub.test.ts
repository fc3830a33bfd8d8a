import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import type { Commit } from '../../src/event/publication.js';
import type { ChannelListener } from '../../src/hub/listener.js';
import { openHub, patientHub } from '../../src/hub/open-hub.js';
import { type LogTail, LogUnavailable, type TailListener } from '../../src/log/channel-log.js';
import { silent } from '../../src/observe/logger.js';
import { noGatewayMetrics } from '../../src/observe/metrics.js';
import { noObservers } from '../../src/observe/observers.js';
import { eventually } from '../support/eventually.js';
import { turns } from '../support/log/hostile-log.js';
import { Stage } from './stage.js';

/** Hears numbers; a gap is told as its reason. */
function listener(
  channels: string,
  more: Partial<ChannelListener> = {},
): ChannelListener & { readonly heardSoFar: unknown[] } {
  const heardSoFar: unknown[] = [];
  return {
    heardSoFar,
    topic: 'notes',
    channels: [...channels] as Channel[],
    retain: 600_000,
    heard: (publications) => void heardSoFar.push(...publications.map(({ source }) => source.event)),
    lost: ({ reason }) => void heardSoFar.push(reason),
    ...more,
  };
}

const source = { cluster: 'c', topic: 'notes', partition: 0 };

describe('the tail of a replica', () => {
  test('an event on two channels of one listener is heard once, in the order of the log', async () => {
    await using stage = await Stage.open();
    const both = listener('ab');
    const one = listener('b');
    await stage.hub.join(both);
    await stage.hub.join(one);
    await stage.append([1, 2], 'ab');
    await stage.append([3], 'b');
    await stage.append([4], 'a');
    expect(both.heardSoFar).toEqual([1, 2, 3, 4]);
    expect(one.heardSoFar).toEqual([1, 2, 3]);
  });

  test('a commit that never came is read from history before anything newer', async () => {
    await using stage = await Stage.open();
    const heard = listener('a');
    await stage.hub.join(heard);
    stage.tail.drop(2);
    await stage.append([1]);
    await stage.append([2]);
    await stage.append([3]);
    await stage.append([4]);
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual([1, 2, 3, 4]));
  });

  test('a commit that came without one of its publications shows by the next one’s predecessor', async () => {
    await using stage = await Stage.open();
    const reader = stage.log.reader();
    const tell: { heard: TailListener | null; cut: boolean } = { heard: null, cut: false };
    const hub = await openHub({
      log: {
        ...reader,
        tail: (inner): Promise<LogTail> =>
          reader.tail({
            ...inner,
            commit: (commit: Commit) => inner.commit(tell.cut ? { ...commit, publications: [] } : commit),
          }),
      },
      observers: noObservers,
    });
    const heard = listener('a');
    await hub.join(heard);
    await stage.append([1]);
    tell.cut = true;
    await stage.append([2]);
    tell.cut = false;
    await stage.append([3]);
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual([1, 2, 3]));
    await hub.close();
  });

  test('what is only on its way is waited for: no channel is read for it', async () => {
    await using stage = await Stage.open();
    const reader = stage.log.reader();
    let reads = 0;
    const read: typeof reader.read = (...asked) => {
      reads++;
      return reader.read(...asked);
    };
    const log = { ...reader, read };
    const hub = await openHub({ log, observers: noObservers, grace: 60_000 });
    const heard = listener('a');
    await hub.join(heard);
    const [, tail] = stage.log.tails;
    tail?.stall();
    await stage.append([1]);
    const refreshed = Promise.all([hub.refresh(), hub.refresh()]);
    await turns(3);
    expect(heard.heardSoFar).toEqual([]);
    tail?.go();
    await refreshed;
    expect(heard.heardSoFar).toEqual([1]);
    expect(reads).toBe(0);
    await hub.close();
  });

  test('a tail that has fallen silent is noticed by comparing with the log', async () => {
    await using stage = await Stage.open(1, { probeEvery: 5 });
    const heard = listener('a');
    await stage.hub.join(heard);
    stage.tail.drop(1_000);
    await stage.append([1, 2]);
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual([1, 2]));
    // Listening anew, it hears by itself.
    await stage.append([3]);
    expect(heard.heardSoFar).toEqual([1, 2, 3]);
  });

  // Every first relay opens an epoch, long before the first event of a quiet topic.
  test.each([[[]], [[1, 2]]])(
    'a log that was opened anew after %j, and not written to, is no silent tail',
    async (before) => {
      const said: string[] = [];
      const logger = { ...silent, warn: (_: object, message: string) => void said.push(message) };
      await using stage = await Stage.open(1, { probeEvery: 5, observers: { ...noObservers, logger } });
      const heard = listener('a');
      await stage.hub.join(heard);
      if (before.length > 0) await stage.append(before);
      stage.log.renew(0);
      const [opened] = (await stage.log.reader().heads()).heads;
      await eventually('the replica knows it', () => expect(stage.hub.heads()[0]?.epoch).toBe(opened?.epoch));
      await stage.append([3]);
      expect(heard.heardSoFar).toEqual([...before, 3]);
      expect(said).toEqual([]);
    },
  );

  test('a commit told twice, or late from an epoch that is over, changes nothing', async () => {
    await using stage = await Stage.open();
    const heard = listener('a');
    await stage.hub.join(heard);
    stage.tail.repeat();
    await stage.append([1]);
    stage.tail.stall();
    await stage.append([2]);
    stage.log.renew(0);
    await stage.append([3]);
    await stage.hub.refresh();
    stage.tail.go();
    await stage.append([4]);
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual([1, 2, 3, 4]));
  });

  test('while history cannot be read, live events wait their turn', async () => {
    await using stage = await Stage.open();
    const heard = listener('a');
    await stage.hub.join(heard);
    stage.tail.interrupt();
    await stage.append([1]);
    stage.log.failing = 2;
    stage.tail.restore();
    await stage.append([2]);
    expect(heard.heardSoFar).toEqual([]);
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual([1, 2]));
  });

  test('several channels are filled up to one and the same head: none runs ahead of another', async () => {
    await using stage = await Stage.open();
    const reader = stage.log.reader();
    const hub = await openHub({
      log: {
        ...reader,
        async read(channel, ...asked) {
          // What is written meanwhile, one channel has already and the other has not.
          if (channel === 'b') await turns(3);
          return reader.read(channel, ...asked);
        },
      },
      observers: noObservers,
    });
    const heard = listener('ab');
    await hub.join(heard);
    const tail = stage.log.tails[1];
    tail?.interrupt();
    await stage.append([1], 'ab');
    tail?.restore();
    await turns(1);
    for (const n of [2, 3, 4]) {
      stage.log.append([{ source: stage.event(n), channels: (n === 3 ? ['a'] : ['b']) as Channel[] }]);
    }
    await eventually('everything is heard', () => expect(heard.heardSoFar).toHaveLength(4));
    expect(heard.heardSoFar).toEqual([1, 2, 3, 4]);
    await hub.close();
  });

  test('what came while history was read is heard behind it, without waiting for more', async () => {
    await using stage = await Stage.open();
    const heard = listener('a');
    await stage.hub.join(heard);
    stage.tail.interrupt();
    await stage.append([1]);
    stage.log.latency = 3;
    stage.tail.restore();
    await turns(4);
    stage.log.append([{ source: stage.event(2), channels: heard.channels }]);
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual([1, 2]), { within: 1_000 });
  });

  test('a gap is told in its place, to those who listen to the topic, and once', async () => {
    await using stage = await Stage.open();
    const heard = listener('ab');
    const other = listener('a', { topic: 'others' });
    await stage.hub.join(heard);
    await stage.hub.join(other);
    await stage.append([1]);
    stage.tail.interrupt();
    await stage.append([2]);
    stage.log.gap({ reason: 'SOURCE_LOST', missed: 3, source });
    await stage.append([3]);
    stage.tail.restore();
    await stage.append([4]);
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual([1, 2, 'SOURCE_LOST', 3, 4]));
    expect(other.heardSoFar).toEqual([1, 2, 3, 4]);
  });

  test('what was trimmed while it was away is told', async () => {
    await using stage = await Stage.open();
    const heard = listener('a');
    await stage.hub.join(heard);
    stage.tail.interrupt();
    await stage.append([1, 2, 3]);
    stage.log.trim(0, 'a' as Channel, 2);
    stage.tail.restore();
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual(['TRIMMED', 3]));
  });

  test('what was trimmed of an epoch that is over is told too', async () => {
    await using stage = await Stage.open();
    const heard = listener('a');
    await stage.hub.join(heard);
    stage.tail.interrupt();
    await stage.append([1, 2, 3]);
    stage.log.trim(0, 'a' as Channel, 2);
    stage.log.renew(0);
    await stage.append([4]);
    stage.tail.restore();
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual(['TRIMMED', 3, 4]));
  });

  test('away for longer than the retention: told, because nothing else would tell', async () => {
    await using stage = await Stage.open();
    const heard = listener('a', { retain: 5_000 });
    await stage.hub.join(heard);
    stage.tail.interrupt();
    await stage.append([1]);
    stage.clock += 6_000;
    stage.tail.restore();
    await eventually('everything is heard', () => expect(heard.heardSoFar).toEqual(['EXPIRED', 1]));
  });

  test('a listener that cannot read an event loses that one, and the others nothing', async () => {
    await using stage = await Stage.open();
    const broken = listener('a', {
      heard() {
        throw new Error('unreadable');
      },
    });
    const heard = listener('a');
    await stage.hub.join(broken);
    await stage.hub.join(heard);
    await stage.append([1]);
    expect(heard.heardSoFar).toEqual([1]);
    expect(broken.heardSoFar).toEqual(['LOG_LOST']);
    expect(stage.lines).toHaveLength(1);
  });
});

describe('joining and leaving', () => {
  test('while the tail is interrupted nobody counts as joined', async () => {
    await using stage = await Stage.open();
    const first = listener('a');
    await stage.hub.join(first);
    stage.tail.interrupt();
    let joined = false;
    const second = listener('a');
    const joining = stage.hub.join(second).then(() => {
      joined = true;
    });
    await stage.append([1]);
    expect(joined).toBe(false);
    stage.tail.restore();
    await joining;
    expect(stage.hub.heads()[0]?.number).toBe(1);
  });

  test('joining is given up when what was missed cannot be read for too long, and those who were there stay', async () => {
    await using stage = await Stage.open(1, { patience: 10 });
    const first = listener('a');
    await stage.hub.join(first);
    stage.tail.interrupt();
    const second = listener('a');
    await expect(stage.hub.join(second)).rejects.toThrow(LogUnavailable);
    stage.hub.leave(second);
    stage.tail.restore();
    await stage.append([1]);
    await eventually('the first hears on', () => expect(first.heardSoFar).toEqual([1]));
  });

  test('a channel that one listener leaves is kept for the others, and given up after the last', async () => {
    const counts: number[] = [];
    await using stage = await Stage.open(1, {
      observers: { ...noObservers, metrics: { ...noGatewayMetrics, channels: (count) => void counts.push(count) } },
    });
    const [first, second] = [listener('a'), listener('a')];
    await stage.hub.join(first);
    await stage.hub.join(second);
    stage.hub.leave(first);
    await stage.append([1]);
    expect(second.heardSoFar).toEqual([1]);
    expect(first.heardSoFar).toEqual([]);
    stage.hub.leave(second);
    await eventually('nothing is held', () => counts.at(-1) === 0);
    await stage.append([2]);
    expect(second.heardSoFar).toEqual([1]);
  });

  test('who comes back before the channel was given up misses nothing of it', async () => {
    await using stage = await Stage.open(1, { leaveDelay: 3_600_000 });
    const first = listener('a');
    await stage.hub.join(first);
    stage.hub.leave(first);
    await stage.append([1]);
    const again = listener('a');
    await stage.hub.join(again);
    await stage.append([2]);
    expect(again.heardSoFar).toEqual([2]);
  });
});

describe('a log that is not there at start', () => {
  test('is waited for: until then joining says so, afterwards it works', async () => {
    await using stage = await Stage.open();
    const lines: string[] = [];
    stage.log.failing = 2;
    const hub = patientHub({
      log: stage.log.reader(),
      observers: { ...noObservers, logger: { ...silent, warn: (_, message) => void lines.push(message) } },
    });
    const heard = listener('a');
    await expect(hub.join(heard)).rejects.toThrow(LogUnavailable);
    await expect(hub.refresh()).rejects.toThrow(LogUnavailable);
    await eventually('the log is reached', () => hub.opened());
    await hub.join(heard);
    await stage.append([1]);
    expect(heard.heardSoFar).toEqual([1]);
    expect(lines).toHaveLength(2);
    await hub.close();
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import type { Commit } from '../../src/event/publication.js';
import {
  type Append,
  type AppendEntry,
  type ChannelLogReader,
  type ChannelLogWriter,
  maxMarks,
  type Renewal,
} from '../../src/log/channel-log.js';
import { eventually } from '../support/eventually.js';
import { metaAt } from '../support/meta.js';

export interface LogUnderTest {
  readonly writer: ChannelLogWriter;
  readonly reader: ChannelLogReader;
  close(): Promise<void>;
}

export const source = { cluster: 'c1', topic: 'cards', partition: 0 };
export const alice = 'r:alice' as Channel;
export const bob = 'r:bob' as Channel;
const retention = { retain: 600_000, max: 1000 };

export function entry(offset: number, channels: Channel[] = [alice], more: Partial<AppendEntry> = {}): AppendEntry {
  return {
    origin: 'topicA',
    record: metaAt('cards', offset, { timestamp: 1000 + offset, key: 'k' }),
    index: 0,
    payload: JSON.stringify({ n: offset }),
    channels: channels.map((channel) => ({ channel, retention })),
    refilled: false,
    ...more,
  };
}

export function batch(epoch: string, base: number, entries: AppendEntry[], more: Partial<Append> = {}): Append {
  const newest = entries.at(-1)?.record;
  return {
    source,
    epoch,
    base,
    next: newest ? newest.offset + 1 : base,
    first: base === 0,
    last: newest ? { offset: newest.offset, timestamp: newest.timestamp } : null,
    entries,
    gap: null,
    routes: ['r'],
    fingerprint: 'fp',
    ...more,
  };
}

/** The promises of `src/log/channel-log.ts`, held against any implementation. */
export function contract(open: (shards: number) => Promise<LogUnderTest>) {
  let log: LogUnderTest;
  beforeEach(async () => {
    log = await open(1);
  });
  afterEach(() => log.close());

  const offsets = async (channel: Channel, after: number | null = null) =>
    (await log.reader.read(channel, 0, after, 10_000)).publications.map(({ source: { record } }) => record.offset);

  async function listening(...channels: Channel[]) {
    const commits: Commit[] = [];
    const tail = await log.reader.tail({ commit: (c) => commits.push(c), interrupted() {}, restored() {} });
    await tail.listen(channels);
    const heard = () => commits.flatMap((c) => c.publications.map((p) => [p.channel, p.source.record.offset]));
    return { tail, commits, heard };
  }

  test('a new log says so once, and then stands where the append left it', async () => {
    const state = await log.writer.partition(source);
    expect(state).toMatchObject({ newLog: true, watermark: null, last: null, routes: [] });
    await log.writer.append(batch(state.epoch, 0, [entry(0), entry(1)]));
    expect(await log.writer.partition(source)).toEqual({
      epoch: state.epoch,
      newLog: false,
      head: { shard: expect.any(Number), epoch: state.epoch, number: 2, time: expect.any(Number) },
      watermark: 2,
      last: { offset: 1, timestamp: 1001 },
      history: null,
      mark: null,
      routes: ['r'],
      feeder: { cluster: 'c1', idle: expect.any(Number) },
    });
  });

  test('what was appended can be read, in order, with all that belongs to it', async () => {
    const { epoch } = await log.writer.partition(source);
    const headers = { a: 'x\ny', é: '\u0001' };
    const record = { ...entry(7).record, key: 'line\nbreak', headers };
    const payload = '{"text":"é \\u001e ☃ \\n",\n "n":7}';
    const answer = await log.writer.append(batch(epoch, 7, [entry(7, [alice], { record, payload })], { first: true }));
    expect(answer).toMatchObject({ kind: 'appended', appended: 1, position: { shard: 0, epoch, number: 1 } });
    const { publications, head, trimmedTo, more } = await log.reader.read(alice, 0, 0, 10);
    expect(publications[0]?.source).toEqual({
      origin: 'topicA',
      record,
      index: 0,
      event: { text: 'é \u001e ☃ \n', n: 7 },
    });
    expect(publications[0]).toMatchObject({ channel: alice, previous: 0, refilled: false, fingerprint: 'fp' });
    expect(head).toEqual(publications[0]?.position);
    expect({ trimmedTo, more }).toEqual({ trimmedTo: 0, more: false });
  });

  test('an append repeated after a lost answer changes nothing', async () => {
    const { epoch } = await log.writer.partition(source);
    const one = batch(epoch, 0, [entry(0), entry(1)]);
    await log.writer.append(one);
    expect(await log.writer.append(one)).toMatchObject({ kind: 'appended', appended: 0 });
    expect(await offsets(alice)).toEqual([0, 1]);
  });

  test('a doubled relay that is partly behind adds only what is missing', async () => {
    const { epoch } = await log.writer.partition(source);
    await log.writer.append(batch(epoch, 0, [entry(0), entry(1)]));
    expect(await log.writer.append(batch(epoch, 1, [entry(1), entry(2)]))).toMatchObject({ appended: 1 });
    await log.writer.append(batch(epoch, 0, [entry(0)]));
    expect(await offsets(alice)).toEqual([0, 1, 2]);
    expect((await log.writer.partition(source)).watermark).toBe(3);
  });

  test('an append that expects more than the log has is told where the log stands, and writes nothing', async () => {
    const { epoch } = await log.writer.partition(source);
    const ahead = batch(epoch, 5, [entry(5)]);
    expect(await log.writer.append(ahead)).toEqual({ kind: 'behind', watermark: -1 });
    await log.writer.append(batch(epoch, 0, [entry(0)]));
    expect(await log.writer.append(ahead)).toEqual({ kind: 'behind', watermark: 1 });
    expect(await offsets(alice)).toEqual([0]);
  });

  test('an append with another epoch is refused with the right one, and writes nothing', async () => {
    const { epoch } = await log.writer.partition(source);
    expect(await log.writer.append(batch('other', 0, [entry(0)]))).toEqual({ kind: 'other-epoch', epoch });
    expect(await offsets(alice)).toEqual([]);
  });

  test('holes in the offsets are no holes in the log', async () => {
    const { epoch } = await log.writer.partition(source);
    await log.writer.append(batch(epoch, 0, [entry(3), entry(9)], { next: 12 }));
    await log.writer.append(batch(epoch, 12, [], { next: 20 }));
    expect(await log.writer.append(batch(epoch, 20, [entry(25)]))).toMatchObject({ appended: 1 });
    const { publications } = await log.reader.read(alice, 0, 0, 10);
    expect(publications.map(({ previous, position }) => [previous, position.number])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
  });

  test('one event in two channels has one number, and each channel knows its own predecessor', async () => {
    const { epoch } = await log.writer.partition(source);
    await log.writer.append(batch(epoch, 0, [entry(0, [alice]), entry(1, [bob]), entry(2, [alice, bob])]));
    const [a, b] = await Promise.all([alice, bob].map((c) => log.reader.read(c, 0, 0, 10)));
    expect(a?.publications.map((p) => [p.previous, p.position.number])).toEqual([
      [0, 1],
      [1, 3],
    ]);
    expect(b?.publications.map((p) => [p.previous, p.position.number])).toEqual([
      [0, 2],
      [2, 3],
    ]);
  });

  test('a record cut into thousands of events is one append', async () => {
    const { epoch } = await log.writer.partition(source);
    const many = Array.from({ length: 3000 }, (_, index) =>
      entry(0, [alice, `r:${index}` as Channel], {
        index,
        channels: [alice, `r:${index}` as Channel].map((channel) => ({
          channel,
          retention: { ...retention, max: 5000 },
        })),
      }),
    );
    expect(await log.writer.append(batch(epoch, 0, many))).toMatchObject({ kind: 'appended', appended: 3000 });
    const { publications } = await log.reader.read(alice, 0, 0, 10_000);
    expect(publications.map((p) => p.source.index)).toEqual(many.map((_, index) => index));
  });

  test('reading starts after a number, stops at the limit and says whether there is more', async () => {
    const { epoch } = await log.writer.partition(source);
    await log.writer.append(
      batch(
        epoch,
        0,
        [0, 1, 2, 3, 4].map((n) => entry(n)),
      ),
    );
    expect(await offsets(alice, 3)).toEqual([3, 4]);
    const part = await log.reader.read(alice, 0, 1, 2);
    expect([part.publications.map((p) => p.position.number), part.more]).toEqual([[2, 3], true]);
    const rest = await log.reader.read(alice, 0, 3, 2);
    expect([rest.publications.map((p) => p.position.number), rest.more]).toEqual([[4, 5], false]);
    const newest = await log.reader.newest(alice, 0, 2);
    expect([newest.publications.map((p) => p.position.number), newest.more]).toEqual([[4, 5], true]);
    expect((await log.reader.read('r:nobody' as Channel, 0, 0, 5)).publications).toEqual([]);
  });

  test('a page of long entries may end before its limit; the next one goes on behind it', async () => {
    const { epoch } = await log.writer.partition(source);
    const payload = JSON.stringify('x'.repeat(20_000));
    await log.writer.append(
      batch(
        epoch,
        0,
        Array.from({ length: 100 }, (_, offset) => entry(offset, [alice], { payload })),
      ),
    );
    const found: number[] = [];
    let longest = 0;
    for (let more = true; more; ) {
      const page = await log.reader.read(alice, 0, found.at(-1) ?? 0, 90);
      found.push(...page.publications.map(({ position }) => position.number));
      longest = Math.max(longest, page.publications.length);
      more = page.more;
    }
    expect(found).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(longest).toBeLessThanOrEqual(90);
    // Whole, where the numbers of another epoch cannot say where to go on.
    expect((await log.reader.read(alice, 0, null, 1_000)).publications).toHaveLength(100);
  });

  test('a channel keeps at most its count, and says how far it was trimmed', async () => {
    const { epoch } = await log.writer.partition(source);
    const small = [{ channel: alice, retention: { retain: 60_000, max: 3 } }];
    for (const n of [0, 1, 2, 3, 4]) await log.writer.append(batch(epoch, n, [entry(n, [], { channels: small })]));
    const { publications, trimmedTo } = await log.reader.read(alice, 0, 0, 10);
    expect([publications.map((p) => p.position.number), trimmedTo]).toEqual([[3, 4, 5], 2]);
  });

  test('a channel that is full still lets go of what is older than its retention', async () => {
    const { epoch } = await log.writer.partition(source);
    const channels = [{ channel: alice, retention: { retain: 1_500, max: 50 } }];
    const full = Array.from({ length: 50 }, (_, offset) => entry(offset, [], { channels }));
    await log.writer.append(batch(epoch, 0, full));
    let next = 50;
    const goOn = async () => {
      await log.writer.append(batch(epoch, next, [entry(next, [], { channels })]));
      next++;
      expect((await offsets(alice)).length).toBeLessThan(40);
    };
    await eventually('the burst is let go while the channel goes on', goOn, { within: 6_000, every: 100 });
  });

  test('a channel is forgotten when its retention is over', async () => {
    const { epoch } = await log.writer.partition(source);
    const brief = [{ channel: alice, retention: { retain: 40, max: 100 } }];
    await log.writer.append(batch(epoch, 0, [entry(0, [], { channels: brief })]));
    await eventually('the log gets there', async () => expect(await offsets(alice)).toEqual([]));
    await log.writer.append(batch(epoch, 1, [entry(1)]));
    expect((await log.reader.read(alice, 0, 0, 10)).publications[0]?.previous).toBe(0);
  });

  test('a listener hears its channels only, in the order of the log, ended by one commit', async () => {
    const { epoch } = await log.writer.partition(source);
    const { commits, heard, tail } = await listening(alice, bob);
    const carol = 'r:carol' as Channel;
    await log.writer.append(
      batch(epoch, 0, [entry(0, [bob]), entry(1, [carol]), entry(2, [alice, bob]), entry(3, [alice])]),
    );
    await eventually('the log gets there', () => expect(commits).toHaveLength(1));
    expect(heard().map(([, n]) => n)).toEqual([0, 2, 2, 3]);
    expect(heard()).toEqual(
      expect.arrayContaining([
        [alice, 2],
        [bob, 2],
      ]),
    );
    expect(commits[0]).toMatchObject({ from: 0, position: { number: 4, epoch } });
    expect(tail.heads()).toEqual([commits[0]?.position]);
  });

  test('a listener hears of appends to channels of others, so that its position stays fresh', async () => {
    const { epoch } = await log.writer.partition(source);
    const { commits, heard } = await listening(alice);
    await log.writer.append(batch(epoch, 0, [entry(0, [bob])]));
    await eventually('the log gets there', () => expect(commits).toHaveLength(1));
    expect(heard()).toEqual([]);
  });

  test('once listening is confirmed nothing is missed, and what was left is silent', async () => {
    const { epoch } = await log.writer.partition(source);
    const { tail, heard, commits } = await listening();
    for (let n = 0; n < 20; n++) {
      const channel = `r:${n}` as Channel;
      await tail.listen([channel]);
      await log.writer.append(batch(epoch, n, [entry(n, [channel])]));
    }
    await eventually('the log gets there', () => expect(heard()).toHaveLength(20));
    tail.leave(['r:3' as Channel]);
    await tail.listen([alice]);
    await log.writer.append(batch(epoch, 20, [entry(20, ['r:3' as Channel])]));
    await eventually('the log gets there', () => expect(commits).toHaveLength(21));
    expect(heard()).toHaveLength(20);
  });

  test('a watermark that moves alone is no commit', async () => {
    const { epoch } = await log.writer.partition(source);
    const { commits } = await listening(alice);
    await log.writer.append(batch(epoch, 0, [], { next: 5 }));
    await log.writer.append(batch(epoch, 5, [entry(5)]));
    await eventually('the log gets there', () => expect(commits).toHaveLength(1));
    expect(commits[0]?.from).toBe(0);
  });

  test('a gap mark is told before the entries of its append, and is kept', async () => {
    const { epoch } = await log.writer.partition(source);
    const { commits } = await listening(alice);
    const gap = { reason: 'SOURCE_LOST' as const, missed: 4 };
    await log.writer.append(batch(epoch, 0, [entry(0)], { gap }));
    await eventually('the log gets there', () => expect(commits).toHaveLength(1));
    expect(commits[0]).toMatchObject({ from: 0, gap: { ...gap, source }, position: { number: 2 } });
    expect(commits[0]?.publications[0]?.position.number).toBe(2);
    expect(await log.reader.gaps(0)).toMatchObject([{ ...gap, source, position: { epoch, number: 1 } }]);
  });

  test('of its gap marks a shard keeps the newest', async () => {
    const { epoch } = await log.writer.partition(source);
    const told = (missed: number) => ({ next: missed + 1, gap: { reason: 'SOURCE_LOST' as const, missed } });
    for (let n = 0; n < maxMarks + 3; n++) await log.writer.append(batch(epoch, n, [], { first: n === 0, ...told(n) }));
    const kept = await log.reader.gaps(0);
    expect([kept.length, kept[0]?.missed, kept.at(-1)?.missed]).toEqual([maxMarks, 3, maxMarks + 2]);
  });

  test('a gap mark whose append is repeated after a lost answer is told once', async () => {
    const { epoch } = await log.writer.partition(source);
    const marked = batch(epoch, 0, [entry(0)], { gap: { reason: 'SOURCE_LOST', missed: 4 } });
    await log.writer.append(marked);
    expect(await log.writer.append(marked)).toMatchObject({ kind: 'appended', appended: 0, position: { number: 2 } });
    expect(await log.reader.gaps(0)).toHaveLength(1);
  });

  describe('routes', () => {
    const gap = { reason: 'SCHEMA_CHANGED' as const, missed: null, routes: ['r', 'q'] };
    const changed = (epoch: string, base: number, more: Partial<Append> = {}) =>
      batch(epoch, base, [], { first: false, routes: ['q'], instead: ['r'], gap, ...more });

    test('an append under other routes than the log is fed by is refused with those, and writes nothing', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0)]));
      const other = batch(epoch, 1, [entry(1)], { routes: ['q'] });
      expect(await log.writer.append(other)).toEqual({ kind: 'other-routes', routes: ['r'] });
      expect(await offsets(alice)).toEqual([0]);
      expect(await log.writer.partition(source)).toMatchObject({ watermark: 1, routes: ['r'] });
    });

    test('a change of routes is told and kept, though no event may come with it', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0)]));
      const { commits } = await listening(alice);
      expect(await log.writer.append(changed(epoch, 1))).toMatchObject({ kind: 'appended', position: { number: 2 } });
      await eventually('it is told', () => expect(commits).toMatchObject([{ from: 1, gap: { ...gap, source } }]));
      expect(await log.reader.gaps(0)).toMatchObject([{ ...gap, source, position: { epoch, number: 2 } }]);
      expect(await log.writer.partition(source)).toMatchObject({ watermark: 1, routes: ['q'] });
    });

    test('a change of routes that is repeated after a lost answer is told once', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0)]));
      await log.writer.append(changed(epoch, 1));
      expect(await log.writer.append(changed(epoch, 1))).toMatchObject({ kind: 'appended', position: { number: 2 } });
      expect(await log.reader.gaps(0)).toHaveLength(1);
    });

    test('a change of other routes than the log is fed by by now changes nothing', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0)]));
      const late = changed(epoch, 1, { instead: ['p'] });
      expect(await log.writer.append(late)).toEqual({ kind: 'other-routes', routes: ['r'] });
      expect(await log.reader.gaps(0)).toEqual([]);
    });

    test('a log that does not know by which routes it was fed learns it without a word', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0)], { routes: [] }));
      const { commits } = await listening(alice);
      const learnt = batch(epoch, 1, [], { first: false, instead: [] });
      expect(await log.writer.append(learnt)).toMatchObject({ kind: 'appended', appended: 0 });
      expect(await log.writer.partition(source)).toMatchObject({ watermark: 1, routes: ['r'] });
      expect(await log.writer.append(batch(epoch, 1, [entry(1)]))).toMatchObject({ appended: 1 });
      await eventually('the event is heard', () => expect(commits).toHaveLength(1));
      expect(await log.reader.gaps(0)).toEqual([]);
    });

    test('partitions are fed by routes of their own', async () => {
      const other = { ...source, partition: 1 };
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0)]));
      await log.writer.append(batch(epoch, 0, [], { source: other, next: 3, routes: ['q'] }));
      expect(await log.writer.partition(source)).toMatchObject({ routes: ['r'] });
      expect(await log.writer.partition(other)).toMatchObject({ routes: ['q'] });
    });
  });

  describe('another history', () => {
    const gap = { reason: 'TOPIC_RECREATED' as const, missed: null };
    const history = { topicId: 'other', epochs: [[0, 0] as const] };
    const renewal = (epoch: string, more: Partial<Renewal> = {}): Renewal => {
      return { source, epoch, watermark: 2, next: 0, history, gap, fingerprint: 'fp', ...more };
    };

    test('takes the place of the one before in a new epoch, is told, and its numbers go on, once', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0), entry(1)]));
      const { commits } = await listening(alice);
      expect(await log.writer.renew(renewal(epoch))).toMatchObject({ kind: 'appended', position: { number: 3 } });
      const renewed = await log.writer.partition(source);
      expect(renewed).toMatchObject({ watermark: 0, last: null, newLog: false, history });
      expect(renewed.epoch).not.toBe(epoch);
      // Its answer lost, it comes again.
      expect(await log.writer.renew(renewal(epoch))).toEqual({ kind: 'other-epoch', epoch: renewed.epoch });
      await eventually('it is told', () => expect(commits).toMatchObject([{ from: 2, gap: { ...gap, source } }]));
      await log.writer.append(batch(renewed.epoch, 0, [entry(0)]));
      const { publications } = await log.reader.read(alice, 0, 0, 10);
      expect(publications.map((p) => [p.position.epoch, p.previous, p.position.number])).toEqual([
        [renewed.epoch, 0, 4],
      ]);
      expect(await offsets(alice, null)).toEqual([0, 1, 0]);
      expect(await log.reader.gaps(0)).toMatchObject([{ ...gap, source, position: { number: 3 } }]);
    });

    test('that leaves a part of the one before sets the watermark to where they part', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0), entry(1)]));
      const cut = { origin: 'abcdef', offset: 1 };
      await log.writer.renew(renewal(epoch, { next: 1, gap: { ...gap, cut } }));
      const renewed = await log.writer.partition(source);
      expect(renewed.watermark).toBe(1);
      await log.writer.append(batch(renewed.epoch, 1, [entry(1), entry(2)]));
      expect(await offsets(alice, null)).toEqual([0, 1, 1, 2]);
      expect(await log.reader.gaps(0)).toMatchObject([{ ...gap, cut }]);
    });

    test('leaves its mark with the partition, and so does each gap: the newest is told with its state', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0), entry(1)]));
      expect((await log.writer.partition(source)).mark).toBeNull();
      const renewed = await log.writer.renew(renewal(epoch));
      const { mark, epoch: now } = await log.writer.partition(source);
      expect([mark, { kind: 'appended', position: mark?.position, appended: 0 }]).toEqual([
        { ...gap, source, position: mark?.position },
        renewed,
      ]);
      const before = { reason: 'TOPIC_RECREATED' as const, since: 7, changedAt: 7 };
      const lost = { reason: 'LOG_LOST' as const, missed: 3, since: 9, before };
      await log.writer.append(batch(now, 0, [], { next: 3, gap: lost }));
      const { partition } = source;
      await log.writer.append(batch(now, 0, [], { first: true, source: { ...source, partition: partition + 1 }, gap }));
      expect((await log.writer.partition(source)).mark).toMatchObject({ ...lost, position: { epoch: now, number: 4 } });
    });

    test('decided upon what is so no more is refused, and writes nothing', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0), entry(1)]));
      expect(await log.writer.renew(renewal(epoch, { watermark: 1 }))).toEqual({ kind: 'behind', watermark: 2 });
      expect(await log.writer.renew(renewal('other'))).toEqual({ kind: 'other-epoch', epoch });
      expect(await log.writer.partition(source)).toMatchObject({ epoch, watermark: 2, history: null });
      expect(await log.reader.gaps(0)).toEqual([]);
    });

    test('is named by the appends of the one it belongs to, and not by those of a relay that is behind', async () => {
      const { epoch } = await log.writer.partition(source);
      await log.writer.append(batch(epoch, 0, [entry(0), entry(1)], { history }));
      await log.writer.append(batch(epoch, 0, [entry(0)], { history: { topicId: 'old', epochs: [] } }));
      expect(await log.writer.partition(source)).toMatchObject({ history });
      await log.writer.append(batch(epoch, 2, [entry(2)]));
      expect(await log.writer.partition(source)).toMatchObject({ history });
      // Partly behind, it brings what only it can name.
      const farther = { topicId: 'other', epochs: [[0, 0] as const, [2, 3] as const] };
      await log.writer.append(batch(epoch, 2, [entry(2), entry(3)], { history: farther }));
      expect(await log.writer.partition(source)).toMatchObject({ watermark: 4, history: farther });
      const later = { topicId: 'other', epochs: [[0, 0] as const, [3, 3] as const] };
      await log.writer.append(batch(epoch, 4, [], { history: later }));
      expect(await log.writer.partition(source)).toMatchObject({ watermark: 4, history: later });
    });
  });

  test('a partition has one feeder: the cluster that asked first, until another one takes its place', async () => {
    const other = { ...source, cluster: 'c2' };
    const { epoch } = await log.writer.partition(source);
    await log.writer.append(batch(epoch, 0, [entry(0)]));
    expect(await log.writer.partition(other)).toMatchObject({ watermark: null, feeder: { cluster: 'c1' } });
    const { feeder } = await log.writer.partition(source);
    expect(feeder.cluster).toBe('c1');
    const history = { topicId: 't2', epochs: [] };
    const gap = { reason: 'TOPIC_RECREATED' as const, missed: null };
    await log.writer.renew({ source: other, epoch, watermark: null, next: 7, history, gap, fingerprint: 'fp' });
    expect(await log.writer.partition(other)).toMatchObject({ watermark: 7, history, feeder: { cluster: 'c2' } });
    expect(await log.writer.partition(source)).toMatchObject({ watermark: 1, feeder: { cluster: 'c2' } });
  });

  test('a topic has as many partitions as it had when the log heard of it first', async () => {
    expect(await log.writer.topic(source, 3)).toEqual({ partitions: 3, isNew: true });
    expect(await log.writer.topic(source, 5)).toEqual({ partitions: 3, isNew: false });
    expect(await log.writer.topic({ ...source, cluster: 'c2' }, 0)).toEqual({ partitions: 0, isNew: true });
    expect(await log.writer.topic({ ...source, cluster: 'c2' }, 4)).toEqual({ partitions: 0, isNew: false });
  });

  test('partitions of one shard have their own watermarks, and shards their own numbers', async () => {
    await log.close();
    log = await open(4);
    const answers = [];
    for (let partition = 0; partition < 8; partition++) {
      const other = { ...source, partition };
      const { epoch } = await log.writer.partition(other);
      answers.push(await log.writer.append(batch(epoch, 0, [entry(0)], { source: other })));
    }
    const shards = answers.map((a) => (a.kind === 'appended' ? a.position.shard : null));
    expect(new Set(shards).size).toBe(4);
    expect((await log.reader.heads()).heads.map(({ number }) => number)).toEqual([2, 2, 2, 2]);
  });
}

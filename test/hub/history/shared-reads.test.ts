import { describe, expect, test } from 'vitest';
import type { Channel } from '../../../src/event/channel.js';
import { type Reads, sharedReads } from '../../../src/hub/history/shared-reads.js';
import { LogUnavailable } from '../../../src/log/channel-log.js';
import { HostileLog, turns } from '../../support/log/hostile-log.js';
import { metaAt } from '../../support/meta.js';

/** A log of twenty events on each of two channels that writes down what it is asked. */
function counted(most?: number) {
  const log = new HostileLog(1, () => 1_000);
  for (let offset = 0; offset < 20; offset++) {
    const record = metaAt('notes', offset);
    log.append([{ source: { origin: 'topicA', record, index: 0, event: offset }, channels: ['a', 'b'] as Channel[] }]);
  }
  const reader = log.reader();
  const asked: string[] = [];
  let underWay = 0;
  let mostUnderWay = 0;
  const note = async <T>(what: string, answer: () => Promise<T>) => {
    asked.push(what);
    mostUnderWay = Math.max(mostUnderWay, ++underWay);
    try {
      return await answer();
    } finally {
      underWay--;
    }
  };
  const noting: Reads = {
    read: (channel, shard, after, limit) =>
      note(`${channel} after ${after}, ${limit}`, () => reader.read(channel, shard, after, limit)),
    newest: (channel, shard, limit) => note(`newest ${limit}`, () => reader.newest(channel, shard, limit)),
    gaps: (shard) => note('gaps', () => reader.gaps(shard)),
    heads: () => note('heads', () => reader.heads()),
  };
  return { log, asked, shared: sharedReads(noting, most), mostUnderWay: () => mostUnderWay };
}

const [a, b] = ['a', 'b'] as Channel[] as [Channel, Channel];
const numbers = ({ publications }: { publications: readonly { position: { number: number } }[] }) =>
  publications.map(({ position }) => position.number);

describe('what many ask in one moment', () => {
  test('is asked of the log once, and each gets what a read of their own would have given', async () => {
    const { log, asked, shared } = counted();
    const alone = log.reader();
    const questions = [
      [0, 5],
      [7, 5],
      [18, 5],
      [19, 3],
      [20, 3],
    ] as const;
    const answers = await Promise.all(questions.map(([after, limit]) => shared.read(a, 0, after, limit)));
    for (const [i, [after, limit]] of questions.entries()) {
      const own = await alone.read(a, 0, after, limit);
      const got = answers[i] as typeof own;
      // A shared answer may end earlier, and says that there is more.
      expect(numbers(own).slice(0, got.publications.length)).toEqual(numbers(got));
      expect(got.publications.length > 0 || own.publications.length === 0).toBe(true);
      if (got.publications.length < own.publications.length) expect(got.more).toBe(true);
      expect(got.head).toEqual(own.head);
    }
    expect(asked.length).toBeLessThan(questions.length);
    expect(asked[0]).toBe('a after 0, 5');
  });

  test('heads, gaps and whole channels too', async () => {
    const { asked, shared } = counted();
    const many = Array.from({ length: 1_000 }, () => [
      shared.heads(),
      shared.gaps(0),
      shared.read(a, 0, null, 10),
      shared.newest(a, 0, 3),
      shared.read(b, 0, 12, 10),
    ]);
    await Promise.all(many.flat());
    expect(asked.sort()).toEqual(['a after null, 10', 'b after 12, 10', 'gaps', 'heads', 'newest 3']);
  });

  test('is asked again by those who come later: no answer is older than its question', async () => {
    const { log, asked, shared } = counted();
    log.latency = 3;
    const first = shared.heads();
    await turns(2);
    const late = Promise.all([shared.heads(), shared.heads()]);
    log.renew(0);
    const epoch = log.heads()[0]?.epoch;
    await first;
    for (const { heads } of await late) expect(heads[0]?.epoch).toBe(epoch);
    expect(asked).toEqual(['heads', 'heads']);
  });

  test('fails for all of them, and may be asked again', async () => {
    const { log, shared } = counted();
    log.failing = 1;
    const both = await Promise.allSettled([shared.heads(), shared.heads()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((both[0] as PromiseRejectedResult).reason).toBeInstanceOf(LogUnavailable);
    expect((await shared.heads()).heads).toHaveLength(1);
  });

  test('goes out a few at a time, in the order it was asked', async () => {
    const { log, asked, shared, mostUnderWay } = counted(4);
    log.latency = 1;
    const answers = Array.from({ length: 50 }, (_, i) => shared.newest(a, 0, i + 1));
    expect((await Promise.all(answers)).map(({ publications }) => publications.length)).toEqual(
      Array.from({ length: 50 }, (_, i) => Math.min(20, i + 1)),
    );
    expect(asked).toEqual(Array.from({ length: 50 }, (_, i) => `newest ${i + 1}`));
    expect(mostUnderWay()).toBe(4);
  });
});

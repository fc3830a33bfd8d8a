import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../../src/event/channel.js';
import { byAge, type Position } from '../../../src/event/position.js';
import type { Publication } from '../../../src/event/publication.js';
import { Coordinates } from '../../../src/hub/coordinates.js';
import type { Replay } from '../../../src/hub/subscription/replay.js';
import { openRewind } from '../../../src/hub/subscription/rewind.js';
import { metaAt } from '../../support/meta.js';

const names = ['a', 'b', 'c'] as Channel[];

/** An event of a made-up log: in which shard, in which channels, how long after the one before, and whether it may be seen. */
interface Made {
  readonly shard: number;
  readonly channels: readonly Channel[];
  readonly pause: number;
  readonly seen: boolean;
}

/** A clock that ticks at one of so many events: of the same moment may be a few of them, or more than are looked at. */
const made = (tick: number) =>
  fc.record<Made>({
    shard: fc.nat(1),
    channels: fc.subarray(names, { minLength: 1 }),
    pause: fc.nat(tick).map((n) => (n === 0 ? 1 : 0)),
    // Most are hidden, so that a second look is needed.
    seen: fc.nat(5).map((n) => n === 0),
  });

/** The log, and what was read of it. */
function logOf(events: readonly Made[]) {
  let time = 1_000;
  const numbers = [0, 0];
  const next = (shard: number) => {
    numbers[shard] = (numbers[shard] as number) + 1;
    return numbers[shard] as number;
  };
  const entries = events.flatMap(({ shard, channels, pause, seen }, id) => {
    time += pause;
    const position: Position = { shard, epoch: 'e', number: next(shard), time };
    const record = metaAt('t', id, { partition: shard, timestamp: time });
    const source = { origin: 'topicA', record, index: 0, event: { id, seen } };
    return channels.map((channel) => ({ channel, position, source }) as Publication);
  });
  let read = 0;
  const newest = async (channel: Channel, shard: number, limit: number) => {
    const all = entries.filter((one) => one.channel === channel && one.position.shard === shard);
    const publications = all.slice(-limit);
    read += publications.length;
    const head = { shard, epoch: 'e', number: numbers[shard] as number, time };
    return { publications, head, now: time, trimmedTo: 0, more: all.length > limit };
  };
  return { entries, read: () => read, hub: { newest, gaps: async () => [] } as unknown as Replay['hub'] };
}

const permit = ({ event }: { event: unknown }) => (event as { seen: boolean }).seen;
const idOf = ({ source }: Publication) => source.record.offset;

/** Everything at once, as the promise has it. */
function expected({ entries }: ReturnType<typeof logOf>, upTo: readonly Position[], count: number, scan: number) {
  const looked = upTo.flatMap((head) => {
    const ends = names.flatMap((name) =>
      entries.filter((one) => one.channel === name && one.position.shard === head.shard).slice(-scan),
    );
    const once = new Map(ends.filter(({ position }) => position.number <= head.number).map((one) => [idOf(one), one]));
    return [...once.values()].sort((a, b) => byAge(a.position, b.position, 'e'));
  });
  const newest = looked.sort((a, b) => a.position.time - b.position.time).slice(-scan);
  return newest
    .filter(({ source }) => permit(source))
    .slice(-count)
    .map(idOf);
}

async function rewound(log: ReturnType<typeof logOf>, upTo: readonly Position[], count: number, scan: number) {
  const replay = { hub: log.hub, channels: names, topic: 't', retain: 1, late: null, upTo } as Replay;
  const rewind = await openRewind(replay, count, scan, permit);
  return [...rewind.events(new Coordinates())].map(({ publication }) => idOf(publication));
}

/** Where both shards were after so many events. */
const headsAfter = (events: readonly Made[], many: number): readonly Position[] =>
  [0, 1].map((shard) => {
    const number = events.slice(0, many).filter((one) => one.shard === shard).length;
    const time = events.slice(0, many).reduce((sum, { pause }) => sum + pause, 1_000);
    return { shard, epoch: 'e', number, time };
  });

describe('a rewind', () => {
  test('shows the newest that may be seen of all channels, as if it had looked at everything', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 60).chain((tick) => fc.array(made(tick), { maxLength: 200, size: 'max' })),
        fc.nat(200),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 150 }),
        async (events, many, count, scan) => {
          const log = logOf(events);
          const upTo = headsAfter(events, many);
          expect(await rewound(log, upTo, count, scan)).toEqual(expected(log, upTo, count, scan));
        },
      ),
    );
  });

  test('reads little of what it does not show', async () => {
    const events = Array.from({ length: 3_000 }, (_, at): Made => {
      return { shard: at % 2, channels: [names[at % 3] as Channel], pause: 1, seen: true };
    });
    const log = logOf(events);
    expect(await rewound(log, headsAfter(events, 3_000), 5, 1_000)).toEqual([2_995, 2_996, 2_997, 2_998, 2_999]);
    expect(log.read()).toBeLessThan(100);
  });
});

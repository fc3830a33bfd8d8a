import { describe, expect, test } from 'vitest';
import { type Facts, isAhead, lookBack, openings, place, refilled } from '../../../src/relay/placement/placement.js';

/** Of a broker that names no histories. */
const unnamed = { topicId: null, epochs: [] };

const facts: Facts = {
  watermark: 500,
  last: { offset: 499, timestamp: 4_990 },
  begin: 0,
  end: 1_000,
  committed: 500,
  reached: null,
  lost: null,
  now: 1_000_000,
  startedAt: 900_000,
  retain: 600_000,
  refillMax: 60_000,
  topicId: null,
  leaderEpoch: -1,
  partitions: 1,
  hasSiblings: false,
  isProven: false,
  isAdded: false,
};

test('a relay goes on where the log stands, and compares the newest record on the way', () => {
  expect(lookBack(facts)).toBeNull();
  expect(place(facts, null)).toEqual({
    fetch: 499,
    goOn: 500,
    gap: null,
    refill: { below: 0, older: null, arrivals: [] },
    verify: { offset: 499, timestamp: 4_990 },
  });
});

test('the first start of a group looks back as far as anything can be resumed; what is older than the start is refilled', () => {
  const first = { ...facts, watermark: null, last: null, committed: null };
  expect(lookBack(first)).toBe(400_000);
  const { fetch, goOn, gap, refill } = place(first, 300);
  expect([fetch, goOn, gap]).toEqual([300, 300, null]);
  expect(refilled(refill, { offset: 999, timestamp: 899_999 })).toBe(true);
  expect(refilled(refill, { offset: 999, timestamp: 900_000 })).toBe(false);
  // A record that came later is new, whatever its producer's clock says.
  expect(refilled(refill, { offset: 1_000, timestamp: 1 })).toBe(false);
});

test('records that Kafka no longer has are told, with their number', () => {
  const { goOn, gap, verify } = place({ ...facts, begin: 800 }, null);
  expect([goOn, gap, verify]).toEqual([800, { reason: 'SOURCE_LOST', missed: 300 }, null]);
});

/** By the log's clock, which may be another one than that of the records. */
const arrivals = [
  { offset: 600, time: 140_000, lag: 400 },
  { offset: 720, time: 150_000, lag: 3_600_000 },
  { offset: 900, time: 205_000, lag: 7 },
];

test('what a log lost is written again and marked, up to the end it had', () => {
  const lost = {
    ...facts,
    reached: { offset: 900, timestamp: 9_000, arrivals, history: unnamed, told: null, lost: null },
    committed: 850,
  };
  const { goOn, gap, refill } = place(lost, 100);
  expect([goOn, gap]).toEqual([500, null]);
  expect(refilled(refill, { offset: 899, timestamp: 5 })).toBe(12);
  // However old it says that it is.
  expect(refilled(refill, { offset: 700, timestamp: 400_000 })).toBe(150_000);
  expect(refilled(refill, { offset: 900, timestamp: 0 })).toBe(false);
});

test('a refill reaches back from the newest record lost, not from now', () => {
  expect(
    lookBack({
      ...facts,
      reached: { offset: 900, timestamp: 200_000, arrivals: [], history: unnamed, told: null, lost: null },
    }),
  ).toBe(140_000);
  expect(lookBack({ ...facts, watermark: 400 })).toBe(940_000);
});

test('beyond the bound of a refill the loss is told, with its number', () => {
  const lost = {
    ...facts,
    reached: { offset: 900, timestamp: 9_000, arrivals: [], history: unnamed, told: null, lost: null },
  };
  expect(place(lost, 700)).toMatchObject({ goOn: 700, gap: { reason: 'LOG_LOST', missed: 200 } });
  // Everything the log lost is too old, what it never had is not.
  expect(place(lost, 1_000)).toMatchObject({ goOn: 900, gap: { reason: 'LOG_LOST', missed: 400 } });
});

test('a loss beyond the bound says from when on nothing is lost: when all that is not written again had come', () => {
  const lost = {
    ...facts,
    reached: { offset: 900, timestamp: 200_000, arrivals, history: unnamed, told: null, lost: null },
  };
  expect(place(lost, 700).gap).toEqual({ reason: 'LOG_LOST', missed: 200, since: 150_000 });
  expect(place(lost, 720).gap).toEqual({ reason: 'LOG_LOST', missed: 220, since: 150_000 });
  expect(place(lost, 721).gap).toEqual({ reason: 'LOG_LOST', missed: 221, since: 205_000 });
  // Whoever was there when nothing was missing, lacks none of that.
  const told = { epoch: 'e', number: 7, time: 8 };
  const since = { reason: 'LOG_LOST', missed: 200, since: 150_000 };
  expect(place({ ...lost, reached: { ...lost.reached, told } }, 700).gap).toEqual({ ...since, told });
  // How late they came, nobody knows: it concerns everybody.
  expect(place({ ...lost, reached: null, committed: 900 }, 700).gap).toEqual({ reason: 'LOG_LOST', missed: 200 });
  // What Kafka itself no longer has was never shown to anybody.
  expect(place({ ...facts, begin: 800 }, null).gap).toEqual({ reason: 'SOURCE_LOST', missed: 300 });
});

test('a log that forgot the partition altogether tells a loss nobody can count', () => {
  const empty = { ...facts, watermark: null, last: null, committed: 900 };
  expect(lookBack(empty)).toBe(940_000);
  expect(place(empty, 700)).toMatchObject({ goOn: 700, gap: { reason: 'LOG_LOST', missed: null } });
  expect(place(empty, 0)).toMatchObject({ goOn: 0, gap: null, refill: { below: 900, older: null, arrivals: [] } });
  expect(place({ ...empty, begin: 950 }, 0)).toMatchObject({ goOn: 950, gap: { reason: 'SOURCE_LOST', missed: 50 } });
});

test('what the log has lost and Kafka has no more is told as lost by the log, to those who were not shown it', () => {
  const reached = { offset: 900, timestamp: 200_000, arrivals, history: unnamed, told: null, lost: null };
  const since = { reason: 'LOG_LOST', since: 150_000 };
  expect(place({ ...facts, reached, begin: 700 }, 0)).toMatchObject({ goOn: 700, gap: { ...since, missed: 200 } });
  const empty = { ...facts, reached, watermark: null, last: null };
  expect(place({ ...empty, begin: 700 }, 0)).toMatchObject({ goOn: 700, gap: { ...since, missed: null } });
  expect(place(empty, 0).gap).toBeNull();
  // What a relay never had, nobody was shown.
  expect(place({ ...facts, reached, begin: 950 }, 0).gap).toEqual({ reason: 'SOURCE_LOST', missed: 50 });
});

test('a log that came back empty is told again what it was told, and one that has it is not', () => {
  const lost = { reason: 'TOPIC_RECREATED', since: 130_000, changedAt: 130_000 } as const;
  const reached = { offset: 900, timestamp: 200_000, arrivals, history: unnamed, told: null, lost };
  const empty = { ...facts, reached, lost, watermark: null, last: null };
  expect(place(empty, 0).gap).toEqual({ ...lost, missed: null });
  expect(place(empty, 700).gap).toEqual({ ...lost, missed: null, since: 150_000 });
  expect(place({ ...facts, reached, lost }, 500).gap).toBeNull();
});

test('a log ahead of its topic shows that the topic is another one', () => {
  expect(isAhead({ ...facts, end: 499 })).toBe(true);
  expect(isAhead({ ...facts, end: 500 })).toBe(false);
  expect(isAhead({ ...facts, watermark: null, end: 0 })).toBe(false);
});

describe('what a log is told when a relay has found its place', () => {
  const history = { topicId: 't', epochs: [] };
  const feeder = { cluster: 'c', idle: 0 };
  const head = { shard: 0, epoch: 'e', number: 7, time: 8 };
  const state = {
    epoch: 'e',
    newLog: false,
    head,
    watermark: 500,
    last: null,
    history,
    mark: null,
    routes: ['a', 'b'],
    feeder,
  };
  const nothing = { epoch: 'e', last: null, entries: [], first: false };

  test('nothing where it goes on by the same routes', () => {
    expect(openings(state, place(facts, null), ['a', 'b'], history)).toEqual([]);
  });

  test('other routes than before: which ones came and went, though no record may come', () => {
    const gap = { reason: 'SCHEMA_CHANGED', missed: null, routes: ['a', 'c'] };
    expect(openings(state, place(facts, null), ['b', 'c'], history)).toEqual([
      { ...nothing, base: 500, next: 500, gap, instead: ['a', 'b'] },
    ]);
  });

  test('a loss that is found together with other routes has a mark of its own: they concern different people', () => {
    const gap = { reason: 'SOURCE_LOST', missed: 300 };
    expect(openings(state, place({ ...facts, begin: 800 }, null), ['a'], history)).toMatchObject([
      { base: 500, next: 500, gap: { reason: 'SCHEMA_CHANGED', routes: ['b'] }, instead: ['a', 'b'] },
      { base: 500, next: 800, gap },
    ]);
  });

  test('the routes alone where the log did not know any: a log of before this was kept', () => {
    expect(openings({ ...state, routes: [] }, place(facts, null), ['a'], history)).toEqual([
      { ...nothing, base: 500, next: 500, gap: null, instead: [] },
    ]);
  });

  test('a first watermark and no change of routes: nothing of this partition was there to be missed', () => {
    const first = { ...facts, watermark: null, last: null, committed: null };
    expect(openings({ ...state, watermark: null }, place(first, 300), ['c'], history)).toEqual([
      { ...nothing, base: 300, next: 300, first: true, gap: null, history },
    ]);
  });
});

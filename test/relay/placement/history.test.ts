import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EpochEnd, LeaderEpoch, SourceHistory } from '../../../src/event/source-history.js';
import { below, isOtherTopic, learned, partingOf } from '../../../src/relay/placement/history.js';

const history = (...epochs: LeaderEpoch[]): SourceHistory => ({ topicId: 't', epochs });

test('two topics are told apart by their ids, and not at all where one of them has none', () => {
  expect(isOtherTopic(history(), { topicId: 'u' })).toBe(true);
  expect(isOtherTopic(history(), { topicId: 't' })).toBe(false);
  expect(isOtherTopic(history(), { topicId: null })).toBe(false);
  expect(isOtherTopic({ topicId: null }, { topicId: 't' })).toBe(false);
  expect(isOtherTopic(null, { topicId: 't' })).toBe(false);
});

test('a term is learned once, as far as it lies below what is in the log, and keeps where it began', () => {
  const known = history([0, 0], [3, 10]);
  expect(learned(known, [[3, 15]], 20)).toBe(known);
  expect(
    learned(
      known,
      [
        [3, 10],
        [5, 20],
      ],
      20,
    ),
  ).toBe(known);
  expect(
    learned(
      known,
      [
        [3, 10],
        [5, 20],
      ],
      21,
    ).epochs,
  ).toEqual([
    [0, 0],
    [3, 10],
    [5, 20],
  ]);
  // Read again from before.
  expect(learned(history([0, 0], [3, 10], [5, 20]), [[3, 12]], 15).epochs).toEqual([
    [0, 0],
    [3, 10],
  ]);
  // A place was found in a term newer than that of the next record.
  expect(learned(history([7, 4]), [[2, 4]], 6).epochs).toEqual([[2, 4]]);
});

test('of a history that was cut the terms before the cut are left', () => {
  expect(below(history([0, 0], [3, 10]), 10).epochs).toEqual([[0, 0]]);
});

/** Who wrote each record of a partition: the leader's term, by offset. */
const terms = (first: number, most: number) =>
  fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: most }).map((steps) => {
    let term = first;
    return steps.map((step) => (term += step));
  });

const epochsOf = (written: readonly number[]): LeaderEpoch[] =>
  written.flatMap((term, offset) => (term === written[offset - 1] ? [] : [[term, offset] as const]));

/**
 * As a broker answers it that was elected for `term`, wrote that down at its end, and has kept what lies at `begin` and behind
 * (LeaderEpochFileCache).
 */
function broker(written: readonly number[], begin: number, term: number) {
  const kept = epochsOf(written.map((one, offset) => (offset < begin ? -1 : one))).filter(([one]) => one >= 0);
  const epochs: LeaderEpoch[] = kept.at(-1)?.[0] === term ? kept : [...kept, [term, written.length]];
  return async (asked: number): Promise<EpochEnd | null> => {
    const later = epochs.find(([term]) => term > asked);
    const found = epochs.findLast(([term]) => term <= asked);
    if (later === undefined && found?.[0] !== asked) return null;
    return { epoch: found?.[0] ?? asked, end: later?.[1] ?? written.length };
  };
}

test('two histories part where their first other record is, or where the shorter one ends', async () => {
  const both = fc.record({
    common: terms(0, 12),
    lost: terms(0, 6),
    // Who is elected counts on.
    won: terms(1, 6),
    begin: fc.nat({ max: 12 }),
    seenFrom: fc.nat({ max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(both, async ({ common, lost, won, begin, seenFrom }) => {
      const newest = common.at(-1) ?? 0;
      const ours = [...common, ...lost.map((term) => newest + term)];
      const elected = (ours.at(-1) ?? 0) + 1;
      const theirs = [...common, ...won.map((term) => elected + term - 1)];
      const from = Math.min(seenFrom, common.length);
      const kept = Math.min(begin, common.length);
      // A relay that began in the middle knows terms from there on.
      const known = epochsOf(ours.map((term, offset) => (offset < from ? -1 : term))).filter(([term]) => term >= 0);
      fc.pre(known.length > 0);
      const parting = await partingOf(
        { epochs: known, end: ours.length },
        broker(theirs, kept, Math.max(elected, theirs.at(-1) ?? 0)),
      );
      const truth = lost.length === 0 ? ours.length : Math.min(common.length, theirs.length);
      // Nothing that differs is taken for the same, and nothing that a relay can have read and Kafka still has for other.
      expect(parting).toBeLessThanOrEqual(truth);
      expect(parting).toBeGreaterThanOrEqual(Math.min(truth, known[0]?.[1] ?? 0, ...(kept > 0 ? [kept] : [])));
      if (kept === 0 && from === 0) expect(parting).toBe(truth);
    }),
    { numRuns: 2_000 },
  );
});

import { describe, expect, test } from 'vitest';
import { originOf } from '../../src/event/origin.js';
import type { LeaderEpoch } from '../../src/event/source-history.js';
import type { PartitionState } from '../../src/log/channel-log.js';
import { LogUnavailable } from '../../src/log/channel-log.js';
import type { DeadLetter, DeadLetters } from '../../src/relay/dead-letter.js';
import type { PartitionRelay } from '../../src/relay/partition.js';
import type { Turn } from '../../src/relay/record-batch.js';
import { createRelay } from '../../src/relay/relay.js';
import {
  eachOf,
  extractorOf,
  type FakePartition,
  fakePartition,
  heardLogger,
  heardMetrics,
  logClock,
  planOf,
  recordAt,
  type ScriptedLog,
  schemaOf,
  scriptedLog,
} from '../support/relay/relay-world.js';

/** Of a broker that names no histories. */
const unnamed = { topicId: null, epochs: [] };

const events = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => recordAt(from + i, { n: from + i }));
const clock = 1_000_000_000;

interface World {
  relay: PartitionRelay;
  log: ScriptedLog;
  kafka: FakePartition;
  heard: string[];
  lines: { line: string; fields: object }[];
  letters: DeadLetter[];
  /** Fetches and takes until a turn ends elsewhere than at the end of its batch; at most `most` times. */
  run(start: Turn, most?: number): Promise<Turn>;
}

function world(
  kafka: FakePartition,
  state: Partial<PartitionState> = {},
  more: {
    refillMax?: number;
    now?: () => number;
    writeLetters?: DeadLetters;
  } = {},
): World {
  const log = scriptedLog(state);
  const { heard, metrics } = heardMetrics();
  const { lines, logger } = heardLogger();
  const letters: DeadLetter[] = [];
  const { writeLetters = async (some) => void letters.push(...some), ...rest } = more;
  const source = extractorOf('s', { all: () => '*' });
  const each = extractorOf(
    'e',
    { each: () => '*' },
    (meta, value) => (hasList(value) ? eachOf('list')(meta, value) : []),
    false,
  );
  const relay = createRelay({
    schema: schemaOf(planOf('t', source, each)),
    log,
    cluster: 'c',
    metrics,
    logger,
    deadLetters: writeLetters,
    delay: (attempt) => attempt * 10,
    now: () => clock,
    ...rest,
  }).partition('t', 0, kafka);
  const run: World['run'] = async (turn, most = 20) => {
    let { position } = turn;
    let next = turn;
    for (let i = 0; i < most && position < kafka.end; i++) {
      const batch = kafka.fetch(position);
      next = await relay.take(batch);
      position = next.position;
      if (next.wait > 0) break;
    }
    return next;
  };
  return { relay, log, kafka, heard, lines, letters, run };
}

const hasList = (value: unknown) => typeof value === 'object' && value !== null && 'list' in value;
const offsetsOf = ({ appends }: ScriptedLog) =>
  appends.map(({ entries }) => entries.map(({ record }) => record.offset));
/** What the schema of this world feeds. */
const routes = ['e-each', 's-all'];
const known = (watermark: number): Partial<PartitionState> => ({
  watermark,
  last: watermark === 0 ? null : { offset: watermark - 1, timestamp: recordAt(watermark - 1, 0).timestamp },
  routes,
});
/** The same, of a broker that names histories. */
const named = (watermark: number, epochs: LeaderEpoch[] = [[0, 0]]): Partial<PartitionState> => {
  return { ...known(watermark), history: { topicId: 'T1', epochs } };
};

describe('where a partition goes on', () => {
  test('a first start leaves its mark in the log at once, so that nothing written while it is down is skipped later', async () => {
    const { relay, log } = world(fakePartition([]));
    expect(await relay.start()).toEqual({ position: 0, wait: 0, appended: 0 });
    expect(log.appends).toMatchObject([{ base: 0, next: 0, first: true, entries: [], gap: null }]);
  });

  test('an append begins at the end of the one before, whatever holes lie between', async () => {
    const records = [3, 4, 9, 10].map((offset) => recordAt(offset, {}));
    const { log, run, relay } = world(fakePartition(records, { end: 14 }), { ...known(1), last: null });
    const turn = await run(await relay.start());
    expect(turn).toEqual({ position: 14, wait: 0, appended: 14 });
    expect(log.appends).toMatchObject([{ base: 1, next: 14, first: false, last: { offset: 10 } }]);
  });

  test('the base stays where the last append ended when a batch of nothing but markers moves the position on', async () => {
    const { log, relay } = world(fakePartition(events(0, 2), { end: 10 }), known(1));
    await relay.start();
    await relay.take({ from: 0, to: 2, end: 10, records: events(0, 2) });
    await relay.take({ from: 2, to: 7, end: 10, records: [] });
    await relay.take({ from: 7, to: 8, end: 10, records: [recordAt(7, {})] });
    expect(log.appends.map(({ base, next }) => [base, next])).toEqual([
      [1, 2],
      [2, 8],
    ]);
  });

  test('a batch that begins behind a hole is taken when Kafka still has what lies before it', async () => {
    const { log, relay } = world(fakePartition(events(0, 10)), known(5));
    await relay.start();
    await relay.take({ from: 4, to: 6, end: 10, records: events(4, 6) });
    const turn = await relay.take({ from: 8, to: 10, end: 10, records: events(8, 10) });
    expect(turn.position).toBe(10);
    expect(offsetsOf(log)).toEqual([[5], [8, 9]]);
  });

  test('records that Kafka deleted before they were read are told, though no record may ever follow', async () => {
    const { relay, log, heard } = world(fakePartition([], { begin: 80, end: 80 }), known(50));
    expect(await relay.start()).toEqual({ position: 80, wait: 0, appended: 80 });
    expect(log.appends).toMatchObject([
      { base: 50, next: 80, entries: [], gap: { reason: 'SOURCE_LOST', missed: 30 } },
    ]);
    expect(heard).toContain('gap t SOURCE_LOST');
  });

  test('Kafka deleting under a running relay is told too', async () => {
    const { relay, log, kafka, run } = world(fakePartition(events(0, 10)), known(5));
    const turn = await run(await relay.start());
    kafka.begin = 40;
    kafka.end = 42;
    kafka.records = events(40, 42);
    expect(turn.position).toBe(10);
    const placed = await relay.take(kafka.fetch(40));
    expect(placed).toEqual({ position: 40, wait: 0, appended: 40 });
    await run(placed);
    expect(log.appends.slice(1)).toMatchObject([
      { base: 10, next: 40, gap: { reason: 'SOURCE_LOST', missed: 30 } },
      { base: 40, next: 42, gap: null },
    ]);
  });
});

describe('what the log answers', () => {
  test('behind: goes back to what the log has and fills it again, marked as refilled', async () => {
    const { relay, log, run, heard } = world(fakePartition(events(0, 10)), known(4), { refillMax: 1e12 });
    const first = await run(await relay.start());
    log.state = { ...log.state, ...known(2) };
    log.script = [{ kind: 'behind', watermark: 2 }];
    const refused = await relay.take({ from: 10, to: 11, end: 11, records: events(10, 11) });
    expect([first.position, refused.position, refused.wait]).toEqual([10, 1, 0]);
    log.calls.length = 0;
    await relay.take({ from: 1, to: 11, end: 11, records: events(1, 11) });
    expect(log.appends).toHaveLength(1);
    expect(log.appends[0]?.entries.map(({ record, refilled }) => `${record.offset}${refilled ? 'r' : ''}`)).toEqual([
      '2r',
      '3r',
      '4r',
      '5r',
      '6r',
      '7r',
      '8r',
      '9r',
      '10',
    ]);
    expect(heard).toContain('refused t behind');
    expect(heard).toContain('refilled t 8');
  });

  test('behind by more than the bound: live goes on from the bound, the rest is told with its number', async () => {
    const { relay, log, run, kafka } = world(fakePartition(events(0, 10)), known(4), { refillMax: 3_000 });
    await run(await relay.start());
    log.state = { ...log.state, ...known(2) };
    log.script = [{ kind: 'behind', watermark: 2 }];
    kafka.records = events(0, 11);
    kafka.end = 11;
    const turn = await run({ position: 10, wait: 0, appended: null });
    expect(turn.position).toBe(11);
    expect(log.appends.slice(-2)).toMatchObject([
      { base: 2, next: 6, entries: [], gap: { reason: 'LOG_LOST', missed: 4 } },
      { base: 6, next: 11, gap: null },
    ]);
  });

  test('a log that has nothing any more: as much as the bound allows is written again, the rest is told', async () => {
    const { relay, log, run, kafka } = world(fakePartition(events(0, 10)), known(4), { refillMax: 2_000 });
    await run(await relay.start());
    log.state = { ...log.state, watermark: null, last: null };
    log.script = [{ kind: 'behind', watermark: -1 }];
    kafka.records = events(0, 11);
    kafka.end = 11;
    await run({ position: 10, wait: 0, appended: null });
    expect(log.appends.slice(-2)).toMatchObject([
      { base: 7, next: 7, first: true, gap: { reason: 'LOG_LOST', missed: null } },
      { base: 7, next: 11, first: false },
    ]);
  });

  test('a loss that a new relay finds reaches back from the newest record that the one before it said it had appended', async () => {
    const before = world(fakePartition(events(0, 10)), known(4), { refillMax: 3_000 });
    await before.run(await before.relay.start());
    const newest = before.relay.newest();
    expect(newest).toMatchObject({ offset: 10, timestamp: events(9, 10)[0]?.timestamp });
    // Kafka was away for longer than the bound: counted back from now, nothing would be written again.
    const later = fakePartition(events(0, 10), { committed: 10, newest });
    const { relay, log, run } = world(later, { watermark: 4, last: null, routes }, { refillMax: 3_000 });
    await run(await relay.start());
    expect(log.appends).toMatchObject([
      { base: 4, next: 6, entries: [], gap: { reason: 'LOG_LOST', missed: 2 } },
      { base: 6, next: 10, gap: null },
    ]);
  });

  test('a record that is an hour old makes no later loss one of somebody who was there', async () => {
    const old = { ...recordAt(0, { n: 0 }), timestamp: recordAt(0, 0).timestamp - 3_600_000 };
    const kafka = fakePartition([old]);
    const { relay, log, run } = world(kafka, { watermark: 0, last: null, routes }, { refillMax: 3_000 });
    const turn = await run(await relay.start());
    kafka.records = [old, ...events(1, 11)];
    kafka.end = 11;
    await run(turn);
    log.state = { ...log.state, watermark: null, last: null };
    await relay.look();
    const [gap] = log.appends.flatMap((append) => append.gap ?? []);
    expect(gap).toMatchObject({ reason: 'LOG_LOST' });
    expect(gap?.since).toBeLessThanOrEqual(logClock(log.calls.length));
  });

  test('a loss says where all was told that the log had lost before: where the relay found its place in that epoch', async () => {
    const kafka = fakePartition(events(0, 10));
    const { relay, log, run } = world(kafka, { watermark: 0, last: null, routes }, { refillMax: 3_000 });
    await run(await relay.start());
    const first = relay.newest()?.told;
    expect(first).toEqual({ epoch: 'e1', number: 1, time: logClock(1) });
    log.state = { ...log.state, epoch: 'e2', watermark: null, last: null };
    const { position } = await relay.look();
    expect(log.appends.at(-1)?.gap).toMatchObject({ reason: 'LOG_LOST', told: first });
    // The mark of it, though not all is written again.
    const place = log.calls.length;
    await relay.take(kafka.fetch(position, 1));
    const told = { epoch: 'e2', number: place, time: logClock(place) };
    expect(relay.newest()).toMatchObject({ offset: 7, told });
    log.state = { ...log.state, epoch: 'e3', watermark: null, last: null };
    await relay.look();
    expect(log.appends.at(-1)?.gap).toMatchObject({ reason: 'LOG_LOST', told });
  });

  test('what is for nobody is not heard: a loss does not go by when it came', async () => {
    const kafka = fakePartition([...events(0, 1), recordAt(1, null), ...events(2, 9)]);
    const { relay, log } = world(kafka, { watermark: 0, last: null, routes }, { refillMax: 1 });
    let { position } = await relay.start();
    for (let n = 0; n < 2; n++) ({ position } = await relay.take(kafka.fetch(position, 1)));
    expect(log.appends.at(-1)).toMatchObject({ next: 2, entries: [] });
    expect(relay.newest()?.arrivals.at(-1)).toMatchObject({ offset: 2, time: logClock(log.calls.length - 1) });
  });

  test('a relay that takes a partition over knows when what the one before it wrote came, and says so in its turn', async () => {
    const arrivals = [{ offset: 10, time: 1, lag: 1e9 }];
    const late = {
      offset: 10,
      timestamp: events(9, 10)[0]?.timestamp as number,
      arrivals,
      history: unnamed,
      told: null,
      lost: null,
    };
    const kafka = fakePartition(events(0, 11), { committed: 10, newest: late });
    const { relay, run } = world(kafka, { watermark: 10, last: null, routes }, { refillMax: 3_000 });
    await run(await relay.start());
    expect(relay.newest()).toMatchObject({ offset: 11, arrivals: [...arrivals, { offset: 11 }], history: unnamed });
  });

  test('other epoch: asks where the log stands, and goes on in the new epoch', async () => {
    const { relay, log, run, heard } = world(fakePartition(events(0, 10)), known(4));
    await relay.start();
    log.script = [{ kind: 'other-epoch', epoch: 'e2' }];
    log.state = { ...log.state, epoch: 'e2' };
    const turn = await run({ position: 3, wait: 0, appended: null });
    expect(turn).toMatchObject({ position: 10, wait: 0 });
    expect(log.appends.map(({ epoch, base }) => [epoch, base])).toEqual([
      ['e1', 4],
      ['e2', 4],
    ]);
    expect(heard.filter((what) => what.startsWith('refused'))).toEqual(['refused t other-epoch']);
  });

  test('a log that refuses again and again is asked more and more rarely, never in a busy loop', async () => {
    const { relay, log, run } = world(fakePartition(events(0, 10)), known(4));
    let turn = await relay.start();
    log.script = Array.from({ length: 9 }, () => ({ kind: 'behind', watermark: 4 }) as const);
    const waits: number[] = [];
    while (turn.position < 10) {
      turn = await run(turn, 1);
      waits.push(turn.wait);
    }
    expect(waits.filter((wait) => wait > 0).length).toBeGreaterThanOrEqual(8);
    expect(waits.filter((wait) => wait === 0).length).toBeLessThan(12);
    expect(log.appends.at(-1)).toMatchObject({ base: 4, next: 10 });
  });

  test('a batch that was fetched before the log was found to be behind is given back, not put after the hole', async () => {
    const { relay, log, run } = world(fakePartition(events(0, 12)), known(4), { refillMax: 1e12 });
    await relay.start();
    await relay.take({ from: 3, to: 10, end: 12, records: events(3, 10) });
    log.state = { ...log.state, ...known(6) };
    log.script = [new LogUnavailable('the log does not answer'), { kind: 'behind', watermark: 6 }];
    const batch = { from: 10, to: 12, end: 12, records: events(10, 12) };
    await relay.take(batch);
    await relay.take(batch);
    const turn = await relay.take(batch);
    expect(turn).toMatchObject({ position: 5, wait: 0, appended: 6 });
    log.calls.length = 0;
    await run(turn);
    expect(offsetsOf(log)).toEqual([[6, 7, 8, 9, 10, 11]]);
  });

  test('a batch that was fetched before a look found the log behind is given back too', async () => {
    const { relay, log, run } = world(fakePartition(events(0, 12)), known(4), { refillMax: 1e12 });
    await relay.start();
    await relay.take({ from: 3, to: 10, end: 12, records: events(3, 10) });
    log.state = { ...log.state, ...known(6) };
    log.calls.length = 0;
    const [looked, taken] = await Promise.all([
      relay.look(),
      relay.take({ from: 10, to: 12, end: 12, records: events(10, 12) }),
    ]);
    expect([looked.position, taken.position]).toEqual([5, 5]);
    expect(offsetsOf(log)).toEqual([]);
    await run(taken);
    expect(offsetsOf(log)).toEqual([[6, 7, 8, 9, 10, 11]]);
  });

  test('a batch of a leader that was there before the place was found is given back, though it begins there', async () => {
    const kafka = fakePartition(events(0, 30), { topicId: 'T1', epochs: [[0, 0]] });
    const { relay, log, run } = world(kafka, named(20));
    await relay.start();
    const stale = kafka.fetch(20);
    const refused = { kind: 'other-epoch', epoch: 'e2' } as const;
    for (const wait of [false, true]) {
      log.script = [refused];
      expect((await relay.take(stale)).wait > 0).toBe(wait);
    }
    // Nothing of what it brings is there any more.
    const now = [...events(0, 20), ...events(20, 40).map((event) => ({ ...event, timestamp: event.timestamp + 1 }))];
    const begins: [number, number][] = [
      [0, 0],
      [1, 20],
    ];
    Object.assign(kafka, fakePartition(now, { topicId: 'T1', epochs: begins }));
    log.calls.length = 0;
    const turn = await relay.take(stale);
    expect([turn.position, offsetsOf(log)]).toEqual([20, []]);
    await run(turn);
    expect(log.appends.flatMap(({ entries }) => entries.map(({ record }) => record.timestamp))).toEqual(
      now.slice(20).map(({ timestamp }) => timestamp),
    );
  });

  test('unavailable: the partition waits longer each time, loses nothing, and the same append comes again', async () => {
    const { relay, log, heard, lines } = world(fakePartition(events(0, 10)), known(4));
    await relay.start();
    const down = new LogUnavailable('the log does not answer');
    log.script = [down, down, new LogUnavailable('no memory', true)];
    const batch = { from: 3, to: 10, end: 10, records: events(3, 10) };
    const turns = [];
    for (let i = 0; i < 4; i++) turns.push(await relay.take(batch));
    expect(turns.map(({ position, wait }) => [position, wait])).toEqual([
      [3, 10],
      [3, 20],
      [3, 30],
      [10, 0],
    ]);
    expect(log.appends).toHaveLength(4);
    expect(new Set(log.appends.map((append) => JSON.stringify(append))).size).toBe(1);
    expect(heard.filter((what) => what.startsWith('refused'))).toEqual([
      'refused t unavailable',
      'refused t unavailable',
      'refused t full',
    ]);
    expect(lines.map(({ line }) => line)).toEqual(['warn The partition waits', 'info The log takes records again']);
  });

  test('a log that is not there at the start is asked again, and a start then goes on as if nothing had been', async () => {
    const { relay, log } = world(fakePartition([]));
    log.script = [new LogUnavailable('the log does not answer')];
    expect(await relay.start()).toEqual({ position: 0, wait: 10, appended: null });
    expect(await relay.start()).toEqual({ position: 0, wait: 0, appended: 0 });
  });
});

describe('a schema whose routes have changed', () => {
  test('is told before the first record that goes by the new ones, once', async () => {
    const { relay, log, run, heard } = world(fakePartition(events(0, 10)), { ...known(4), routes: ['gone', 's-all'] });
    await run(await relay.start());
    expect(log.appends).toMatchObject([
      { base: 4, next: 4, entries: [], gap: { reason: 'SCHEMA_CHANGED', routes: ['e-each', 'gone'] }, routes },
      { base: 4, next: 10, gap: null, routes },
    ]);
    expect(heard).toContain('gap t SCHEMA_CHANGED');
    expect(await relay.start()).toMatchObject({ wait: 0 });
    expect(log.appends.slice(2)).toEqual([]);
  });

  test('changed behind the back of a relay that was paused: it finds its place anew and tells that it changes back', async () => {
    const { relay, log, run, heard } = world(fakePartition(events(0, 10)), known(4));
    await relay.start();
    log.script = [{ kind: 'other-routes', routes: ['new'] }];
    log.state = { ...log.state, routes: ['new'] };
    const turn = await run({ position: 3, wait: 0, appended: null });
    expect(turn).toMatchObject({ position: 10, wait: 0 });
    expect(log.appends.slice(1)).toMatchObject([
      { base: 4, next: 4, gap: { reason: 'SCHEMA_CHANGED', routes: ['e-each', 'new', 's-all'] }, instead: ['new'] },
      { base: 4, next: 10, gap: null },
    ]);
    expect(heard.filter((what) => what.startsWith('refused'))).toEqual(['refused t other-routes']);
  });
});

describe('what a partition was told', () => {
  const recreated = { reason: 'TOPIC_RECREATED', missed: null };
  const remade = () => fakePartition(events(0, 20), { topicId: 'T2', epochs: [[0, 0]] });

  /** Its records are young enough for a first start. */
  const atFirst = { now: () => recordAt(0, 0).timestamp };

  /** A relay finds that the topic was made again, and tells so; what it commits then. */
  async function committed() {
    const { relay, log, run } = world(remade(), named(10));
    await relay.start();
    await run(await relay.start());
    return { newest: relay.newest(), since: logClock(log.calls.findIndex((call) => 'renewal' in call) + 1) };
  }

  test('is committed, and told again to a log that came back empty, by whichever relay, before all that is written again', async () => {
    const { newest, since } = await committed();
    expect(newest?.lost).toMatchObject({ reason: 'TOPIC_RECREATED', since });
    const { relay, log, run } = world(Object.assign(remade(), { committed: 20, newest }), {}, { refillMax: 1e12 });
    await run(await relay.start());
    expect(log.appends).toMatchObject([
      { first: true, base: 0, next: 0, gap: { ...recreated, since, changedAt: since, told: newest?.told } },
      { base: 0, next: 20, gap: null },
    ]);
  });

  test('is told again by the relay that told it, though nothing has come since', async () => {
    const { relay, log } = world(fakePartition([], { topicId: 'T2', epochs: [[0, 0]] }), named(10));
    await relay.start();
    await relay.start();
    log.state = { ...log.state, watermark: null, history: null, mark: null, epoch: 'e2' };
    await relay.look();
    expect(log.renewals).toMatchObject([{ gap: recreated }]);
    const since = logClock(log.calls.findIndex((call) => 'renewal' in call) + 1);
    expect(log.appends.map(({ gap }) => gap)).toMatchObject([{ ...log.renewals[0]?.gap, since, changedAt: since }]);
  });

  test('is nothing where nothing was: a log that came back empty is filled without a word', async () => {
    const first = world(fakePartition(events(0, 10)), {}, atFirst);
    await first.run(await first.relay.start());
    expect(first.relay.newest()).toMatchObject({ offset: 10, lost: null });
    const kafka = fakePartition(events(0, 10), { committed: 10, newest: first.relay.newest() });
    const { relay, log, run } = world(kafka, {}, { refillMax: 1e12 });
    await run(await relay.start());
    expect(log.appends.map(({ gap, next }) => [gap, next])).toEqual([
      [null, 0],
      [null, 10],
    ]);
  });

  test('is known by the log to a relay that heard of nothing, whoever told it', async () => {
    const first = world(remade(), named(10));
    await first.relay.start();
    await first.relay.start();
    const { relay, run } = world(remade(), first.log.state);
    await run(await relay.start());
    const since = logClock(first.log.calls.findIndex((call) => 'renewal' in call) + 1);
    expect(relay.newest()?.lost).toMatchObject({ reason: 'TOPIC_RECREATED', since });
  });

  test('goes with each further mark: of them the log gives the newest', async () => {
    const { relay, log, kafka, run } = world(remade(), named(10));
    await relay.start();
    await run(await relay.start());
    Object.assign(kafka, { begin: 40, end: 50, records: events(40, 50) });
    await run(await relay.start());
    const { lost } = relay.newest() ?? {};
    expect(log.state.mark).toMatchObject({ reason: 'SOURCE_LOST', missed: 20, before: { reason: 'TOPIC_RECREATED' } });
    expect(lost).toMatchObject({ reason: 'TOPIC_RECREATED', since: log.state.mark?.position.time });
    expect(lost?.changedAt).toBeLessThan(lost?.since as number);
  });
});

describe('another history', () => {
  const gap = { reason: 'TOPIC_RECREATED', missed: null };
  const other = (count: number) =>
    Array.from({ length: count }, (_, i) => recordAt(i, { n: i }, { timestamp: 9_000_000 + i }));

  test('of a topic of another id is looked at twice, then takes the place of the old one, and all in it is new', async () => {
    const kafka = fakePartition(other(20), { topicId: 'T2', epochs: [[0, 0]] });
    const { relay, log, run, heard } = world(kafka, named(10));
    const suspicious = await relay.start();
    expect(suspicious.wait).toBeGreaterThan(0);
    expect(log.renewals).toEqual([]);
    expect((await run(await relay.start())).position).toBe(20);
    expect(log.renewals).toMatchObject([{ epoch: 'e1', watermark: 10, next: 0, history: { topicId: 'T2' }, gap }]);
    expect(log.appends).toMatchObject([{ epoch: 'e1+', base: 0, next: 20, gap: null }]);
    expect(log.appends[0]?.entries.map(({ refilled }) => refilled)).toEqual(Array.from({ length: 20 }, () => false));
    expect(heard).toContain('gap t TOPIC_RECREATED');
  });

  test('is told once, though a log that fails is asked again', async () => {
    const kafka = fakePartition(other(3), { topicId: 'T2', epochs: [[0, 0]] });
    const { relay, log } = world(kafka, named(10));
    await relay.start();
    const renew = log.renew;
    log.renew = async () => {
      log.renew = renew;
      throw new LogUnavailable('the log does not answer');
    };
    expect((await relay.start()).wait).toBeGreaterThan(0);
    await relay.start();
    expect((await relay.start()).wait).toBe(0);
    expect(log.renewals).toHaveLength(1);
  });

  test('of a topic of many partitions is told by each when the log is next asked, though each opens an epoch that the others have to learn', async () => {
    const kafka = fakePartition(other(3), { topicId: 'T2', epochs: [[0, 0]] });
    const { relay, log, lines } = world(kafka, named(10));
    await relay.start();
    const renew = log.renew;
    log.renew = async () => {
      log.renew = renew;
      return { kind: 'other-epoch', epoch: 'e2' };
    };
    await relay.start();
    expect((await relay.start()).wait).toBe(0);
    expect(log.renewals).toHaveLength(1);
    expect(lines.filter(({ line }) => line.includes('subscribers are told'))).toHaveLength(1);
  });

  test('that a cut leaves a part of: only what lies behind the cut is new, and coordinates from there on are void', async () => {
    // Of 30 records of the first leader the next one had 20, and wrote 15 of its own.
    const kafka = fakePartition([...events(0, 20), ...other(35).slice(20)], {
      topicId: 'T1',
      epochs: [
        [0, 0],
        [4, 20],
      ],
    });
    const { relay, log, run } = world(kafka, named(30));
    await relay.start();
    expect((await run(await relay.start())).position).toBe(35);
    const cut = { origin: originOf({ cluster: 'c', topic: 't' }, 'T1'), offset: 20 };
    expect(log.renewals).toMatchObject([
      { watermark: 30, next: 20, gap: { ...gap, cut }, history: log.appends[0]?.history },
    ]);
    expect(offsetsOf(log)).toEqual([Array.from({ length: 15 }, (_, i) => 20 + i)]);
    expect(log.appends[0]?.history).toEqual({
      topicId: 'T1',
      epochs: [
        [0, 0],
        [4, 20],
      ],
    });
  });

  test('is none where a leader was elected that has all that the log has', async () => {
    const kafka = fakePartition(events(0, 40), {
      topicId: 'T1',
      epochs: [
        [0, 0],
        [7, 30],
      ],
    });
    const { relay, log, run } = world(kafka, named(30));
    await run(await relay.start());
    expect(log.renewals).toEqual([]);
    expect(log.appends).toMatchObject([{ base: 30, next: 40, gap: null }]);
  });

  test('is found by what relays have reached, where the log has lost it', async () => {
    const kafka = fakePartition([...events(0, 20), ...other(35).slice(20)], {
      topicId: 'T1',
      epochs: [
        [0, 0],
        [4, 20],
      ],
      committed: 30,
      newest: {
        offset: 30,
        timestamp: events(29, 30)[0]?.timestamp as number,
        arrivals: [],
        history: { topicId: 'T1', epochs: [[0, 0]] },
        told: null,
        lost: null,
      },
    });
    const { relay, log, run } = world(kafka, named(10), { refillMax: 1e12 });
    await relay.start();
    await run(await relay.start());
    expect(log.renewals).toMatchObject([{ watermark: 10, next: 10, gap: { ...gap, cut: { offset: 20 } } }]);
    expect(offsetsOf(log)).toEqual([Array.from({ length: 25 }, (_, i) => 10 + i)]);
  });

  test('of another cluster begins where its records could still be asked for, once the other relay has let go', async () => {
    const kafka = fakePartition(events(0, 50), { topicId: 'T9', epochs: [[0, 0]] });
    const fed = { cluster: 'other', idle: 3_000 };
    const { relay, log, run } = world(
      kafka,
      { routes, feeder: fed },
      { now: () => recordAt(30, 0).timestamp + 600_000 },
    );
    expect((await relay.start()).wait).toBeGreaterThan(0);
    expect(relay.rivalry()).toContain('the Kafka cluster other');
    expect(log.renewals).toEqual([]);
    log.state = { ...log.state, feeder: { ...fed, idle: 16_000 } };
    await relay.start();
    expect((await run(await relay.start())).position).toBe(50);
    expect(relay.rivalry()).toBeNull();
    expect(log.renewals).toMatchObject([{ watermark: null, next: 30, gap }]);
    expect(log.appends.flatMap(({ entries }) => entries.map(({ refilled }) => refilled))).toEqual(
      Array.from({ length: 20 }, () => false),
    );
  });

  test('of a broker that names none is known where the log is ahead of it, and by the time of the newest record', async () => {
    for (const [kafka, watermark] of [
      [fakePartition(events(0, 3)), 1_000],
      [fakePartition(other(20)), 10],
    ] as const) {
      const { relay, log, run } = world(kafka, known(watermark));
      await run(await relay.start());
      await run(await relay.start());
      expect(log.renewals).toMatchObject([{ epoch: 'e1', watermark, next: 0, gap }]);
      expect(log.appends).toMatchObject([{ epoch: 'e1+', base: 0, next: kafka.end }]);
    }
  });

  test('of a broker that names none cannot be told where the newest record is gone: that is told', async () => {
    const { relay, log, run } = world(fakePartition([recordAt(12, {}, { timestamp: 5 })]), known(10));
    await run(await relay.start());
    expect(log.renewals).toEqual([]);
    expect(log.appends).toMatchObject([
      { epoch: 'e1', base: 10, next: 10, gap: { reason: 'SOURCE_LOST', missed: null } },
      { epoch: 'e1', base: 10, next: 13, gap: null },
    ]);
    const deleted = world(fakePartition([recordAt(12, {})], { begin: 10 }), known(10));
    await deleted.run(await deleted.relay.start());
    expect(deleted.log.appends[0]).toMatchObject({ base: 10, gap: { reason: 'SOURCE_LOST', missed: null } });
  });

  test('is named from the first record on that a broker names, once it is known to be the same', async () => {
    const kafka = fakePartition(events(0, 12), { topicId: 'T1', epochs: [[3, 0]] });
    const { relay, log, run } = world(kafka, known(10));
    await run(await relay.start());
    expect(log.appends).toMatchObject([
      { base: 10, next: 10, history: { topicId: 'T1' }, gap: null },
      { base: 10, next: 12, history: { topicId: 'T1' } },
    ]);
  });

  test('has dead letters of its own, though the old one had some at higher offsets', async () => {
    const kafka = fakePartition([...events(0, 5), recordAt(5, '{')], { topicId: 'T1', epochs: [[0, 0]] });
    const { relay, run, letters } = world(kafka, named(1));
    await run(await relay.start());
    Object.assign(kafka, fakePartition([recordAt(0, '{', { timestamp: 7 })], { topicId: 'T2', epochs: [[0, 0]] }));
    await relay.start();
    await run(await relay.start());
    expect(letters.map(({ record }) => record.offset)).toEqual([5, 0]);
  });
});

describe('a partition that came later than its topic', () => {
  const late = { topicId: 'T1', epochs: [[0, 0]] as LeaderEpoch[], partitions: 2 };

  test('begins at its begin, and all in it is new, however old its records are', async () => {
    const { relay, log, run } = world(fakePartition(events(0, 10), late), {}, { now: () => 1e12 });
    log.topic = async () => ({ partitions: 0, isNew: false });
    await run(await relay.start());
    expect(offsetsOf(log)).toEqual([[], events(0, 10).map(({ offset }) => offset)]);
    expect(log.appends[1]?.entries.some(({ refilled }) => refilled)).toBe(false);
  });

  test('is known by what the group has committed of others, where the log has just heard of the topic', async () => {
    const { relay, log, run } = world(
      fakePartition(events(0, 10), { ...late, hasSiblings: true }),
      {},
      { now: () => 1e12 },
    );
    log.topic = async () => ({ partitions: 2, isNew: true });
    await run(await relay.start());
    expect(log.appends[1]?.entries.some(({ refilled }) => refilled)).toBe(false);
  });

  test('is none where its topic had it at first: older records are of before', async () => {
    const { relay, log, run } = world(fakePartition(events(0, 10), { ...late, hasSiblings: true }));
    log.topic = async () => ({ partitions: 2, isNew: false });
    const begun = await relay.start();
    await run(begun);
    expect(log.appends.flatMap(({ entries }) => entries.filter(({ refilled }) => !refilled))).toEqual([]);
  });
});

describe('records that cannot be read', () => {
  test('become dead letters before the log passes them, and the stream goes on', async () => {
    const records = [recordAt(0, {}), recordAt(1, '{'), recordAt(2, ''), recordAt(3, {}), recordAt(4, { list: 1 })];
    const { relay, log, run, letters, heard, lines } = world(fakePartition(records), known(0));
    const turn = await run(await relay.start());
    expect(turn.position).toBe(5);
    expect(letters.map(({ record, fault }) => [record.offset, fault.reason])).toEqual([
      [1, 'not-json'],
      [2, 'empty-value'],
      [4, 'not-extracted'],
    ]);
    expect(offsetsOf(log)).toEqual([[0], [3, 4]]);
    expect(log.appends.map(({ next }) => next)).toEqual([1, 5]);
    expect(heard.filter((what) => what.startsWith('dead'))).toHaveLength(3);
    expect(lines).toContainEqual({
      line: 'error A record cannot be read: it is a dead letter',
      fields: expect.objectContaining({ topic: 't', partition: 0, offset: 1, reason: 'not-json' }),
    });
  });

  test('leave one line where many come together, with the first and how many they are', async () => {
    const records = Array.from({ length: 1_200 }, (_, offset) => recordAt(offset, '{'));
    const { relay, run, letters, heard, lines } = world(fakePartition(records), known(0));
    expect((await run(await relay.start())).position).toBe(1_200);
    expect([letters.length, heard.filter((what) => what.startsWith('dead')).length]).toEqual([1_200, 1_200]);
    const told = lines.filter(({ line }) => line.includes('dead letter')).map(({ fields }) => fields);
    expect(told).toMatchObject([
      { offset: 0, letters: 500, newest: 499 },
      { offset: 500, letters: 500, newest: 999 },
      { offset: 1_000, letters: 200, newest: 1_199 },
    ]);
  });

  test('hold the partition while they cannot be kept, with everything before them in the log', async () => {
    let broken = true;
    const kept: number[] = [];
    const writeLetters = async (letters: readonly DeadLetter[]) => {
      if (broken) throw new Error('the dead-letter topic does not answer');
      kept.push(...letters.map(({ record }) => record.offset));
    };
    const { relay, log, run, heard } = world(
      fakePartition([recordAt(0, {}), recordAt(1, '{'), recordAt(2, {})]),
      known(0),
      { writeLetters },
    );
    const turn = await run(await relay.start());
    expect(turn).toEqual({ position: 1, wait: 10, appended: 1 });
    expect(heard.some((what) => what.startsWith('dead'))).toBe(false);
    broken = false;
    expect(await run(turn)).toEqual({ position: 3, wait: 0, appended: 3 });
    expect(kept).toEqual([1]);
    expect(offsetsOf(log)).toEqual([[0], [2]]);
  });

  test('alternate with good ones, and all are written by one write before one append', async () => {
    const writes: number[][] = [];
    const records = Array.from({ length: 40 }, (_, offset) => recordAt(offset, offset % 2 === 0 ? '{' : {}));
    const { relay, log, run } = world(fakePartition(records), known(0), {
      writeLetters: async (letters) => void writes.push(letters.map(({ record }) => record.offset)),
    });
    expect((await run(await relay.start())).position).toBe(40);
    expect(writes).toEqual([records.filter((_, i) => i % 2 === 0).map(({ offset }) => offset)]);
    expect(offsetsOf(log)).toEqual([records.filter((_, i) => i % 2 === 1).map(({ offset }) => offset)]);
  });

  test('and cannot be kept from one on: what precedes that one is in the log, and no letter is written twice', async () => {
    let broken = true;
    const written: number[] = [];
    const writeLetters: DeadLetters = async (letters, kept) => {
      const some = broken ? letters.slice(0, 2) : letters;
      written.push(...some.map(({ record }) => record.offset));
      kept(some);
      if (broken) throw new Error('the dead-letter topic does not answer');
    };
    const records = [{}, '{', {}, '{', {}, '{', {}].map((value, offset) => recordAt(offset, value));
    const { relay, log, run, heard } = world(fakePartition(records), known(0), { writeLetters });
    const turn = await run(await relay.start());
    expect(turn).toEqual({ position: 5, wait: 10, appended: 5 });
    expect(offsetsOf(log)).toEqual([[0], [2, 4]]);
    broken = false;
    expect(await run(turn)).toEqual({ position: 7, wait: 0, appended: 7 });
    expect(offsetsOf(log)).toEqual([[0], [2, 4], [6]]);
    expect(written).toEqual([1, 3, 5]);
    expect(heard.filter((what) => what.startsWith('dead'))).toHaveLength(3);
  });

  test('are written once, however often the append after them fails', async () => {
    const { relay, log, run, letters, heard } = world(fakePartition([recordAt(0, '{'), recordAt(1, {})]), known(0));
    let turn = await relay.start();
    const down = new LogUnavailable('the log does not answer');
    log.script = [down, down, { kind: 'behind', watermark: 0 }, down];
    for (let i = 0; i < 10 && turn.position < 2; i++) turn = await run(turn, 1);
    expect(turn.position).toBe(2);
    expect(letters).toHaveLength(1);
    expect(heard.filter((what) => what.startsWith('dead'))).toEqual(['deadLettered t not-json']);
  });
});

test('a batch larger than an append goes in several, and stops between two when told to', async () => {
  const records = events(0, 4).map((record) => recordAt(record.offset, { list: Array.from({ length: 300 }, () => 1) }));
  const { relay, log } = world(fakePartition(records), known(0));
  await relay.start();
  const turn = await relay.take({ from: 0, to: 4, end: 4, records }, async () => log.appends.length < 2);
  expect(turn).toEqual({ position: 2, wait: 0, appended: 2 });
  expect(log.appends.map(({ entries }) => entries.length)).toEqual([301, 301]);
});

test('calls that overlap are carried out one after the other', async () => {
  const { relay, log } = world(fakePartition(events(0, 10)), known(4));
  await relay.start();
  const [first, second] = await Promise.all([
    relay.take({ from: 3, to: 8, end: 10, records: events(3, 8) }),
    relay.take({ from: 8, to: 10, end: 10, records: events(8, 10) }),
  ]);
  expect([first.position, second.position]).toEqual([8, 10]);
  expect(offsetsOf(log)).toEqual([
    [4, 5, 6, 7],
    [8, 9],
  ]);
});

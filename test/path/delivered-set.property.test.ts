import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultCluster } from '../../src/event/source-event.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { routingOf } from '../../src/relay/route.js';
import { compileSchema } from '../../src/schema/compile.js';
import { payloadOf } from '../../src/serve/connection/frames.js';
import { eventually } from '../support/eventually.js';
import { turns } from '../support/log/hostile-log.js';
import { cases } from '../support/properties.js';
import { entriesOf } from '../support/relay/entries.js';
import { recordAt } from '../support/relay/relay-world.js';
import { openReplica } from '../support/replica.js';

/**
 * Random rules, viewers and events through the whole river, held against a direct evaluation of the rule that shares
 * no code with it: three values, as CEL has them, over plain JavaScript.
 */
type Truth = true | false | 'error';

interface Case {
  readonly text: string;
  readonly judge: (event: Event, args: Args, claims: Claims) => Truth;
}
type Event = { userId?: string | number | null; room?: string | null; amount?: number | null };
type Args = { room: string | null; min: number | null };
type Claims = { sub?: unknown; rooms?: unknown; blocked?: unknown };

const and = (a: Truth, b: Truth): Truth =>
  a === false || b === false ? false : a === 'error' || b === 'error' ? 'error' : true;
const or = (a: Truth, b: Truth): Truth =>
  a === true || b === true ? true : a === 'error' || b === 'error' ? 'error' : false;
const not = (a: Truth): Truth => (a === 'error' ? 'error' : !a);

/** IDs and strings meet by their text; a side that is missing, null or of no such kind is an error. */
const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : null);
const same = (a: unknown, b: unknown): Truth => {
  const [x, y] = [text(a), text(b)];
  return x === null || y === null ? 'error' : x === y;
};
const within = (a: unknown, list: unknown): Truth => {
  if (!Array.isArray(list)) return 'error';
  if (text(a) === null) return 'error';
  return list.reduce<Truth>((found, one) => or(found, same(a, one)), false);
};

const atoms: Case[] = [
  { text: 'event.userId == claims.sub', judge: (e, _, c) => same(e.userId, c.sub) },
  { text: 'claims.sub == event.userId', judge: (e, _, c) => same(e.userId, c.sub) },
  { text: 'event.room in claims.rooms', judge: (e, _, c) => within(e.room, c.rooms) },
  { text: '!(event.userId in claims.blocked)', judge: (e, _, c) => not(within(e.userId, c.blocked)) },
  { text: 'args.room == null || event.room == args.room', judge: (e, a) => or(a.room === null, same(e.room, a.room)) },
  { text: 'event.room == args.room', judge: (e, a) => same(e.room, a.room) },
  {
    text: 'args.min == null || event.amount >= args.min',
    judge: (e, a) => or(a.min === null, typeof e.amount === 'number' && a.min !== null ? e.amount >= a.min : 'error'),
  },
  { text: 'event.room == null', judge: (e) => e.room === undefined || e.room === null },
];

const rule: fc.Arbitrary<Case> = fc.letrec<{ rule: Case }>((tie) => ({
  rule: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...atoms),
    fc.tuple(tie('rule'), tie('rule')).map(([a, b]) => ({
      text: `(${a.text}) && (${b.text})`,
      judge: (e: Event, as: Args, c: Claims) => and(a.judge(e, as, c), b.judge(e, as, c)),
    })),
    fc.tuple(tie('rule'), tie('rule')).map(([a, b]) => ({
      text: `(${a.text}) || (${b.text})`,
      judge: (e: Event, as: Args, c: Claims) => or(a.judge(e, as, c), b.judge(e, as, c)),
    })),
    tie('rule').map((a) => ({
      text: `!(${a.text})`,
      judge: (e: Event, as: Args, c: Claims) => not(a.judge(e, as, c)),
    })),
  ),
})).rule;

/** Few, so that they meet; and of every kind that has ever broken a key, a pattern or a channel name. */
const names = [
  '1',
  'a',
  'a b',
  '"',
  "'",
  'a:b',
  'a|b',
  '{a}',
  '*',
  '',
  'a\nb',
  '\ud800',
  '\udc00',
  '\ud83d\ude00',
  'é',
  'e\u0301',
  '\0',
  '__proto__',
  'constructor',
  '%20',
  '~',
  'x'.repeat(3000),
  `${'x'.repeat(2999)}y`,
];
const name = fc.constantFrom(...names);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 6 });
const event = fc.record({
  userId: maybe(fc.oneof(name, fc.constantFrom(1, 2), fc.constant(null))),
  room: maybe(fc.oneof(name, fc.constant(null))),
  amount: maybe(fc.integer({ min: 0, max: 9 })),
});
const claims = fc.record({
  sub: maybe(fc.oneof(name, fc.constantFrom(1, 2))),
  rooms: maybe(fc.oneof(fc.array(name, { maxLength: 4 }), name)),
  blocked: maybe(fc.array(name, { maxLength: 2 })),
});
const args = fc.record({
  room: fc.option(name, { freq: 3 }),
  min: fc.option(fc.integer({ min: 0, max: 9 }), { freq: 3 }),
});

test('every viewer gets exactly the events that the rule, judged by itself, lets pass; once and in order', async () => {
  let shown = 0;
  let hidden = 0;
  await fc.assert(
    fc.asyncProperty(
      rule,
      fc.array(fc.tuple(claims, args), { minLength: 1, maxLength: 6 }),
      fc.array(event, { minLength: 1, maxLength: 12 }),
      async (made, viewers, events) => {
        const { delivered, close } = await flow(made.text, viewers, events);
        for (const [n, [who, asked]] of viewers.entries()) {
          const expected = events.flatMap((one, at) => (made.judge(one, asked, who) === true ? [at] : []));
          expect(delivered[n], made.text).toEqual(expected);
          shown += expected.length;
          hidden += events.length - expected.length;
        }
        await close();
      },
    ),
    { numRuns: cases(400) },
  );
  // A property about nothing holds too.
  expect(Math.min(shown, hidden)).toBeGreaterThan(cases(1000));
});

async function flow(where: string, viewers: readonly (readonly [Claims, Args])[], events: readonly Event[]) {
  const sdl = `
    type Subscription {
      note(room: String, min: Int): Note! @kafka(topic: "notes") @authenticated
        @where(rule: ${JSON.stringify(where)})
    }
    type Note { seq: Int! userId: ID room: String amount: Int }`;
  const { schema, problems } = compileSchema(sdl, { retention: { retain: 600_000, max: 1000 } });
  if (!schema) throw new Error(`${where}: ${problems.map(({ message }) => message).join('; ')}`);
  const log = createMemoryLog();
  const parts = { log, streams: schema, resolvers: {}, now: Date.now, tailBytes: 1_000_000 };
  const { engine, hub } = await openReplica(parts);
  const delivered: number[][] = [];
  for (const [who, variables] of viewers) {
    const opened = await engine.open({
      query: 'subscription ($room: String, $min: Int) { note(room: $room, min: $min) { seq } }',
      variables,
      viewer: { signedIn: true, claims: JSON.parse(JSON.stringify(who)), expiresAt: null },
    });
    if (opened.kind !== 'running') throw new Error(JSON.stringify(opened));
    const mine: number[] = [];
    delivered.push(mine);
    opened.start({
      write: (frames) => mine.push(...frames.map((frame) => JSON.parse(payloadOf(frame)).data.note.seq)),
      drained: () => null,
      end() {},
      fail: (fault) => {
        throw fault;
      },
    });
  }
  const source = { cluster: 'c', topic: 'notes', partition: 0 };
  const { epoch } = await log.partition(source);
  for (const [offset, one] of events.entries()) {
    const record = recordAt(offset, { ...one, seq: offset }, { topic: 'notes', timestamp: Date.now() });
    const plan = schema.topics.in(defaultCluster).get('notes');
    if (!plan) throw new Error('the event cannot be read');
    const entries = entriesOf(record, routingOf(plan, 'topicA'));
    await log.append({
      source,
      epoch,
      base: offset,
      next: offset + 1,
      first: offset === 0,
      last: null,
      entries,
      gap: null,
      routes: [],
      fingerprint: schema.fingerprint,
    });
  }
  const end = (await log.heads()).heads[0]?.number;
  await eventually('the hub has offered everything', () => hub.heads()[0]?.number === end);
  // Groups hand out what they heard at the end of the turn.
  await turns(1);
  return { delivered, close: () => hub.close() };
}

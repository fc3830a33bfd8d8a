import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { turns } from '../support/hostile-log.js';
import { river } from '../support/river.js';
import { type Ask, type Case, type Draft, type Note, type Rights, resolversWith, sdlOf, topics } from './leak/case.js';
import { aCase, drawn } from './leak/draw.js';
import { type History, type Line, line } from './leak/line.js';
import type { Facts } from './leak/rules.js';

type Produce = readonly (readonly [Draft, Facts['record']])[];
type Step =
  | { readonly joins: Rights; readonly at: number; readonly field: string; readonly ask: Ask }
  | { readonly asks: number; readonly field: string; readonly ask: Ask }
  | { readonly renews: number; readonly to: Rights; readonly topic: string; readonly meanwhile: Produce }
  | { readonly revoked: number }
  | { readonly topic: string; readonly produce: Produce };

/** Over sockets claims and words are JSON, in which -0 is 0; and `all` tells the token’s own claims too. */
const asJson = (ask: Ask): Ask => ({
  ...ask,
  word: ask.word + 0,
  selected: ask.selected.filter((one) => one !== 'all'),
});

const aDay = aCase.chain((given) => {
  const { rights, ask, event, field } = drawn({ ...given, asks: given.asks.map(asJson) });
  const someone = fc.nat({ max: 5 });
  const topic = fc.constantFrom(...topics);
  const events = fc.array(event, { minLength: 1, maxLength: 4 });
  const joins = fc.record({ joins: rights, at: fc.nat({ max: 1 }), field, ask });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ topic, produce: events }) },
    { weight: 3, arbitrary: joins },
    { weight: 2, arbitrary: fc.record({ asks: someone, field, ask }) },
    { weight: 3, arbitrary: fc.record({ renews: someone, to: rights, topic, meanwhile: events }) },
    { weight: 1, arbitrary: fc.record({ revoked: someone }) },
  );
  const steps = fc
    .tuple(fc.array(joins, { minLength: 2, maxLength: 3 }), fc.array(step, { minLength: 5, maxLength: 15 }))
    .map(([first, then]): Step[] => [...first, ...then]);
  return fc.record({ given: fc.constant(given), steps }).map((day) => ({
    ...day,
    toString: () => `${sdlOf(given)}\n${day.steps.map((one) => `  ${fc.stringify(one)}`).join('\n')}\n`,
  }));
});

/** How many events were shown. */
async function lived({ given, steps }: { readonly given: Case; readonly steps: readonly Step[] }): Promise<number> {
  await using r = await river(sdlOf(given), { resolvers: resolversWith(turns) as never });
  const urls = [r.wsUrl, (await r.replica()).wsUrl];
  const history: History[number][] = [];
  const lines: Line[] = [];
  const fieldOf = (name: string) => given.fields.find((field) => field.name === name) as Case['fields'][number];
  const lineOf = (n: number) => lines[n % Math.max(1, lines.length)];
  async function produce(topic: string, events: Produce) {
    for (const [draft, record] of events) {
      const note = JSON.parse(JSON.stringify({ ...draft, seq: history.length })) as Note;
      history.push({ note, topic, record });
      if (!r.streams.topics.has(topic)) continue;
      await r.publish(topic, note, { ...record, key: record.key === null ? null : Buffer.from(record.key) });
    }
  }
  async function happen(step: Step) {
    if ('joins' in step) {
      const joined = await line(
        given,
        history,
        urls[step.at] as string,
        step.joins && { ...step.joins, sub: `${step.joins.sub}` },
      );
      lines.push(joined);
      await joined.ask(fieldOf(step.field), step.ask);
    } else if ('asks' in step) {
      const known = lineOf(step.asks);
      if (known && !known.isClosed()) await known.ask(fieldOf(step.field), step.ask);
    } else if ('renews' in step) {
      await Promise.all([lineOf(step.renews)?.renew(step.to), produce(step.topic, step.meanwhile)]);
    } else if ('revoked' in step) {
      const known = lineOf(step.revoked);
      if (known && !known.isClosed()) await known.revoke(r.revoke);
    } else await produce(step.topic, step.produce);
  }
  try {
    for (const step of steps) await happen(step);
    await eventually('everybody has what is theirs', () => lines.every((one) => one.missing().length === 0), {
      every: 5,
    }).catch(() => expect(lines.map((one) => one.missing())).toEqual(lines.map(() => [])));
    expect(lines.flatMap((one) => one.faults())).toEqual([]);
    return lines.reduce((sum, one) => sum + one.shown(), 0);
  } finally {
    await Promise.all(lines.map((one) => one[Symbol.asyncDispose]()));
  }
}

test('over real sockets, of two gateways, with tokens that are renewed and revoked: to each their own', async () => {
  let shown = 0;
  await fc.assert(
    fc.asyncProperty(aDay, async (day) => {
      shown += await lived(day);
    }),
    { numRuns: 60, endOnFailure: process.env.WITHOUT !== undefined },
  );
  expect(shown).toBeGreaterThan(100);
}, 60_000);

import fc from 'fast-check';
import { expect } from 'vitest';
import { defaultCluster } from '../../../src/event/source-event.js';
import { eventually } from '../../support/eventually.js';
import { turns } from '../../support/log/hostile-log.js';
import { river } from '../../support/river.js';
import { type Ask, type Case, type Draft, type Note, type Rights, resolversWith, sdlOf, topics } from './case.js';
import { aCase, drawn } from './draw.js';
import type { Seen } from './hunt.js';
import { type History, Line } from './line.js';
import type { Facts } from './rules.js';
import { overEvents, overWebSocket } from './wire.js';

type Produce = readonly (readonly [Draft, Facts['record']])[];
export type Step =
  | {
      readonly joins: Rights;
      readonly over: keyof typeof wires;
      readonly at: number;
      readonly field: string;
      readonly ask: Ask;
    }
  | { readonly asks: number; readonly field: string; readonly ask: Ask }
  | { readonly renews: number; readonly to: Rights; readonly topic: string; readonly meanwhile: Produce }
  | {
      readonly returns: number;
      readonly at: number;
      readonly as: Rights;
      readonly topic: string;
      readonly meanwhile: Produce;
      readonly joint: Produce;
    }
  | { readonly revoked: number }
  | { readonly topic: string; readonly produce: Produce };

const wires = { webSocket: overWebSocket, events: overEvents };

/** Over sockets claims and words are JSON, in which -0 is 0; and `all` tells the token’s own claims too. */
const asJson = (ask: Ask): Ask => ({
  ...ask,
  word: ask.word + 0,
  selected: ask.selected.filter((one) => one !== 'all'),
});
const named = (rights: Rights): Rights => rights && { ...rights, sub: `${rights.sub}` };

/** A day of two real gateways and those who come and go over both transports. */
export interface Day {
  toString(): string;
  run(): Promise<Pick<Seen, 'shown' | 'hidden'>>;
}

export const aDay: fc.Arbitrary<Day> = aCase.chain((given) => {
  const { rights, ask, event, field } = drawn({ ...given, asks: given.asks.map(asJson) });
  const someone = fc.nat({ max: 5 });
  const either = fc.nat({ max: 1 });
  const topic = fc.constantFrom(...topics);
  const events = fc.array(event, { minLength: 1, maxLength: 4 });
  const over = fc.constantFrom<keyof typeof wires>('webSocket', 'events');
  const joins = fc.record({ joins: rights, over, at: either, field, ask });
  const returns = fc.record({ returns: someone, at: either, as: rights, topic, meanwhile: events, joint: events });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ topic, produce: events }) },
    { weight: 3, arbitrary: joins },
    { weight: 2, arbitrary: fc.record({ asks: someone, field, ask }) },
    { weight: 3, arbitrary: fc.record({ renews: someone, to: rights, topic, meanwhile: events }) },
    { weight: 4, arbitrary: returns },
    { weight: 1, arbitrary: fc.record({ revoked: someone }) },
  );
  const steps = fc
    .tuple(fc.array(joins, { minLength: 2, maxLength: 3 }), fc.array(step, { minLength: 5, maxLength: 15 }))
    .map(([first, then]): Step[] => [...first, ...then]);
  return steps.map((day) => ({
    toString: () => `${sdlOf(given)}\n${day.map((one) => `  ${fc.stringify(one)}`).join('\n')}\n`,
    run: () => lived(given, day),
  }));
});

/** Throws when something leaked, came twice or never. */
export async function lived(given: Case, steps: readonly Step[]): Promise<Pick<Seen, 'shown' | 'hidden'>> {
  await using r = await river(sdlOf(given), { resolvers: resolversWith(turns) as never });
  const gateways = [r, await r.replica()];
  const history: History[number][] = [];
  const lines: Line[] = [];
  const fieldOf = (name: string) => given.fields.find((field) => field.name === name) as Case['fields'][number];
  const lineOf = (n: number) => lines[n % Math.max(1, lines.length)];
  async function produce(topic: string, events: Produce) {
    for (const [draft, record] of events) {
      const note = JSON.parse(JSON.stringify({ ...draft, seq: history.length })) as Note;
      history.push({ note, topic, record });
      if (!r.streams.topics.in(defaultCluster).has(topic)) continue;
      await r.publish(topic, note, { ...record, key: record.key === null ? null : Buffer.from(record.key) });
    }
  }
  async function happen(step: Step) {
    if ('joins' in step) {
      const joined = new Line(given, history, wires[step.over], gateways);
      lines.push(joined);
      await joined.join(step.at, named(step.joins));
      await joined.ask(fieldOf(step.field), step.ask);
    } else if ('asks' in step) {
      const known = lineOf(step.asks);
      if (known && !known.isClosed()) await known.ask(fieldOf(step.field), step.ask);
    } else if ('renews' in step) {
      await Promise.all([lineOf(step.renews)?.renew(step.to), produce(step.topic, step.meanwhile)]);
    } else if ('returns' in step) {
      const { topic, meanwhile, joint } = step;
      const produced = (some: Produce) => () => produce(topic, some);
      await lineOf(step.returns)?.comeBack(step.at, named(step.as), produced(meanwhile), produced(joint));
    } else if ('revoked' in step) await lineOf(step.revoked)?.revoke(r.revoke);
    else await produce(step.topic, step.produce);
  }
  try {
    for (const step of steps) await happen(step);
    await eventually('everybody has what is theirs', () => lines.every((one) => one.missing().length === 0), {
      every: 5,
    }).catch(() => expect(lines.map((one) => one.missing())).toEqual(lines.map(() => [])));
    expect(lines.flatMap((one) => one.faults())).toEqual([]);
    const shown = lines.reduce((sum, one) => sum + one.shown(), 0);
    return { shown, hidden: lines.length * history.length - shown };
  } finally {
    await Promise.all(lines.map((one) => one[Symbol.asyncDispose]()));
  }
}

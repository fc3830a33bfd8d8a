import { z } from 'zod';
import { routeOf } from '../../event/channel.js';
import type { Audience } from '../../graphql/audience.js';
import type { Routed } from '../../relay/route.js';
import type { TopicPlan } from '../../schema/stream-schema.js';

/** What became of one record, or would become of it. */
export const outcomeShape = z.object({
  partition: z.int(),
  offset: z.int(),
  /** Events of the record that are for somebody. */
  events: z.int(),
  /** Where those events go: of each route the first channel, and how many there are. */
  routes: z.array(z.object({ expression: z.string(), channel: z.string(), channels: z.int() })),
  /** Why there is no event, in words. Null where there is one, or the record is a dead letter. */
  nobody: z.string().nullable(),
  /** Why the record is a dead letter; null where it is none. */
  fault: z.object({ reason: z.string(), message: z.string() }).nullable(),
  /** Open streams that would be shown them; null where nobody knows. */
  audience: z.object({ listening: z.int(), shown: z.int() }).nullable(),
});
export type Outcome = z.infer<typeof outcomeShape>;

/** What the relay made of a record, for people. */
export function outcomeOf(
  place: { readonly partition: number; readonly offset: number },
  { entries, fault }: Routed,
  plan: TopicPlan,
  audience: Audience | null,
): Outcome {
  const channels = new Set(entries.flatMap((entry) => entry.channels.map(({ channel }) => channel)));
  const known = new Map(plan.extractors.flatMap(({ routes }) => routes.map(({ id, expression }) => [id, expression])));
  const routes = new Map<string, Outcome['routes'][number]>();
  for (const channel of channels) {
    const id = routeOf(channel);
    const { channel: first = channel, channels: before = 0 } = routes.get(id) ?? {};
    routes.set(id, { expression: known.get(id) ?? id, channel: first, channels: before + 1 });
  }
  return {
    partition: place.partition,
    offset: place.offset,
    events: entries.length,
    routes: [...routes.values()],
    nobody: entries.length === 0 && fault === null ? whyNobody(plan) : null,
    fault: fault && { reason: fault.reason, message: fault.error.message },
    audience,
  };
}

function whyNobody({ extractors }: TopicPlan): string {
  const all = extractors.flatMap(({ routes }) => routes.map(({ expression }) => expression));
  const read = [...new Set(all.flatMap((expression) => expression.split(' & ')))].filter((one) => one !== '*');
  const taken = extractors.every(({ verbatim }) => verbatim) ? [] : ['nothing was taken from it'];
  const missing = read.length === 0 ? [] : [`${read.join(', ')} is null, missing or of another type`];
  return [...taken, ...missing].join(', or ') || 'its value is null';
}

/** An outcome in a line, without the name of the record. */
export function shownOutcome(outcome: Outcome, place: string): string {
  const { events, routes, nobody, fault, audience } = outcome;
  const ways = routes.map(({ expression, channel, channels }) => {
    const name = expression === '*' ? 'everything' : expression;
    return `${name} (${channels === 1 ? channel : `${numeral(channels)} channels`})`;
  });
  const said = [
    ...(ways.length > 0 ? [`${events > 1 ? `${numeral(events)} events: ` : ''}${ways.join(', ')}`] : []),
    ...(ways.length > 0 && audience ? [heardBy(audience)] : []),
    ...(nobody === null ? [] : [`nobody: ${nobody}`]),
    ...(fault === null ? [] : [`dead letter, ${fault.reason}: ${fault.message}`]),
  ];
  return `${place} → ${said.join('; ')}`;
}

const heardBy = ({ listening, shown }: Audience): string =>
  listening === 0 ? 'no stream is open there' : `shown to ${numeral(shown)} of ${counted(listening, 'open stream')}`;

/** Counts of many outcomes. */
export interface Tally {
  records: number;
  routed: number;
  /** Events of those that were shown to an open stream. */
  shown: number;
  nobody: number;
  letters: number;
}

export const newTally = (): Tally => ({ records: 0, routed: 0, shown: 0, nobody: 0, letters: 0 });

/** A record of which one field took events and another could not is both. */
export function count(tally: Tally, { events, nobody, fault, audience }: Outcome): void {
  tally.records++;
  if (events > 0) tally.routed++;
  if (events > 0 && audience !== null && audience.shown > 0) tally.shown++;
  if (nobody !== null) tally.nobody++;
  if (fault !== null) tally.letters++;
}

export const numeral = (value: number): string => value.toLocaleString('en-US');
export const counted = (value: number, noun: string): string => `${numeral(value)} ${noun}${value === 1 ? '' : 's'}`;
